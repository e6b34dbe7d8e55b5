import { expect } from 'vitest';
import { listDifferences } from '../../../../activities/timeslices/rebuild.ts';
import { rollUpCourse, rollUpSlices } from '../../../../activities/timeslices/roll-up.ts';
import type { Database, Queryable } from '../../../../db/database.ts';
import { DAY, listMarked, START } from '../small-course.ts';

const courseTables = [
  'courses_users',
  'courses_wikis',
  'articles_courses',
  'course_excluded_articles',
  'course_wiki_timeslices',
  'course_user_wiki_timeslices',
  'article_course_timeslices',
  'article_course_user_wiki_timeslices',
  'course_user_wiki_cursors',
  'wiki_fetches',
] as const;

export type CourseTable = (typeof courseTables)[number];

/** Every row of the course, but for the course's own, whose `updated_at` every roll-up moves. */
export async function stateOf(db: Queryable, courseId: number): Promise<Record<string, readonly unknown[]>> {
  const state: Record<string, readonly unknown[]> = {};
  for (const table of courseTables) state[table] = await rowsOf(db, table, courseId);
  return state;
}

/** Rows as JSON, in an order of their own. */
export async function rowsOf(
  db: Queryable,
  table: CourseTable,
  courseId: number,
): Promise<readonly Record<string, unknown>[]> {
  const { rows } = await db.query<{ row: Record<string, unknown> }>(
    `select to_jsonb(known) as row from ${table} known where course_id = $1 order by to_jsonb(known)::text`,
    [courseId],
  );
  return rows.map(({ row }) => row);
}

/** What `reprocess` and the roll-up do without a wiki. */
export async function rollUp(database: Database, courseId: number): Promise<void> {
  const marked = await listMarked(database, courseId);
  for (const wikiId of new Set(marked.map((slice) => slice.wikiId))) {
    const startsAt = marked.filter((slice) => slice.wikiId === wikiId).map((slice) => slice.startAt);
    await database.transaction((transaction) => rollUpSlices(transaction, { courseId, wikiId, startsAt }));
  }
  await database.transaction((transaction) => rollUpCourse(transaction, { courseId }));
}

/** Works the marks, and holds every number of the course against a rebuild from the facts. */
export async function expectTrue(database: Database, courseId: number): Promise<void> {
  await rollUp(database, courseId);
  expect(await listDifferences(database, { courseId })).toEqual([]);
}

/** Runs a step in a transaction, twice; the second time nothing changes. Answers what the first run answered. */
export async function twice<Result>(
  database: Database,
  courseId: number,
  step: (transaction: Queryable) => Promise<Result>,
): Promise<Result> {
  const result = await database.transaction(step);
  const state = await stateOf(database, courseId);
  await database.transaction(step);
  expect(await stateOf(database, courseId)).toEqual(state);
  return result;
}

export interface SliceState {
  /** Days after the course's first start; parts of a day are fractions. */
  readonly from: number;
  readonly to: number;
  readonly mark: 'none' | 'update' | 'fetch';
}

export async function slicesOf(
  db: Queryable,
  courseId: number,
  wikiId: number,
): Promise<readonly SliceState[]> {
  const { rows } = await db.query<SliceState>(
    `select ((extract(epoch from start_at) - $3) / $4)::float as from, ((extract(epoch from end_at) - $3) / $4)::float as to,
       case when needs_fetch then 'fetch' when needs_update then 'update' else 'none' end as mark
     from course_wiki_timeslices where course_id = $1 and wiki_id = $2 order by start_at`,
    [courseId, wikiId, START, DAY],
  );
  return rows;
}

/** Days of the marked slices. */
export async function markedDays(
  db: Queryable,
  courseId: number,
  wikiId: number,
): Promise<readonly number[]> {
  const slices = await slicesOf(db, courseId, wikiId);
  return slices.filter(({ mark }) => mark !== 'none').map(({ from }) => from);
}

export interface CursorGiven {
  readonly user: number;
  readonly wiki: number;
  /** Epoch seconds; null: never fetched. */
  readonly until: number | null;
}

export async function putCursor(
  db: Queryable,
  courseId: number,
  { user, wiki, until }: CursorGiven,
): Promise<void> {
  await db.query(
    `insert into course_user_wiki_cursors (course_id, wiki_id, user_id, ingested_until)
     values ($1, $2, $3, to_timestamp($4::bigint))
     on conflict (course_id, wiki_id, user_id) do update set ingested_until = excluded.ingested_until`,
    [courseId, wiki, user, until],
  );
}

export async function moveDates(
  db: Queryable,
  courseId: number,
  period: { readonly startsAt: number; readonly endsAt: number },
): Promise<void> {
  await db.query(
    'update courses set starts_at = to_timestamp($2), ends_at = to_timestamp($3) where id = $1',
    [courseId, period.startsAt, period.endsAt],
  );
}
