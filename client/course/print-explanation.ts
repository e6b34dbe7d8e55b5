import { roleName } from '../../domain/timeslices/roles.ts';
import type { Column, Output } from '../output.ts';
import { instantText } from '../times.ts';
import {
  sum,
  type ExplainedFact,
  type ExplainedSlice,
  type ExplainedWiki,
  type Explanation,
} from './explain.ts';
import { printSome, section } from './print-details.ts';

/** The chain from the course's numbers down to the edits, for people. */
export function printExplanation(output: Output, explanation: Explanation): void {
  const { course, wikis } = explanation;
  output.line(
    `${course.slug}: ${course.characterSum} characters, ${course.referencesCount} references, ${course.revisionCount} revisions: the sums of its wikis' slices`,
  );
  printUser(output, explanation.user);
  printPages(output, explanation.pages);
  section(output, 'WIKIS: the sums of their slices');
  printSome(output, wikis, wikiColumns);
  const slices = wikis.flatMap((wiki) => wiki.slices);
  section(output, "SLICES: the sums of their students' mainspace");
  printSome(output, slices, sliceColumns);
  const students = slices.flatMap((slice) => slice.students.map((row) => ({ ...row, slice })));
  if (students.length > 0) {
    section(output, 'STUDENTS, a slice each: the sums of their edits that count');
    printSome(output, students, [
      sliceColumn(({ slice }) => slice),
      { head: 'STUDENT', cell: ({ username }) => username },
      ...sumColumns,
      { head: 'USER PAGES', cell: ({ characterSumUser }) => String(characterSumUser), align: 'right' },
      { head: 'DRAFTS', cell: ({ characterSumDraft }) => String(characterSumDraft), align: 'right' },
    ]);
  }
  const articles = slices.flatMap((slice) => slice.articles.map((row) => ({ ...row, slice })));
  if (articles.length > 0) {
    section(output, "ARTICLES, a slice each: the sums of all students' edits");
    printSome(output, articles, [
      sliceColumn(({ slice }) => slice),
      { head: 'ARTICLE', cell: ({ title }) => title },
      { head: 'NS', cell: ({ namespace }) => String(namespace), align: 'right' },
      ...sumColumns,
    ]);
  }
  printFacts(output, slices, explanation.asked);
}

function printUser(output: Output, user: Explanation['user']): void {
  if (user === null) return;
  if (user.roles.length === 0)
    output.line(`${user.username} is in no role of this course: no edit of theirs counts`);
  for (const role of user.roles) {
    output.line(
      `${user.username}, ${roleName(role.role)}: ${role.characterSum} characters, ${role.referencesCount} references, ${role.revisionCount} revisions${role.role === 0 ? '' : '; only students are counted'}`,
    );
  }
  for (const { wiki, fetchedUntil, refusedAt } of user.cursors) {
    if (refusedAt !== null)
      output.line(`${wiki} takes the username for malformed: nothing is fetched from there`);
    else
      output.line(
        fetchedUntil === null
          ? `${wiki} was never asked`
          : `fetched from ${wiki} until ${instantText(fetchedUntil)}`,
      );
  }
}

function printPages(output: Output, pages: Explanation['pages']): void {
  for (const { title, wiki, namespace, deleted, counted } of pages) {
    const numbers =
      counted === null
        ? `no article of the course${deleted ? ': the page is deleted' : ''}`
        : `${counted.characterSum} characters, ${counted.referencesCount} references, ${counted.students} students${counted.tracked ? '' : '; excluded by hand'}`;
    output.line(`${title} (${wiki}, namespace ${namespace}): ${numbers}`);
  }
}

function printFacts(output: Output, slices: readonly ExplainedSlice[], asked: Explanation['asked']): void {
  const facts = slices.flatMap((slice) => slice.facts.map((fact) => ({ ...fact, slice })));
  if (facts.length === 0) {
    output.line();
    const isNarrowed = Object.values(asked).some((value) => value !== undefined);
    output.line(
      isNarrowed
        ? 'No edit is known here.'
        : 'Name --user, --article or --slice to see the edits behind a number.',
    );
    return;
  }
  section(output, 'EDITS: of one student to one page in one slice');
  printSome(output, facts, [
    sliceColumn(({ slice }) => slice),
    { head: 'STUDENT', cell: ({ username }) => username },
    { head: 'PAGE', cell: ({ title }) => title },
    { head: 'NS', cell: ({ namespace }) => String(namespace), align: 'right' },
    ...sumColumns,
    {
      head: 'FIRST',
      cell: ({ firstRevision }) => (firstRevision === null ? '' : instantText(firstRevision)),
    },
    { head: 'LAST', cell: ({ lastRevision }) => (lastRevision === null ? '' : instantText(lastRevision)) },
    { head: 'COUNTS', cell: countsText },
    { head: 'BECAUSE', cell: ({ counts }) => counts.because.join('; ') },
  ]);
  const counted = facts.filter(({ counts }) => counts.characters);
  const revisions = facts.filter(({ counts }) => counts.revisions);
  output.line();
  output.line(
    `Of these count: ${sum(counted, ({ characterSum }) => characterSum)} characters, ${sum(counted, ({ referencesCount }) => referencesCount)} references, ${sum(revisions, ({ revisionCount }) => revisionCount)} revisions`,
  );
}

function countsText({ counts }: ExplainedFact): string {
  if (counts.characters) return 'yes';
  const parts = [...(counts.revisions ? ['revisions'] : []), ...(counts.article ? ['article'] : [])];
  return parts.length === 0 ? 'no' : `only ${parts.join(', ')}`;
}

interface Sums {
  readonly characterSum: number;
  readonly referencesCount: number;
  readonly revisionCount: number;
}

const sumColumns: readonly Column<Sums>[] = [
  { head: 'CHARACTERS', cell: ({ characterSum }) => String(characterSum), align: 'right' },
  { head: 'REFERENCES', cell: ({ referencesCount }) => String(referencesCount), align: 'right' },
  { head: 'REVISIONS', cell: ({ revisionCount }) => String(revisionCount), align: 'right' },
];

function sliceColumn<Row>(sliceOf: (row: Row) => ExplainedSlice): Column<Row> {
  return { head: 'SLICE', cell: (row) => instantText(sliceOf(row).startAt) };
}

const wikiColumns: readonly Column<ExplainedWiki>[] = [
  { head: 'WIKI', cell: ({ wiki }) => wiki },
  { head: 'SLICES', cell: ({ slicesAltogether }) => String(slicesAltogether), align: 'right' },
  { head: 'MARKED', cell: ({ slicesMarked }) => String(slicesMarked), align: 'right' },
  ...sumColumns,
];

const sliceColumns: readonly Column<ExplainedSlice>[] = [
  sliceColumn((slice) => slice),
  { head: 'ENDS BEFORE', cell: ({ endAt }) => instantText(endAt) },
  { head: 'WIKI', cell: ({ wiki }) => wiki },
  ...sumColumns,
  { head: '', cell: ({ marked, toFetch }) => (toFetch ? 'to be fetched again' : marked ? 'marked' : '') },
];
