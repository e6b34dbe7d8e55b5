import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { listDifferences } from '../../../activities/timeslices/rebuild.ts';
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
});

describe('an article in a slice', () => {
  test('sums its students, and names those with a live revision', async () => {
    const [article, other] = [await course.addArticle(), await course.addUser(0)];
    const silent = await course.addUser(0);
    await course.putFact({
      article,
      user: other,
      day: 1,
      characters: 30,
      references: -4,
      revisions: 2,
      first: 50,
    });
    await course.putFact({
      article,
      user: student,
      day: 1,
      characters: 12,
      references: 1,
      first: 40,
      newArticle: true,
    });
    await course.putFact({ article, user: silent, day: 1, revisions: 0 });
    await rollUp();
    expect(await listRows('article_course_timeslices')).toEqual([
      {
        article_id: article,
        start_at: day(1),
        end_at: day(2),
        character_sum: 42,
        references_count: -3,
        revision_count: 3,
        user_ids: [student, other].sort((left, right) => left - right),
        new_article: true,
        first_revision: day(1, 40),
      },
    ]);
  });

  test('counts the people who are students now, and nobody else', async () => {
    const article = await course.addArticle();
    const instructor = await course.addUser(1);
    await course.putFact({ article, user: instructor, day: 0, characters: 99, newArticle: true });
    await course.putFact({ article, user: student, day: 0, characters: 5 });
    await rollUp();
    expect(await listRows('article_course_timeslices')).toMatchObject([
      { character_sum: 5, revision_count: 1, user_ids: [student], new_article: false },
    ]);
  });

  test('is there in any namespace, also excluded by hand, but not when the page is deleted', async () => {
    const talk = await course.addArticle({ namespace: 1 });
    const excluded = await course.addArticle();
    const deleted = await course.addArticle({ deleted: true });
    for (const article of [talk, excluded, deleted]) {
      await course.putFact({ article, user: student, day: 0, characters: 5 });
    }
    await exclude(excluded);
    await rollUp();
    const rows = await listRows('article_course_timeslices');
    expect(rows.map((row) => row['article_id'])).toEqual([talk, excluded]);
  });
});

describe('a student in a slice', () => {
  test('has characters by namespace, references of the mainspace, and revisions of every namespace', async () => {
    const spaces = [0, 1, 2, 118];
    for (const [index, namespace] of spaces.entries()) {
      const article = await course.addArticle({ namespace });
      await course.putFact({
        article,
        user: student,
        day: 0,
        characters: 10 ** index,
        references: -(index + 1),
      });
    }
    await rollUp();
    expect(await listRows('course_user_wiki_timeslices')).toEqual([
      {
        user_id: student,
        wiki_id: course.wiki,
        start_at: day(0),
        end_at: day(1),
        character_sum_ms: 1,
        character_sum_us: 100,
        character_sum_draft: 1000,
        references_count: -1,
        revision_count: 4,
      },
    ]);
  });

  test('has nothing in the mainspace where the course does not track it, and keeps user space and revisions', async () => {
    await course.track(118);
    const [article, page] = [await course.addArticle(), await course.addArticle({ namespace: 2 })];
    await course.putFact({ article, user: student, day: 0, characters: 7, references: 2 });
    await course.putFact({ article: page, user: student, day: 0, characters: 9, references: 2 });
    await rollUp();
    expect(await listRows('course_user_wiki_timeslices')).toMatchObject([
      { character_sum_ms: 0, character_sum_us: 9, references_count: 0, revision_count: 2 },
    ]);
    expect(await listRows('articles_courses')).toEqual([]);
    expect(await oneCourse()).toMatchObject({ character_sum: 0, revision_count: 2, article_count: 0 });
  });

  test('has nothing of excluded and deleted articles, and no row when there is nothing else', async () => {
    const [excluded, deleted] = [await course.addArticle(), await course.addArticle({ deleted: true })];
    await course.putFact({ article: excluded, user: student, day: 0, characters: 7 });
    await course.putFact({ article: deleted, user: student, day: 1, characters: 7 });
    await exclude(excluded);
    await rollUp();
    expect(await listRows('course_user_wiki_timeslices')).toEqual([]);
    expect(await oneCourse()).toMatchObject({ character_sum: 0, revision_count: 0 });
  });
});

test('a slice sums its students, and knows the newest revision that counts', async () => {
  const [article, talk, excluded] = [
    await course.addArticle(),
    await course.addArticle({ namespace: 1 }),
    await course.addArticle(),
  ];
  const other = await course.addUser(0);
  await course.putFact({ article, user: student, day: 0, characters: 7, references: -2, last: 100 });
  await course.putFact({
    article: talk,
    user: other,
    day: 0,
    characters: 50,
    references: 9,
    revisions: 3,
    last: 200,
  });
  await course.putFact({ article: excluded, user: other, day: 0, characters: 50, last: 900 });
  await exclude(excluded);
  await rollUp();
  expect(await listRows('course_wiki_timeslices')).toMatchObject([
    {
      start_at: day(0),
      character_sum: 7,
      references_count: -2,
      revision_count: 4,
      last_mw_rev_datetime: day(0, 200),
    },
    {
      start_at: day(1),
      character_sum: 0,
      references_count: 0,
      revision_count: 0,
      last_mw_rev_datetime: null,
    },
    { start_at: day(2), revision_count: 0 },
  ]);
});

describe('an article of the course', () => {
  test('sums its slices, and unites their users', async () => {
    const [article, other] = [await course.addArticle(), await course.addUser(0)];
    await course.putFact({ article, user: other, day: 2, characters: 30, references: -4, newArticle: true });
    await course.putFact({ article, user: student, day: 0, characters: 12, references: 1, first: 40 });
    await course.putFact({ article, user: student, day: 2, characters: 1 });
    await rollUp();
    expect(await listRows('articles_courses')).toEqual([
      {
        article_id: article,
        character_sum: 43,
        references_count: -3,
        user_ids: [student, other].sort((left, right) => left - right),
        new_article: true,
        first_revision: day(0, 40),
        tracked: true,
      },
    ]);
    expect(await oneCourse()).toMatchObject({ article_count: 1, new_article_count: 1, character_sum: 43 });
  });

  test('has no row where only systems edited it', async () => {
    await course.putFact({
      article: await course.addArticle(),
      user: student,
      day: 0,
      revisions: 0,
      newArticle: true,
    });
    await rollUp();
    expect(await listRows('articles_courses')).toEqual([]);
    expect(await listRows('article_course_timeslices')).toMatchObject([{ revision_count: 0, user_ids: [] }]);
    expect(await oneCourse()).toMatchObject({ article_count: 0, new_article_count: 0 });
  });

  test('of a second wiki is tracked by the namespaces of that wiki', async () => {
    const wiki = await course.addWiki();
    await course.track(118, wiki);
    const [draft, article] = [
      await course.addArticle({ wiki, namespace: 118 }),
      await course.addArticle({ wiki, namespace: 0 }),
    ];
    await course.putFact({ article: draft, user: student, day: 0 });
    await course.putFact({ article, user: student, day: 0 });
    await rollUp();
    expect((await listRows('articles_courses')).map((row) => row['article_id'])).toEqual([draft]);
  });

  test('that was excluded keeps its row, and counts neither as an article nor as a new one', async () => {
    const article = await course.addArticle();
    await course.putFact({ article, user: student, day: 0, characters: 3, newArticle: true });
    await rollUp();
    await exclude(article);
    await rollUp();
    expect(await listRows('articles_courses')).toMatchObject([{ character_sum: 3, tracked: false }]);
    expect(await oneCourse()).toMatchObject({ character_sum: 0, article_count: 0, new_article_count: 0 });
  });

  test('is still excluded when it comes back after its row had gone', async () => {
    const article = await course.addArticle();
    await course.putFact({ article, user: student, day: 0, characters: 3 });
    await rollUp();
    await database.query('update articles_courses set tracked = false where article_id = $1', [article]);
    await leave(student);
    await rollUp();
    expect(await listRows('articles_courses')).toEqual([]);
    await enroll(student);
    await rollUp();
    expect(await listRows('articles_courses')).toMatchObject([{ tracked: false }]);
    expect(await oneCourse()).toMatchObject({ character_sum: 0, article_count: 0 });
  });
});

test('a student sums slices of all wikis, and a second role of theirs holds zeros', async () => {
  const wiki = await course.addWiki();
  const both = await course.addUser(1, 0);
  const [here, there] = [await course.addArticle(), await course.addArticle({ wiki })];
  await course.putFact({ article: here, user: both, day: 0, characters: 5, references: 1 });
  await course.putFact({ article: there, user: both, day: 1, characters: 6, revisions: 2 });
  await rollUp();
  expect(await listRows('courses_users')).toMatchObject([
    { user_id: student, role: 0, character_sum_ms: 0, revision_count: 0 },
    { user_id: both, role: 0, character_sum_ms: 11, references_count: 1, revision_count: 3 },
    { user_id: both, role: 1, character_sum_ms: 0, references_count: 0, revision_count: 0 },
  ]);
  expect(await oneCourse()).toMatchObject({
    character_sum: 11,
    references_count: 1,
    revision_count: 3,
    user_count: 2,
    article_count: 2,
  });
});

test('a course whose last student left has zeros everywhere', async () => {
  const article = await course.addArticle();
  await course.putFact({ article, user: student, day: 0, characters: 5 });
  await rollUp();
  await leave(student);
  await rollUp();
  expect(await oneCourse()).toMatchObject({
    character_sum: 0,
    revision_count: 0,
    user_count: 0,
    article_count: 0,
  });
  expect(await listRows('article_course_timeslices')).toEqual([]);
  expect(await listDifferences(database, { courseId: course.id })).toEqual([]);
});

test('only the slices that were asked for are worked', async () => {
  const article = await course.addArticle();
  await course.putFact({ article, user: student, day: 0, characters: 5 });
  await course.putFact({ article, user: student, day: 1, characters: 6 });
  await rollUpDays(1);
  expect(await listRows('article_course_timeslices')).toMatchObject([{ start_at: day(1), character_sum: 6 }]);
  expect(await listMarked(database, course.id)).toEqual([{ wikiId: course.wiki, startAt: START }]);
});

test('a slice whose facts must be fetched again gets its numbers, and keeps its marks', async () => {
  await course.putFact({ article: await course.addArticle(), user: student, day: 0, characters: 5 });
  await database.query(
    'update course_wiki_timeslices set needs_update = true, needs_fetch = true where course_id = $1 and start_at = $2',
    [course.id, day(0)],
  );
  await rollUp();
  expect((await listRows('course_wiki_timeslices'))[0]).toMatchObject({
    character_sum: 5,
    needs_update: true,
    needs_fetch: true,
  });
});

test('what is right already is not written again', async () => {
  const [article, other] = [await course.addArticle(), await course.addArticle()];
  await course.putFact({ article, user: student, day: 0, characters: 5 });
  await course.putFact({ article: other, user: student, day: 0, characters: 5 });
  expect(await rollUpDays(0, 1, 2)).toEqual({ articles: 2, students: 1, slices: 1 });
  expect(await rollUpTotals()).toEqual({ articles: 2, users: 1 });
  const versions = await rowVersions();

  expect(await rollUpDays(0, 1, 2)).toEqual({ articles: 0, students: 0, slices: 0 });
  expect(await rollUpTotals()).toEqual({ articles: 0, users: 0 });
  expect(await rowVersions()).toEqual(versions);

  await course.putFact({ article, user: student, day: 0, characters: 6 });
  expect(await rollUpDays(0, 1, 2)).toEqual({ articles: 1, students: 1, slices: 1 });
  expect(await rollUpTotals()).toEqual({ articles: 1, users: 1 });
});

test('a change that is not committed yet is waited for, and its mark is not lost', async () => {
  const article = await course.addArticle();
  await course.putFact({ article, user: student, day: 0, characters: 5 });
  await rollUp();
  let rebuilding: Promise<SliceRowsWritten> | undefined;
  await database.transaction(async (changing) => {
    await changing.query('update articles set deleted = true where id = $1', [article]);
    rebuilding = rollUpDays(0);
    await waitForLock();
  });
  await rebuilding;
  expect(await listRows('article_course_timeslices')).toEqual([]);
  expect(await listMarked(database, course.id)).toEqual([]);
});

describe('the totals of a course', () => {
  let article: number;

  beforeEach(async () => {
    article = await course.addArticle();
    await course.putFact({ article, user: student, day: 0, characters: 5 });
    await rollUp();
  });

  test('are summed anew of what changed, and of nothing else', async () => {
    const other = await course.addArticle();
    await course.putFact({ article: other, user: student, day: 1, characters: 2 });
    await rollUp();
    await database.query('update articles_courses set character_sum = 77 where course_id = $1', [course.id]);
    await course.putFact({ article, user: student, day: 0, characters: 6 });
    await rollUp();
    expect(await listRows('articles_courses')).toMatchObject([
      { article_id: article, character_sum: 6 },
      { article_id: other, character_sum: 77 },
    ]);
  });

  test('are all summed anew when a full rebuild was asked for', async () => {
    await database.query('update articles_courses set character_sum = 77 where course_id = $1', [course.id]);
    await database.query('update courses_users set character_sum_ms = 77 where course_id = $1', [course.id]);
    await database.query('update courses set needs_update = true where id = $1', [course.id]);
    await rollUpTotals();
    expect(await listDifferences(database, { courseId: course.id })).toEqual([]);
  });

  test('keep what is committed while they are summed for the next time', async () => {
    await course.putFact({ article, user: student, day: 0, characters: 6 });
    await database.transaction(async (rebuilding) => {
      await rollUpSlices(rebuilding, { courseId: course.id, wikiId: course.wiki, startsAt: [START] });
      await rollUpTotals();
    });
    expect(await listRows('articles_courses')).toMatchObject([{ character_sum: 5 }]);
    expect(await rollUpTotals()).toEqual({ articles: 1, users: 1 });
    expect(await listDifferences(database, { courseId: course.id })).toEqual([]);
  });

  test('are not forgotten when the transaction that sums them is rolled back', async () => {
    await course.putFact({ article, user: student, day: 0, characters: 6 });
    await rollUpDays(0);
    const died = database.transaction(async (transaction) => {
      await rollUpCourse(transaction, { courseId: course.id });
      throw new Error('died');
    });
    await expect(died).rejects.toThrow('died');
    expect(await rollUpTotals()).toEqual({ articles: 1, users: 1 });
  });

  test('follow slices that are taken away whole', async () => {
    await database.query('delete from course_wiki_timeslices where course_id = $1 and start_at = $2', [
      course.id,
      day(0),
    ]);
    await rollUpTotals();
    expect(await listRows('articles_courses')).toEqual([]);
    expect(await listDifferences(database, { courseId: course.id })).toEqual([]);
  });
});

test('another course with the same people and articles is left alone', async () => {
  const article = await course.addArticle();
  await course.putFact({ article, user: student, day: 0, characters: 5 });
  await rollUp();
  const before = [await listRows('article_course_timeslices'), await oneCourse()];
  await createSmallCourse(database).then(async (second) => {
    await database.query('insert into courses_wikis (course_id, wiki_id) values ($1, $2)', [
      second.id,
      course.wiki,
    ]);
    await database.query('insert into courses_users (course_id, user_id) values ($1, $2)', [
      second.id,
      student,
    ]);
    await database.transaction((transaction) => rollUpCourse(transaction, { courseId: second.id }));
  });
  expect([await listRows('article_course_timeslices'), await oneCourse()]).toEqual(before);
});

describe('a comparison with a rebuild', () => {
  test('names the row and the columns that are wrong', async () => {
    const article = await course.addArticle();
    await course.putFact({ article, user: student, day: 0, characters: 5 });
    await rollUp();
    expect(await listDifferences(database, { courseId: course.id })).toEqual([]);
    await database.query('update article_course_timeslices set character_sum = 6 where article_id = $1', [
      article,
    ]);
    await database.query('delete from course_user_wiki_timeslices where course_id = $1', [course.id]);
    await database.query('update courses set user_count = 7 where id = $1', [course.id]);
    const differences = await listDifferences(database, { courseId: course.id });
    expect(differences).toMatchObject([
      { table: 'article_course_timeslices', stored: { character_sum: 6 }, rebuilt: { character_sum: 5 } },
      {
        table: 'course_user_wiki_timeslices',
        stored: null,
        rebuilt: { character_sum_ms: 5, revision_count: 1 },
      },
      { table: 'courses', key: { id: course.id }, stored: { user_count: 7 }, rebuilt: { user_count: 1 } },
    ]);
    expect(Object.keys(differences[0]?.stored ?? {})).toEqual(['character_sum']);
  });

  test('leaves nothing behind', async () => {
    await listDifferences(database, { courseId: course.id });
    const { rows } = await database.query(`select nspname from pg_namespace where nspname like 'scratch%'`);
    expect(rows).toEqual([]);
  });
});

async function rollUp(): Promise<void> {
  const marked = await listMarked(database, course.id);
  for (const wikiId of new Set(marked.map((slice) => slice.wikiId))) {
    const startsAt = marked.filter((slice) => slice.wikiId === wikiId).map((slice) => slice.startAt);
    await database.transaction((transaction) =>
      rollUpSlices(transaction, { courseId: course.id, wikiId, startsAt }),
    );
  }
  await rollUpTotals();
}

async function rollUpDays(...days: readonly number[]): Promise<SliceRowsWritten> {
  const startsAt = days.map((index) => START + index * DAY);
  return database.transaction((transaction) =>
    rollUpSlices(transaction, { courseId: course.id, wikiId: course.wiki, startsAt }),
  );
}

async function rollUpTotals(): Promise<CourseRowsWritten> {
  return database.transaction((transaction) => rollUpCourse(transaction, { courseId: course.id }));
}

async function exclude(article: number): Promise<void> {
  await database.query('insert into course_excluded_articles (course_id, article_id) values ($1, $2)', [
    course.id,
    article,
  ]);
}

async function leave(user: number): Promise<void> {
  await database.query('delete from courses_users where course_id = $1 and user_id = $2', [course.id, user]);
}

async function enroll(user: number): Promise<void> {
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

async function listRows(table: keyof typeof columns): Promise<readonly Row[]> {
  const { rows } = await database.query(
    `select ${columns[table]} from ${table} where course_id = $1 order by 1, 2, 3`,
    [course.id],
  );
  // Eight-byte integers in an array are texts to the driver.
  return rows.map((row: Row) =>
    Array.isArray(row['user_ids']) ? { ...row, user_ids: row['user_ids'].map(Number) } : row,
  );
}

async function oneCourse(): Promise<Row | undefined> {
  const { rows } = await database.query('select * from courses where id = $1', [course.id]);
  return rows[0];
}

/** The transactions that wrote or locked each derived row, but for the slices, whose locks are meant. */
async function rowVersions(): Promise<readonly Row[]> {
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

async function waitForLock(): Promise<void> {
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

function day(index: number, seconds = 0): Date {
  return new Date((START + index * DAY + seconds) * 1000);
}
