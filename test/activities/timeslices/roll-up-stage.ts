import { afterAll, beforeAll, beforeEach } from 'vitest';
import {
  rollUpCourse,
  rollUpSlices,
  type CourseRowsWritten,
  type SliceRowsWritten,
} from '../../../activities/timeslices/roll-up.ts';
import { openDatabase, type Database } from '../../../db/database.ts';
import { createMigratedDatabase, type TestDatabase } from '../../support/database.ts';
import { waitFor } from '../../support/wait.ts';
import { createSmallCourse, DAY, listMarked, START, type SmallCourse } from './small-course.ts';

/** A small course with one student, anew before each test of the file that imports this. */
let testDatabase: TestDatabase;
export let database: Database;
export let course: SmallCourse;
export let student: number;

beforeAll(async () => {
  testDatabase = await createMigratedDatabase();
  database = openDatabase({ url: testDatabase.url });
});

afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});

beforeEach(async () => {
  course = await createSmallCourse(database);
  student = await course.addUser(0);
});

export async function rollUp(): Promise<void> {
  const marked = await listMarked(database, course.id);
  for (const wikiId of new Set(marked.map((slice) => slice.wikiId))) {
    const startsAt = marked.filter((slice) => slice.wikiId === wikiId).map((slice) => slice.startAt);
    await database.transaction((transaction) =>
      rollUpSlices(transaction, { courseId: course.id, wikiId, startsAt }),
    );
  }
  await rollUpTotals();
}

export async function rollUpDays(...days: readonly number[]): Promise<SliceRowsWritten> {
  const startsAt = days.map((index) => START + index * DAY);
  return database.transaction((transaction) =>
    rollUpSlices(transaction, { courseId: course.id, wikiId: course.wiki, startsAt }),
  );
}

export async function rollUpTotals(): Promise<CourseRowsWritten> {
  return database.transaction((transaction) => rollUpCourse(transaction, { courseId: course.id }));
}

export async function exclude(article: number): Promise<void> {
  await database.query('insert into course_excluded_articles (course_id, article_id) values ($1, $2)', [
    course.id,
    article,
  ]);
}

export async function leave(user: number): Promise<void> {
  await database.query('delete from courses_users where course_id = $1 and user_id = $2', [course.id, user]);
}

export async function enroll(user: number): Promise<void> {
  await database.query('insert into courses_users (course_id, user_id) values ($1, $2)', [course.id, user]);
}

type Row = Record<string, unknown>;

const columns = {
  article_course_timeslices: `article_id, start_at, end_at, character_sum, references_count, revision_count, user_ids, new_article, first_revision`,
  course_user_wiki_timeslices: `user_id, wiki_id, start_at, end_at, character_sum_ms, character_sum_us, character_sum_draft, references_count, revision_count`,
  course_wiki_timeslices: `start_at, character_sum, references_count, revision_count, last_mw_rev_datetime, needs_update, needs_fetch`,
  articles_courses: `article_id, character_sum, references_count, user_ids, new_article, first_revision, tracked`,
  courses_users: `user_id, role, character_sum_ms, character_sum_us, character_sum_draft, references_count, revision_count`,
} as const;

export async function listRows(table: keyof typeof columns): Promise<readonly Row[]> {
  const { rows } = await database.query(
    `select ${columns[table]} from ${table} where course_id = $1 order by 1, 2, 3`,
    [course.id],
  );
  // Eight-byte integers in an array are texts to the driver.
  return rows.map((row: Row) =>
    Array.isArray(row['user_ids']) ? { ...row, user_ids: row['user_ids'].map(Number) } : row,
  );
}

export async function oneCourse(): Promise<Row | undefined> {
  const { rows } = await database.query('select * from courses where id = $1', [course.id]);
  return rows[0];
}

/** The transactions that wrote or locked each derived row, but for the slices, whose locks are meant. */
export async function rowVersions(): Promise<readonly Row[]> {
  const tables = [
    'article_course_timeslices',
    'course_user_wiki_timeslices',
    'articles_courses',
    'courses_users',
  ];
  const { rows } = await database.query(
    `${tables
      .map(
        (table) =>
          `select '${table}' as name, ctid::text, xmin::text, xmax::text from ${table} where course_id = $1`,
      )
      .join(' union all ')} order by 1, 2`,
    [course.id],
  );
  return rows;
}

export async function waitForLock(): Promise<void> {
  await waitFor(
    async () => {
      const { rows } = await database.query(
        `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      );
      return rows.length > 0;
    },
    { what: 'the roll-up to wait' },
  );
}

export function day(index: number, seconds = 0): Date {
  return new Date((START + index * DAY + seconds) * 1000);
}
