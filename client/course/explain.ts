import { explainCounting, type Counted } from '../../domain/timeslices/counting.ts';
import { readInstant } from '../../domain/timeslices/iso-instant.ts';
import type { Queryable } from '../../db/database.ts';
import { notFound, wrongUsage } from '../operation-error.ts';
import type { CourseContext } from './context.ts';
import {
  listArticleRows,
  listCursors,
  listFactRows,
  listSliceRows,
  listStudentRows,
  type ArticleRow,
  type CursorRow,
  type FactRow,
  type Narrowing,
  type SliceRow,
  type StudentRow,
} from './explain-store.ts';
import type { TitledPage } from './exclusion-store.ts';
import { oneCourse } from './one-course.ts';
import { pagesTitled } from './pages.ts';
import { listUsers } from './roster-store.ts';
import {
  listArticles,
  listPeople,
  type StoredArticle,
  type StoredCourse,
  type StoredPerson,
} from './store.ts';

export interface ExplanationAsked {
  readonly user?: string | undefined;
  /** A title, in any namespace of any wiki of the course. */
  readonly article?: string | undefined;
  /** ISO 8601: a moment in the slices meant. */
  readonly slice?: string | undefined;
  /** False leaves out the edits, of which a course may have very many. */
  readonly facts?: boolean | undefined;
}

/** Where a course's numbers come from: each level sums the one below it. */
export interface Explanation {
  readonly course: StoredCourse;
  readonly asked: Omit<ExplanationAsked, 'facts'>;
  readonly wikis: readonly ExplainedWiki[];
  /** Of the user asked for: the rows in the course, and how far each wiki has been fetched. */
  readonly user: {
    readonly username: string;
    readonly roles: readonly StoredPerson[];
    readonly cursors: readonly CursorRow[];
  } | null;
  /** Pages of the title asked for, with what counts of them. */
  readonly pages: readonly (TitledPage & { readonly counted: StoredArticle | null })[];
}

export interface ExplainedWiki {
  readonly wiki: string;
  readonly characterSum: number;
  readonly referencesCount: number;
  readonly revisionCount: number;
  readonly slicesAltogether: number;
  readonly slicesMarked: number;
  /** Only those with edits or a mark, and those asked for. */
  readonly slices: readonly ExplainedSlice[];
}

export interface ExplainedSlice extends SliceRow {
  readonly students: readonly StudentRow[];
  readonly articles: readonly ArticleRow[];
  readonly facts: readonly ExplainedFact[];
}

export interface ExplainedFact extends FactRow {
  readonly counts: Counted;
}

/** Explains a course's numbers, or those of a student, an article, a slice; what is asked together narrows together. */
export async function explainCourse(
  { database }: CourseContext,
  slug: string,
  asked: ExplanationAsked,
): Promise<Explanation> {
  const course = await oneCourse(database, slug);
  const { courseId } = course;
  const at = asked.slice === undefined ? undefined : instantOf(asked.slice);
  const user = asked.user === undefined ? undefined : await oneUser(database, asked.user);
  const pages = asked.article === undefined ? undefined : await somePages(database, course, asked.article);
  const articleIds = pages?.map(({ articleId }) => articleId);
  const narrowing: Narrowing = { courseId, at, userId: user?.userId, articleIds };
  const slices = await listSliceRows(database, narrowing);
  if (at !== undefined && slices.length === 0) throw noSlice(course, at);
  const [students, articles, facts] = [
    // A student's numbers are of all articles together.
    pages === undefined ? await listStudentRows(database, narrowing) : [],
    await listArticleRows(database, narrowing),
    asked.facts === false ? [] : await listFactRows(database, narrowing),
  ];
  const tree = wikisOf(
    slices,
    { students, articles, facts: facts.map(withCounts) },
    (slice) => at !== undefined || (!user && !pages && (slice.marked || slice.revisionCount > 0)),
  );
  const articlesOfCourse = pages === undefined ? [] : await listArticles(database, courseId);
  return {
    course,
    asked: { user: asked.user, article: asked.article, slice: asked.slice },
    wikis: tree,
    user:
      user === undefined
        ? null
        : { username: user.username, ...(await standing(database, courseId, user.userId)) },
    pages: (pages ?? []).map((page) => ({
      ...page,
      counted: articlesOfCourse.find(({ articleId }) => articleId === page.articleId) ?? null,
    })),
  };
}

function instantOf(text: string): Date {
  const read = readInstant(text, 'first second');
  if (read.kind === 'instant') return new Date(read.at * 1000);
  throw wrongUsage(`--slice "${text}" ${read.why}`);
}

async function oneUser(
  db: Queryable,
  username: string,
): Promise<{ readonly userId: number; readonly username: string }> {
  const [user] = await listUsers(db, [username]);
  if (user !== undefined) return user;
  throw notFound(`nobody called "${username}" was ever in a course: check how it is written`);
}

async function somePages(
  db: Queryable,
  { courseId, slug }: StoredCourse,
  title: string,
): Promise<readonly TitledPage[]> {
  const pages = await pagesTitled(db, courseId, title);
  if (pages.length > 0) return pages;
  throw notFound(
    `the wikis of ${slug} have no page "${title}" that a student edited: titles are without the namespace's name`,
  );
}

function noSlice({ slug, startsAt, endsAt }: StoredCourse, at: Date): Error {
  return notFound(
    `no slice of ${slug} holds ${at.toISOString()}: the course lasts from ${startsAt.toISOString()} to ${endsAt.toISOString()}, and its first update makes the slices`,
  );
}

async function standing(
  db: Queryable,
  courseId: number,
  userId: number,
): Promise<{ readonly roles: readonly StoredPerson[]; readonly cursors: readonly CursorRow[] }> {
  const people = await listPeople(db, courseId);
  return {
    roles: people.filter((person) => person.userId === userId),
    cursors: await listCursors(db, { courseId, userId }),
  };
}

function withCounts(fact: FactRow): ExplainedFact {
  return { ...fact, counts: explainCounting({ ...fact, hasLiveRevision: fact.revisionCount > 0 }) };
}

interface Rows {
  readonly students: readonly StudentRow[];
  readonly articles: readonly ArticleRow[];
  readonly facts: readonly ExplainedFact[];
}

/** Puts rows under their slices and slices under their wikis. Slices without rows are shown where `isShown` says so. */
function wikisOf(
  slices: readonly SliceRow[],
  { students, articles, facts }: Rows,
  isShown: (slice: SliceRow) => boolean,
): readonly ExplainedWiki[] {
  const below = { students: bySlice(students), articles: bySlice(articles), facts: bySlice(facts) };
  const explained = slices.map((slice): ExplainedSlice => {
    const key = sliceKey(slice);
    return {
      ...slice,
      students: below.students.get(key) ?? [],
      articles: below.articles.get(key) ?? [],
      facts: below.facts.get(key) ?? [],
    };
  });
  return [...grouped(explained, ({ wiki }) => wiki)].map(([wiki, mine]) => ({
    wiki,
    characterSum: sum(mine, ({ characterSum }) => characterSum),
    referencesCount: sum(mine, ({ referencesCount }) => referencesCount),
    revisionCount: sum(mine, ({ revisionCount }) => revisionCount),
    slicesAltogether: mine.length,
    slicesMarked: mine.filter(({ marked }) => marked).length,
    slices: mine.filter((slice) => isShown(slice) || hasRows(slice)),
  }));
}

function hasRows({ students, articles, facts }: ExplainedSlice): boolean {
  return students.length + articles.length + facts.length > 0;
}

function bySlice<Row extends { readonly wikiId: number; readonly startAt: Date }>(
  rows: readonly Row[],
): ReadonlyMap<string, readonly Row[]> {
  return grouped(rows, sliceKey);
}

function grouped<Row, Key>(rows: readonly Row[], keyOf: (row: Row) => Key): ReadonlyMap<Key, readonly Row[]> {
  const found = new Map<Key, Row[]>();
  for (const row of rows) {
    const key = keyOf(row);
    const known = found.get(key);
    if (known === undefined) found.set(key, [row]);
    else known.push(row);
  }
  return found;
}

function sliceKey({ wikiId, startAt }: { readonly wikiId: number; readonly startAt: Date }): string {
  return `${wikiId} ${startAt.getTime()}`;
}

export function sum<Row>(rows: readonly Row[], value: (row: Row) => number): number {
  return rows.reduce((total, row) => total + value(row), 0);
}
