import { afterAll, beforeAll, expect, test } from 'vitest';
import { forgetPerson } from '../../../../activities/retirement/course-erasure/forgetting.ts';
import {
  beginErasure,
  findErasure,
  findPerson,
} from '../../../../activities/retirement/course-erasure/store.ts';
import { openDatabase, type Database } from '../../../../db/database.ts';
import { createMigratedDatabase, type TestDatabase } from '../../../support/database.ts';

let testDatabase: TestDatabase;
let database: Database;
let courseId: number;
let wikiId: number;

beforeAll(async () => {
  testDatabase = await createMigratedDatabase();
  database = openDatabase({ url: testDatabase.url });
  courseId = await one(
    `insert into courses (slug, title, starts_at, ends_at) values ('c', 'C', '2026-03-01', '2026-03-02') returning id`,
  );
  wikiId = await one(
    `insert into wikis (project, api_url) values ('wikidata', 'http://127.0.0.1:9/api') returning id`,
  );
});

afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});

async function one(statement: string, ...values: readonly unknown[]): Promise<number> {
  const { rows } = await database.query<{ id: number }>(statement, values);
  const [row] = rows;
  if (!row) throw new Error('no row was answered');
  return row.id;
}

let ids = 0;

/** Somebody who has left the course, when it is rebuilt; `pages` are what only they edited there. */
async function leaver(
  username: string,
  pages: readonly number[] = [],
): Promise<{ readonly lmsUserId: number; readonly userId: number }> {
  const lmsUserId = (ids += 1);
  const userId = await one(
    'insert into users (username, lms_user_id) values ($1, $2) returning id',
    username,
    lmsUserId,
  );
  await beginErasure(database, lmsUserId);
  await database.query(
    'insert into course_departures (course_id, lms_user_id, is_rebuilt, article_ids) values ($1, $2, true, $3)',
    [courseId, lmsUserId, pages],
  );
  return { userId, lmsUserId };
}

function page(title: string, namespace = 0): Promise<number> {
  return one(
    'insert into articles (wiki_id, mw_page_id, title, namespace) values ($1, $2, $3, $4) returning id',
    wikiId,
    (ids += 1),
    title,
    namespace,
  );
}

const forget = (person: Awaited<ReturnType<typeof leaver>>): Promise<boolean> =>
  database.transaction((transaction) => forgetPerson(transaction, person));

async function titles(): Promise<readonly string[]> {
  const { rows } = await database.query<{ title: string }>('select title from articles order by title');
  return rows.map(({ title }) => title);
}

test('what they had alone goes with them, a page that a walk has just told of stays', async () => {
  const alone = await page('Alone');
  const told = await page('Told of');
  const person = await leaver('ann_b', [alone, told]);
  await page('Ann_b', 2);
  await page('Ann_b/Notes', 3);
  await page('Ann_bc', 2);
  await page('Ann_b', 0);
  const walk = await one(
    `insert into wiki_fetches (course_id, wiki_id, user_ids, from_at, to_at, began_at)
     values ($1, $2, '{77}', now(), now(), now()) returning id`,
    courseId,
    wikiId,
  );
  await database.query(
    `insert into wiki_fetched_pages
     select $1, 0, array[mw_page_id], '{0}', '{Told of}', '{77}', '{1}', '{2}', '{1}', '{0}', '{1}', '{false}', '{1}', '{1}'
     from articles where id = $2`,
    [walk, told],
  );

  expect(await forget(person)).toBe(true);

  expect(await titles()).toEqual(['Ann_b', 'Ann_bc', 'Told of']);
  expect(await findPerson(database, person.lmsUserId)).toBeUndefined();
  expect(await findErasure(database, person.lmsUserId)).toMatchObject({
    courses: 1,
    doneAt: expect.any(Date) as Date,
  });
  expect(await forget(person)).toBe(true);
});

test.each([
  ['an enrolment', 'insert into courses_users (course_id, user_id, role) values ($1, $2, 4)'],
  [
    'a list of a walk',
    `insert into wiki_fetches (course_id, wiki_id, user_ids, from_at, to_at, began_at)
     select $1, wikis.id, array[$2::bigint], now(), now(), now() from wikis`,
  ],
  [
    'a list of totals to be summed',
    'insert into stale_course_totals (course_id, user_ids) values ($1, array[$2::bigint])',
  ],
  [
    "a list of a course's article",
    `with page as (
       insert into articles (wiki_id, mw_page_id, title, namespace) select id, -1, 'Listed', 0 from wikis returning id)
     insert into articles_courses (course_id, article_id, user_ids) select $1, id, array[$2::bigint] from page`,
  ],
  [
    'a cursor',
    'insert into course_user_wiki_cursors (course_id, wiki_id, user_id) select $1, id, $2 from wikis',
  ],
  [
    'a course that waits to be rebuilt',
    'update course_departures set is_rebuilt = $1::bigint < 0 where $2::bigint > 0',
  ],
])('nobody is forgotten while %s is left', async (_what, statement) => {
  const person = await leaver(`Left ${ids}`);
  await database.query(statement, [courseId, person.userId]);
  expect(await forget(person)).toBe(false);
  expect(await findPerson(database, person.lmsUserId)).toEqual(person);
  expect(await findErasure(database, person.lmsUserId)).toMatchObject({ doneAt: null });
});
