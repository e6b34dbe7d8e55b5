import type { Queryable } from '../../db/database.ts';
import {
  articleSlices,
  courseArticles,
  courseSlices,
  courseTotals,
  courseUsers,
  studentSlices,
} from './derived-rows.ts';
import { assign, countOfReplaced, differ, replacingRows, same } from './replacing-rows.ts';
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

const writeArticleSlices = `
  with fresh as materialized (${articleSlices(inSlices('fact'))}),
  ${replacingRows(articleSlice, inSlices('old'))}
  select ${countOfReplaced} as articles`;

const writeStudentSlices = `
  with fresh as materialized (${studentSlices(inSlices('fact'))}),
  ${replacingRows(studentSlice, inSlices('old'))},
  slices as (
    update course_wiki_timeslices old
    set ${assign(courseSlice.values, 'summed')}, needs_update = old.needs_fetch
    from (${courseSlices('fresh', inSlices('slice'))}) summed
    where ${same(courseSlice.key, 'old', 'summed')}
      and (${differ(courseSlice.values, 'old', 'summed')} or old.needs_update <> old.needs_fetch)
    returning 1)
  select ${countOfReplaced} as students, (select count(*) from slices) as slices`;

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
  if (startsAt.length === 0) return { articles: 0, students: 0, slices: 0 };
  const values = [courseId, wikiId, startsAt.map((second) => new Date(second * 1000))];
  await db.query(lockSlices, values);
  const written = { articles: 0, students: 0, slices: 0 };
  const { rows: articles } = await db.query<{ articles: number }>(writeArticleSlices, values);
  const { rows: students } = await db.query<{ students: number; slices: number }>(writeStudentSlices, values);
  return { ...written, ...articles[0], ...students[0] };
}

export interface CourseRowsWritten {
  readonly articles: number;
  readonly users: number;
}

const lockCourse = 'select id from courses where id = $1::bigint for no key update';

const writeCourseArticles = `
  with fresh as materialized (${courseArticles('')}),
  ${replacingRows(courseArticle, 'old.course_id = $1::bigint')}
  select ${countOfReplaced} as articles`;

const writeCourseUsers = `
  with written as (
    update courses_users old set ${assign(courseUser.values, 'fresh')}
    from (${courseUsers('')}) fresh
    where ${same(courseUser.key, 'old', 'fresh')} and ${differ(courseUser.values, 'old', 'fresh')}
    returning 1)
  select count(*) as users from written`;

const writeCourse = `
  update courses old set ${assign(course.values, 'fresh')}, updated_at = now()
  from (${courseTotals('')}) fresh
  where ${same(course.key, 'old', 'fresh')}`;

/**
 * Rolls a course's slices up into `articles_courses`, `courses_users` and `courses`, whose `updated_at` is always set.
 * `db` must be a transaction. Safe to run twice. The course's row is locked, as those do who exclude articles.
 */
export async function rollUpCourse(
  db: Queryable,
  { courseId }: { readonly courseId: number },
): Promise<CourseRowsWritten> {
  await db.query(lockCourse, [courseId]);
  const { rows: articles } = await db.query<{ articles: number }>(writeCourseArticles, [courseId]);
  const { rows: users } = await db.query<{ users: number }>(writeCourseUsers, [courseId]);
  await db.query(writeCourse, [courseId]);
  return { articles: 0, users: 0, ...articles[0], ...users[0] };
}
