import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createCourseActivities, type CourseActivities } from '../../../activities/timeslices/index.ts';
import { openDatabase, type Database } from '../../../db/database.ts';
import { createMigratedDatabase, type TestDatabase } from '../../support/database.ts';
import { createSmallCourse, DAY, START, type SmallCourse } from './small-course.ts';

let testDatabase: TestDatabase;
let database: Database;
let activities: CourseActivities;
let course: SmallCourse;

beforeAll(async () => {
  testDatabase = await createMigratedDatabase();
  database = openDatabase({ url: testDatabase.url });
  activities = createCourseActivities({ database });
});

afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});

beforeEach(async () => {
  course = await createSmallCourse(database, 6);
});

const at = (day: number): string => new Date((START + day * DAY) * 1000).toISOString();

async function askFetch(...days: readonly number[]): Promise<void> {
  await database.query(
    `update course_wiki_timeslices set needs_update = true, needs_fetch = true
     where course_id = $1 and start_at = any($2::timestamptz[])`,
    [course.id, days.map(at)],
  );
}

async function daysToFetch(): Promise<readonly number[]> {
  const { rows } = await database.query<{ day: number }>(
    `select ((extract(epoch from start_at)::bigint - $2) / 86400)::integer as day from course_wiki_timeslices
     where course_id = $1 and needs_fetch order by 1`,
    [course.id, START],
  );
  return rows.map(({ day }) => day);
}

async function addFetched(until: number, count = 1): Promise<readonly number[]> {
  const ids: number[] = [];
  for (let index = 0; index < count; index += 1) ids.push(await course.addUser(0));
  await database.query(
    `insert into course_user_wiki_cursors (course_id, wiki_id, user_id, ingested_until)
     select $1, $2, id, $4 from unnest($3::bigint[]) id`,
    [course.id, course.wiki, ids, at(until)],
  );
  return ids;
}

const stepAt = (day: number) => ({ courseId: course.id, now: at(day), left: [] });

test('a slice that somebody asks for anew while it is fetched keeps its mark', async () => {
  await addFetched(5);
  await askFetch(1, 2);
  const [wiki] = await activities.planReprocess(stepAt(6));
  await askFetch(2);
  for (const { range } of wiki?.refetches ?? []) await activities.takeOffFetchMarks(range);
  expect(await daysToFetch()).toEqual([2]);
});

test('slices that lie apart are asked for at once, of everybody who is fetched beyond them', async () => {
  const early = await addFetched(1);
  const late = await addFetched(5, 51);
  await course.addUser(0);
  await askFetch(1, 4);
  const [wiki] = await activities.planReprocess(stepAt(6));
  expect(wiki?.slices).toBe(2);
  expect(wiki?.refetches.map(({ fetches }) => fetches.map(({ order }) => order))).toEqual([
    [
      { from: START + DAY, to: START + 5 * DAY - 1, userIds: late.slice(0, 50) },
      { from: START + DAY, to: START + 5 * DAY - 1, userIds: late.slice(50) },
    ].map((order) => ({ courseId: course.id, wikiId: course.wiki, now: at(6), ...order })),
  ]);
  expect(early).toHaveLength(1);
  await activities.takeOffFetchMarks(
    wiki?.refetches[0]?.range ?? { courseId: 0, wikiId: 0, first: 0, last: 0 },
  );
  expect(await daysToFetch()).toEqual([]);
});

test('slices of the future lose their mark without a request', async () => {
  await addFetched(2);
  await askFetch(4, 5);
  const [wiki] = await activities.planReprocess(stepAt(3));
  expect(wiki?.refetches.map(({ fetches }) => fetches)).toEqual([[]]);
  for (const { range } of wiki?.refetches ?? []) await activities.takeOffFetchMarks(range);
  expect(await daysToFetch()).toEqual([]);
});

test('wikis that were left before are not planned for', async () => {
  await addFetched(2);
  await askFetch(1);
  const left = [{ wikiId: course.wiki, wiki: 'wikipedia', because: 'it is down' }];
  expect(await activities.planReprocess({ ...stepAt(3), left })).toEqual([]);
  expect(await activities.planIngest({ ...stepAt(3), left })).toEqual([]);
});
