import type { Queryable } from '../../db/database.ts';
import {
  articleSlices,
  countedFacts,
  courseArticles,
  courseSlices,
  courseTotals,
  courseUsers,
  studentSlices,
} from './derived-rows.ts';
import { lockCourse } from './locking.ts';
import { assign, differ, replacingRows, same } from './replacing-rows.ts';
import { derivedTables } from './derived-tables.ts';

export interface SliceRollUp {
  readonly courseId: number;
  readonly wikiId: number;
  /** Starts of the slices, epoch seconds. */
  readonly startsAt: readonly number[];
}

/** Rows inserted, changed and deleted. Those that were right already are not written. */
export interface SliceRowsWritten {
  readonly articles: number;
  readonly students: number;
  /** Numbers changed, or only the mark cleared. */
  readonly slices: number;
}

const inSlices = (row: string): string =>
  `${row}.course_id = $1::bigint and ${row}.wiki_id = $2::bigint and ${row}.start_at = any($3::timestamptz[])`;

const { articleSlice, studentSlice, courseSlice, courseArticle, courseUser, course } = derivedTables;

const lockSlices = `
  select slice.start_at from course_wiki_timeslices slice where ${inSlices('slice')}
  order by slice.start_at for no key update`;

/** Facts, their articles and the roster, each read once, and then summed by article and by student. */
const writeSlices = `
  with facts as materialized (select * from article_course_user_wiki_timeslices fact where ${inSlices('fact')}),
  known as materialized (
    select id, namespace, deleted from articles where id = any(array(select distinct article_id from facts))),
  counted as materialized (${countedFacts('facts', 'known')}),
  article_slices as (${articleSlices('counted')}),
  ${replacingRows(articleSlice, 'article_slices', inSlices('old'), '_articles')},
  student_slices as materialized (${studentSlices('counted')}),
  ${replacingRows(studentSlice, 'student_slices', inSlices('old'), '_students')},
  slices as (
    update course_wiki_timeslices old
    set ${assign(courseSlice.values, 'summed')}, needs_update = old.needs_fetch
    from (${courseSlices('student_slices', inSlices('slice'))}) summed
    where ${same(courseSlice.key, 'old', 'summed')}
      and (${differ(courseSlice.values, 'old', 'summed')} or old.needs_update <> old.needs_fetch)
    returning 1)
  select (select count(*) from changed_articles) as articles, (select count(*) from changed_students) as students,
    (select count(*) from slices) as slices`;

/**
 * Makes the derived rows of some slices of a wiki what their facts say, and clears their `needs_update`; a slice that
 * `needs_fetch` keeps both marks. `db` must be a transaction. Safe to run twice: everything is computed, nothing incremented.
 *
 * The slices are locked first, in their order. Whoever changes facts, or what they are summed by, writes the mark in the same
 * transaction: either it waits for this one and its mark stays, or this one waits and reads what it did.
 */
export async function rollUpSlices(
  db: Queryable,
  { courseId, wikiId, startsAt }: SliceRollUp,
): Promise<SliceRowsWritten> {
  const nothing = { articles: 0, students: 0, slices: 0 };
  if (startsAt.length === 0) return nothing;
  const values = [courseId, wikiId, startsAt.map((second) => new Date(second * 1000))];
  await db.query(lockSlices, values);
  // All sets here may be big, and statistics know nothing of a table that was filled a minute ago.
  await db.query('set local enable_nestloop = off');
  const { rows } = await db.query<SliceRowsWritten>(writeSlices, values);
  await db.query('set local enable_nestloop to default');
  return rows[0] ?? nothing;
}

export interface CourseRowsWritten {
  readonly articles: number;
  readonly users: number;
}

const findStale = `
  select id, article_ids is null as "allArticles", user_ids is null as "allUsers"
  from stale_course_totals where course_id = $1::bigint`;

interface Stale {
  readonly id: number;
  readonly allArticles: boolean;
  readonly allUsers: boolean;
}

/** `$2` are ids of rows of `stale_course_totals`. */
const named = (column: 'article_ids' | 'user_ids'): string => `any(array(
    select distinct named.id from stale_course_totals stale, unnest(stale.${column}) named(id) where stale.id = any($2::bigint[])))`;

const writeCourseArticles = (inScope: (row: string) => string): string => `
  with ${replacingRows(
    courseArticle,
    `(${courseArticles('', inScope('slice'))})`,
    `old.course_id = $1::bigint and ${inScope('old')}`,
  )}
  select count(*) from changed`;

const writeCourseUsers = (inScope: (row: string) => string): string => `
  with written as (
    update courses_users old set ${assign(courseUser.values, 'fresh')}
    from (${courseUsers('', inScope)}) fresh
    where ${same(courseUser.key, 'old', 'fresh')} and ${differ(courseUser.values, 'old', 'fresh')}
    returning 1)
  select count(*) from written`;

const everything = (): string => 'true';
const writeAll = { articles: writeCourseArticles(everything), users: writeCourseUsers(everything) };
const writeStale = {
  articles: writeCourseArticles((row) => `${row}.article_id = ${named('article_ids')}`),
  users: writeCourseUsers((row) => `${row}.user_id = ${named('user_ids')}`),
};

const writeCourse = `
  update courses old set ${assign(course.values, 'fresh')}, updated_at = now()
  from (${courseTotals('')}) fresh
  where ${same(course.key, 'old', 'fresh')}`;

/**
 * Rolls a course's slices up into `articles_courses`, `courses_users` and `courses`, whose `updated_at` is always set.
 * `db` must be a transaction. Safe to run twice. The course's row is locked, as those do who exclude articles.
 *
 * Only the articles and users that `stale_course_totals` names are summed. Its rows are read before anything that they
 * are about, and only those are deleted: what is committed in between is seen in part and stays named for the next time.
 */
export async function rollUpCourse(
  db: Queryable,
  { courseId }: { readonly courseId: number },
): Promise<CourseRowsWritten> {
  await lockCourse(db, courseId);
  const { rows: stale } = await db.query<Stale>(findStale, [courseId]);
  const written = stale.length === 0 ? { articles: 0, users: 0 } : await writeTotals(db, courseId, stale);
  await db.query(writeCourse, [courseId]);
  return written;
}

async function writeTotals(
  db: Queryable,
  courseId: number,
  stale: readonly Stale[],
): Promise<CourseRowsWritten> {
  const ids = stale.map(({ id }) => id);
  const isAll = { articles: stale.some((row) => row.allArticles), users: stale.some((row) => row.allUsers) };
  const write = async (kind: 'articles' | 'users'): Promise<number> => {
    const { rows } = isAll[kind]
      ? await db.query<{ count: number }>(writeAll[kind], [courseId])
      : await db.query<{ count: number }>(writeStale[kind], [courseId, ids]);
    return rows[0]?.count ?? 0;
  };
  const written = { articles: await write('articles'), users: await write('users') };
  await db.query('delete from stale_course_totals where id = any($1::bigint[])', [ids]);
  return written;
}
