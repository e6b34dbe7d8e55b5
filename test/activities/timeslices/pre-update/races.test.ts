import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { recordPages } from '../../../../activities/timeslices/pre-update/pages.ts';
import { removeDepartedStudents } from '../../../../activities/timeslices/pre-update/students.ts';
import { rollUpSlices } from '../../../../activities/timeslices/roll-up.ts';
import { openDatabase, type Database, type Queryable } from '../../../../db/database.ts';
import type { PageState } from '../../../../platform/wiki/client.ts';
import { createMigratedDatabase, type TestDatabase } from '../../../support/database.ts';
import { waitFor } from '../../../support/wait.ts';
import { createSmallCourse, DAY, START, type SmallCourse } from '../small-course.ts';
import { expectTrue, markedDays, putCursor, rollUp, rowsOf } from './course-state.ts';

let testDatabase: TestDatabase;
let database: Database;
let course: SmallCourse;
let [student, first, second] = [0, 0, 0];

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
  first = await course.addArticle();
  second = await course.addArticle();
});

test('pages that are recorded and slices that are rebuilt do not wait for each other', async () => {
  // In the order of the articles their slices would be locked backward.
  await course.putFact({ article: first, user: student, day: 2, characters: 1 });
  await course.putFact({ article: second, user: student, day: 0, characters: 1 });
  const working: Promise<unknown>[] = [];
  await holdingSlice(1, async () => {
    working.push(rebuild([0, 1, 2]));
    await waitForWaiters(1);
    working.push(record(await missing([first, second])));
    await waitForWaiters(2);
  });
  await Promise.all(working);
  expect(await markedDays(database, course.id, course.wiki)).toEqual([0, 2]);
  await expectTrue(database, course.id);
});

test('two courses that record a page at once end with what was asked later', async () => {
  await course.putFact({ article: first, user: student, day: 0, characters: 1 });
  const { rows } = await database.query<{ title: string }>('select title from articles where id = $1', [
    first,
  ]);
  const states = await missing([first]);
  const working: Promise<unknown>[] = [];
  await database.transaction(async (transaction) => {
    await recordPages(transaction, { wikiId: course.wiki, states, checkedAt: new Date(START * 1000) });
    const title = rows[0]?.title ?? '';
    working.push(record(states.map(({ pageId }) => ({ kind: 'live', pageId, namespace: 0, title }))));
    await waitForWaiters(1);
  });
  await Promise.all(working);
  expect(await database.query('select deleted from articles where id = $1', [first])).toMatchObject({
    rows: [{ deleted: false }],
  });
  await expectTrue(database, course.id);
});

test('an exclusion by hand and the departure of a student do not wait for each other', async () => {
  await course.putFact({ article: first, user: student, day: 1, characters: 1 });
  await course.putFact({ article: second, user: student, day: 2, characters: 1 });
  await rollUp(database, course.id);
  await leave();
  const working: Promise<unknown>[] = [];
  await holdingSlice(2, async () => {
    working.push(removeDeparted());
    await waitForWaiters(1);
    working.push(exclude(first));
    await waitForWaiters(2);
  });
  await Promise.all(working);
  await expectTrue(database, course.id);
});

test('a student who returns while they are taken out is a student without a cursor', async () => {
  await course.putFact({ article: first, user: student, day: 1, characters: 1 });
  await putCursor(database, course.id, { user: student, wiki: course.wiki, until: START });
  await rollUp(database, course.id);
  await leave();
  let returning: Promise<unknown> | undefined;
  await database.transaction(async (transaction) => {
    await removeDepartedStudents(transaction, { courseId: course.id });
    returning = database.query('insert into courses_users (course_id, user_id) values ($1, $2)', [
      course.id,
      student,
    ]);
    await waitForWaiters(1);
  });
  await returning;
  expect(await rowsOf(database, 'course_user_wiki_cursors', course.id)).toEqual([]);
  expect(await rowsOf(database, 'article_course_user_wiki_timeslices', course.id)).toEqual([]);
  await expectTrue(database, course.id);
  expect(await rowsOf(database, 'courses_users', course.id)).toMatchObject([
    { user_id: student, revision_count: 0 },
  ]);
});

async function removeDeparted(): Promise<unknown> {
  return database.transaction((transaction) => removeDepartedStudents(transaction, { courseId: course.id }));
}

async function exclude(article: number): Promise<unknown> {
  return database.query('insert into course_excluded_articles (course_id, article_id) values ($1, $2)', [
    course.id,
    article,
  ]);
}

async function rebuild(days: readonly number[]): Promise<unknown> {
  const startsAt = days.map((day) => START + day * DAY);
  return database.transaction((transaction) =>
    rollUpSlices(transaction, { courseId: course.id, wikiId: course.wiki, startsAt }),
  );
}

async function record(states: readonly PageState[]): Promise<unknown> {
  return database.transaction((transaction) =>
    recordPages(transaction, { wikiId: course.wiki, states, checkedAt: new Date() }),
  );
}

async function missing(articles: readonly number[]): Promise<readonly PageState[]> {
  const { rows } = await database.query<{ pageId: number }>(
    'select mw_page_id as "pageId" from articles where id = any($1) order by id',
    [articles],
  );
  return rows.map(({ pageId }) => ({ kind: 'missing', pageId }));
}

async function leave(): Promise<void> {
  await database.query('delete from courses_users where course_id = $1 and user_id = $2', [
    course.id,
    student,
  ]);
}

/** Keeps everybody from the slice of a day while `work` lasts. */
async function holdingSlice(day: number, work: () => Promise<void>): Promise<void> {
  await database.transaction(async (transaction: Queryable) => {
    await transaction.query(
      `select from course_wiki_timeslices where course_id = $1 and start_at = to_timestamp($2) for no key update`,
      [course.id, START + day * DAY],
    );
    await work();
  });
}

async function waitForWaiters(count: number): Promise<void> {
  await waitFor(
    async () => {
      const { rows } = await database.query(
        `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      );
      return rows.length >= count;
    },
    { what: `${count} to wait for a lock` },
  );
}
