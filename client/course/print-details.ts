import { roleName } from '../../domain/timeslices/roles.ts';
import type { Column, Output } from '../output.ts';
import { instantText } from '../times.ts';
import { scheduleText } from './schedule.ts';
import type { CourseDetails } from './show.ts';
import type { StoredArticle, StoredCourseWiki, StoredPerson } from './store.ts';

/** Everything of one course, for people. */
export function printDetails(output: Output, details: CourseDetails): void {
  output.table(factsOf(details), [
    { head: 'COURSE', cell: ([name]) => name },
    { head: details.slug, cell: ([, value]) => value },
  ]);
  section(output, 'WIKIS');
  output.table(details.wikis, wikiColumns);
  for (const { wiki, left } of details.wikis) {
    if (left !== null) output.line(`${wiki} was left over at ${instantText(left.at)}: ${left.because}`);
  }
  section(output, `STUDENTS (${details.students.length})`);
  printSome(output, details.students, studentColumns);
  for (const { username, refusedBy } of details.students) {
    if (refusedBy.length > 0)
      output.line(`${username} is no username for ${refusedBy.join(', ')}: not fetched there`);
  }
  if (details.otherRoles.length > 0) {
    section(output, 'OTHER ROLES');
    for (const { username, role } of details.otherRoles) output.line(`${username}  ${roleName(role)}`);
  }
  section(output, `ARTICLES (${details.articles.length})`);
  printSome(output, details.articles, articleColumns);
}

function factsOf(details: CourseDetails): readonly (readonly [string, string])[] {
  const { schedule, lastUpdate } = details;
  return [
    ['title', details.title],
    ['dates', `${instantText(details.startsAt)} to ${instantText(details.endsAt)}, both counted`],
    ['students', String(details.userCount)],
    ['articles', `${details.articleCount}, ${details.newArticleCount} of them new`],
    ['characters', String(details.characterSum)],
    ['references', String(details.referencesCount)],
    ['revisions', String(details.revisionCount)],
    ['numbers of', details.updatedAt === null ? 'never updated' : instantText(details.updatedAt)],
    ...(details.fullRebuildAsked ? ([['', 'a full rebuild was asked for']] as const) : []),
    [
      'slices',
      `${details.slices - details.slicesMarked} of ${details.slices} done, ${details.slicesMarked} marked`,
    ],
    ...(details.wikisLeft.length === 0
      ? []
      : ([
          ['left over', `${details.wikisLeft.join(', ')}: the numbers lack what these did not tell`],
        ] as const)),
    [
      'schedule',
      schedule === null
        ? 'unknown: Temporal cannot be reached, or `registrar setup` has to make it'
        : scheduleText(schedule),
    ],
    ...(lastUpdate === null ? [] : updateFacts(lastUpdate)),
  ];
}

function updateFacts({
  status,
  begunAt,
  url,
  progress,
}: NonNullable<CourseDetails['lastUpdate']>): readonly (readonly [string, string])[] {
  const how =
    progress === null
      ? 'no worker answers'
      : `${progress.phase}, ${progress.slices.done} of ${progress.slices.all} slices`;
  const at = progress?.wikis.length ? `, at ${progress.wikis.join(', ')}` : '';
  return [
    ['last update', `${status}, begun ${instantText(begunAt)}${status === 'running' ? `: ${how}${at}` : ''}`],
    ['', url],
  ];
}

const wikiColumns: readonly Column<StoredCourseWiki>[] = [
  { head: 'WIKI', cell: ({ wiki }) => wiki },
  { head: 'NAMESPACES', cell: ({ namespaces }) => namespaces.join(', ') },
  {
    head: 'SLICES DONE',
    cell: ({ slices, slicesMarked }) => `${slices - slicesMarked} of ${slices}`,
    align: 'right',
  },
  { head: 'MARKED', cell: ({ slicesMarked }) => String(slicesMarked), align: 'right' },
  { head: 'CHARACTERS', cell: ({ characterSum }) => String(characterSum), align: 'right' },
  { head: 'REFERENCES', cell: ({ referencesCount }) => String(referencesCount), align: 'right' },
  { head: 'REVISIONS', cell: ({ revisionCount }) => String(revisionCount), align: 'right' },
  { head: 'FETCHED UNTIL', cell: fetchedText },
  { head: 'API', cell: ({ apiUrl }) => apiUrl },
];

function fetchedText({ fetchedUntil, studentsToFetch }: StoredCourseWiki): string {
  if (studentsToFetch > 0) return `${studentsToFetch} students never`;
  return fetchedUntil === null ? '' : instantText(fetchedUntil);
}

const studentColumns: readonly Column<StoredPerson>[] = [
  { head: 'USERNAME', cell: ({ username }) => username },
  { head: 'CHARACTERS', cell: ({ characterSum }) => String(characterSum), align: 'right' },
  { head: 'USER PAGES', cell: ({ characterSumUser }) => String(characterSumUser), align: 'right' },
  { head: 'DRAFTS', cell: ({ characterSumDraft }) => String(characterSumDraft), align: 'right' },
  { head: 'REFERENCES', cell: ({ referencesCount }) => String(referencesCount), align: 'right' },
  { head: 'REVISIONS', cell: ({ revisionCount }) => String(revisionCount), align: 'right' },
  { head: 'ENROLLED', cell: ({ enrolledAt }) => instantText(enrolledAt) },
  {
    head: 'LMS USER',
    cell: ({ lmsUserId }) => (lmsUserId === null ? '' : String(lmsUserId)),
    align: 'right',
  },
];

const articleColumns: readonly Column<StoredArticle>[] = [
  { head: 'ARTICLE', cell: ({ title }) => title },
  { head: 'NS', cell: ({ namespace }) => String(namespace), align: 'right' },
  { head: 'WIKI', cell: ({ wiki }) => wiki },
  { head: 'CHARACTERS', cell: ({ characterSum }) => String(characterSum), align: 'right' },
  { head: 'REFERENCES', cell: ({ referencesCount }) => String(referencesCount), align: 'right' },
  { head: 'STUDENTS', cell: ({ students }) => String(students), align: 'right' },
  {
    head: '',
    cell: ({ newArticle, tracked }) =>
      [...(newArticle ? ['new'] : []), ...(tracked ? [] : ['excluded'])].join(', '),
  },
];

const MOST_ROWS = 20;

/** The first rows, and how many more there are. */
export function printSome<Row>(output: Output, rows: readonly Row[], columns: readonly Column<Row>[]): void {
  if (rows.length === 0) {
    output.line('none');
    return;
  }
  output.table(rows.slice(0, MOST_ROWS), columns);
  if (rows.length > MOST_ROWS) output.line(`and ${rows.length - MOST_ROWS} more: --json has them all`);
}

export function section(output: Output, title: string): void {
  output.line();
  output.line(output.paint('bold', title));
}
