import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { findMarkedBatch } from '../../../activities/timeslices/marked-batch.ts';
import { rollUpSlices } from '../../../activities/timeslices/roll-up.ts';
import { openDatabase, type Database } from '../../../db/database.ts';
import { createMigratedDatabase, type TestDatabase } from '../../support/database.ts';
import { createSmallCourse, DAY, START, type SmallCourse } from './small-course.ts';

let testDatabase: TestDatabase;
let database: Database;
let course: SmallCourse;

beforeAll(async () => {
  testDatabase = await createMigratedDatabase();
  database = openDatabase({ url: testDatabase.url });
});

afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});

beforeEach(async () => {
  course = await createSmallCourse(database, 4);
});

test('nothing is handed out where nothing is marked', async () => {
  expect(await batch()).toEqual({ startsAt: [], remaining: 0 });
});

test('marked slices are handed out earliest first, also those without facts, and none that is not marked', async () => {
  await mark(0, 2, 3);
  expect(await batch()).toEqual({ startsAt: [day(0), day(2), day(3)], remaining: 3 });
});

test('those of another wiki are left to it', async () => {
  const other = await course.addWiki();
  await mark(1);
  expect(await findMarkedBatch(database, { courseId: course.id, wikiId: other })).toMatchObject({
    startsAt: [day(1)],
  });
  await database.query('update course_wiki_timeslices set needs_update = false where wiki_id = $1', [other]);
  expect(await findMarkedBatch(database, { courseId: course.id, wikiId: other })).toMatchObject({
    startsAt: [],
  });
  expect(await batch()).toEqual({ startsAt: [day(1)], remaining: 1 });
});

test('slices that keep their marks are not handed out again behind the last one', async () => {
  await mark(0, 1);
  await database.query(
    'update course_wiki_timeslices set needs_fetch = true where course_id = $1 and needs_update',
    [course.id],
  );
  const { startsAt } = await batch();
  await database.transaction((transaction) =>
    rollUpSlices(transaction, { courseId: course.id, wikiId: course.wiki, startsAt }),
  );
  expect(await batch()).toMatchObject({ remaining: 2 });
  expect(await batch(startsAt.at(-1))).toEqual({ startsAt: [], remaining: 0 });
});

test('a batch ends before it holds too many facts, and a slice with more is handed out alone', async () => {
  await fill([20_000, 20_000, 20_000, 60_000]);
  expect(await batch()).toEqual({ startsAt: [day(0), day(1)], remaining: 4 });
  expect(await batch(day(1))).toEqual({ startsAt: [day(2)], remaining: 2 });
  expect(await batch(day(2))).toEqual({ startsAt: [day(3)], remaining: 1 });
});

function batch(after?: number): ReturnType<typeof findMarkedBatch> {
  return findMarkedBatch(database, { courseId: course.id, wikiId: course.wiki, after });
}

function day(index: number): number {
  return START + index * DAY;
}

async function mark(...days: readonly number[]): Promise<void> {
  await database.query(
    'update course_wiki_timeslices set needs_update = true where course_id = $1 and extract(epoch from start_at) = any($2)',
    [course.id, days.map(day)],
  );
}

/** So many facts a day, of one user each about an article of its own. */
async function fill(counts: readonly number[]): Promise<void> {
  const user = await course.addUser(0);
  await database.query(
    `insert into articles (wiki_id, mw_page_id, title, namespace)
     select $1, -n, 'Many_' || n, 0 from generate_series(1, $2::integer) n`,
    [course.wiki, Math.max(...counts)],
  );
  await database.query('analyze articles');
  for (const [index, count] of counts.entries()) {
    await database.query(
      `insert into article_course_user_wiki_timeslices (course_id, wiki_id, article_id, user_id, start_at, end_at,
         character_sum, references_count, revision_count)
       select $1, $2, id, $3, to_timestamp($4), to_timestamp($4 + ${DAY}), 0, 0, 0
       from articles where wiki_id = $2 and mw_page_id between -$5::integer and -1`,
      [course.id, course.wiki, user, day(index), count],
    );
  }
  await mark(...counts.keys());
}
