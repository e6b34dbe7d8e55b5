import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { findLongOver } from '../../../../activities/timeslices/pre-update/long-over.ts';
import { openDatabase, type Database } from '../../../../db/database.ts';
import { createMigratedDatabase, type TestDatabase } from '../../../support/database.ts';
import { createSmallCourse, DAY, START, type SmallCourse } from '../small-course.ts';
import { moveDates, putCursor } from './course-state.ts';

const END = START + 3 * DAY - 1;
const DAYS = 30;

let testDatabase: TestDatabase;
let database: Database;
let course: SmallCourse;
let student: number;

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
  await course.addUser(1);
  await putCursor(database, course.id, { user: student, wiki: course.wiki, until: END });
});

test('is over when it ended long ago and everybody was fetched up to its end', async () => {
  expect(await isOver()).toBe(true);
});

test('is not over on the last second of the thirtieth day', async () => {
  expect(await isOver(END + DAYS * DAY)).toBe(false);
});

test('is over without students, and without wikis', async () => {
  await run('delete from courses_users where course_id = $1');
  await run('delete from course_user_wiki_cursors where course_id = $1');
  expect(await isOver()).toBe(true);
});

test('is not over while a full rebuild is asked for', async () => {
  await run('update courses set needs_update = true where id = $1');
  expect(await isOver()).toBe(false);
});

test('is not over while a slice is marked', async () => {
  await run(
    `update course_wiki_timeslices set needs_update = true where course_id = $1
     and start_at = (select min(start_at) from course_wiki_timeslices where course_id = $1)`,
  );
  expect(await isOver()).toBe(false);
});

test('is not over while a wiki left something', async () => {
  await run(`update courses_wikis set left_at = now(), left_because = 'it is down' where course_id = $1`);
  expect(await isOver()).toBe(false);
});

test('is not over for a student who was fetched not quite up to the end, or never', async () => {
  await putCursor(database, course.id, { user: student, wiki: course.wiki, until: END - 1 });
  expect(await isOver()).toBe(false);
  await putCursor(database, course.id, { user: student, wiki: course.wiki, until: null });
  expect(await isOver()).toBe(false);
  await run('delete from course_user_wiki_cursors where course_id = $1');
  expect(await isOver()).toBe(false);
});

test('is not over on a second wiki of which nobody was fetched', async () => {
  const wiki = await course.addWiki();
  expect(await isOver()).toBe(false);
  await putCursor(database, course.id, { user: student, wiki, until: END });
  expect(await isOver()).toBe(true);
});

test('is over though a wiki refuses a student', async () => {
  await putCursor(database, course.id, { user: student, wiki: course.wiki, until: null });
  await run('update course_user_wiki_cursors set refused_at = now() where course_id = $1');
  expect(await isOver()).toBe(true);
});

test('is not over while the slices are those of other dates', async () => {
  await moveDates(database, course.id, { startsAt: START - DAY, endsAt: END });
  expect(await isOver()).toBe(false);
});

test('is not over while slices of a wiki that was taken out are there', async () => {
  await run('delete from courses_wikis where course_id = $1');
  expect(await isOver()).toBe(false);
});

test('is not over while something of a student is there who left', async () => {
  await run('delete from courses_users where course_id = $1 and role = 0');
  expect(await isOver()).toBe(false);
});

async function isOver(now = END + DAYS * DAY + 1): Promise<boolean> {
  return findLongOver(database, { courseId: course.id, now: new Date(now * 1000), days: DAYS });
}

async function run(statement: string): Promise<void> {
  await database.query(statement, [course.id]);
}
