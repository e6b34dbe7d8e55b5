import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { markFullRebuild } from '../../../../activities/timeslices/pre-update/full-rebuild.ts';
import { adjustSlices } from '../../../../activities/timeslices/pre-update/slices.ts';
import { removeLostWikis } from '../../../../activities/timeslices/pre-update/wikis.ts';
import { openDatabase, type Database } from '../../../../db/database.ts';
import { createMigratedDatabase, type TestDatabase } from '../../../support/database.ts';
import { createSmallCourse, START, type SmallCourse } from '../small-course.ts';
import {
  expectTrue,
  markedDays,
  putCursor,
  rollUp,
  rowsOf,
  slicesOf,
  stateOf,
  twice,
  type CourseTable,
} from './course-state.ts';

let testDatabase: TestDatabase;
let database: Database;
let course: SmallCourse;
let [student, secondWiki, article, secondArticle] = [0, 0, 0, 0];

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
  secondWiki = await course.addWiki();
  article = await course.addArticle();
  secondArticle = await course.addArticle({ wiki: secondWiki });
  await course.putFact({ article, user: student, day: 0, characters: 1 });
  await course.putFact({ article: secondArticle, user: student, day: 0, characters: 10 });
  for (const wiki of [course.wiki, secondWiki]) {
    await putCursor(database, course.id, { user: student, wiki, until: START });
    await database.query(
      `insert into wiki_fetches (course_id, wiki_id, user_ids, from_at, to_at, began_at) values ($1, $2, $3, now(), now(), now())`,
      [course.id, wiki, [student]],
    );
  }
  await rollUp(database, course.id);
});

describe('a wiki that is taken out', () => {
  test('goes with everything of it, and the other wiki stays as it is', async () => {
    await takeOut(secondWiki);
    expect(await remove()).toEqual({ slicesRemoved: 3 });
    for (const table of tablesOfWikis) expect(await wikisIn(table), table).toEqual([course.wiki]);
    expect(await rowsOf(database, 'articles_courses', course.id)).toMatchObject([{ article_id: article }]);
    expect(await markedDays(database, course.id, course.wiki)).toEqual([]);
    await expectTrue(database, course.id);
    expect(await rowsOf(database, 'courses_users', course.id)).toMatchObject([{ character_sum_ms: 1 }]);
  });

  test('and added again before the update is fetched again and loses nothing', async () => {
    await takeOut(secondWiki);
    await putIn(secondWiki);
    expect(await remove()).toEqual({ slicesRemoved: 0 });
    expect(await adjust(secondWiki)).toMatchObject({ slicesAdded: 0, slicesToFetch: 3 });
    expect((await slicesOf(database, course.id, secondWiki)).map(({ mark }) => mark)).toEqual([
      'fetch',
      'fetch',
      'fetch',
    ]);
    await expectTrue(database, course.id);
  });

  test('and added again after the update begins anew, and an exclusion by hand still holds', async () => {
    await database.query('insert into course_excluded_articles (course_id, article_id) values ($1, $2)', [
      course.id,
      secondArticle,
    ]);
    await takeOut(secondWiki);
    await remove();
    await putIn(secondWiki);
    expect(await adjust(secondWiki)).toEqual({ slicesAdded: 3, slicesRemoved: 0, slicesToFetch: 0 });
    await course.putFact({ article: secondArticle, user: student, day: 0, characters: 10 });
    await expectTrue(database, course.id);
    expect(await rowsOf(database, 'articles_courses', course.id)).toContainEqual(
      expect.objectContaining({ article_id: secondArticle, tracked: false }),
    );
  });

  test('with the tracked namespaces that it had leaves no trace', async () => {
    await course.track(0, secondWiki);
    await course.track(118, secondWiki);
    await rollUp(database, course.id);
    await takeOut(secondWiki);
    expect(await remove()).toEqual({ slicesRemoved: 3 });
    await expectTrue(database, course.id);
  });

  test('leaves other courses with the same wiki alone', async () => {
    const other = await createSmallCourse(database);
    await database.query('insert into courses_wikis (course_id, wiki_id) values ($1, $2)', [
      other.id,
      secondWiki,
    ]);
    await database.transaction((transaction) =>
      adjustSlices(transaction, { courseId: other.id, wikiId: secondWiki }),
    );
    const before = await stateOf(database, other.id);
    await takeOut(secondWiki);
    await remove();
    expect(await stateOf(database, other.id)).toEqual(before);
  });

  test('nothing is removed while the course has all its wikis', async () => {
    const before = await stateOf(database, course.id);
    expect(await remove()).toEqual({ slicesRemoved: 0 });
    expect(await stateOf(database, course.id)).toEqual(before);
  });
});

describe('a full rebuild', () => {
  test('marks every slice of every wiki, asks again about refused names, and is asked for once', async () => {
    await database.query('update course_user_wiki_cursors set refused_at = now() where course_id = $1', [
      course.id,
    ]);
    await database.query('update courses set needs_update = true where id = $1', [course.id]);
    expect(await rebuildAll()).toBe(true);
    for (const wiki of [course.wiki, secondWiki]) {
      expect((await slicesOf(database, course.id, wiki)).map(({ mark }) => mark)).toEqual([
        'fetch',
        'fetch',
        'fetch',
      ]);
    }
    expect(await rowsOf(database, 'course_user_wiki_cursors', course.id)).toMatchObject([
      { refused_at: null, ingested_until: expect.any(String) as string },
      { refused_at: null, ingested_until: expect.any(String) as string },
    ]);
    expect(await rebuildAll()).toBe(false);
    await expectTrue(database, course.id);
  });

  test('that nobody asked for marks nothing', async () => {
    const before = await stateOf(database, course.id);
    expect(await rebuildAll()).toBe(false);
    expect(await stateOf(database, course.id)).toEqual(before);
  });

  test('keeps the stored slices, whatever length is asked for now', async () => {
    const before = await slicesOf(database, course.id, course.wiki);
    await database.query('update courses_wikis set timeslice_seconds = 3600 where course_id = $1', [
      course.id,
    ]);
    await database.query('update courses set needs_update = true where id = $1', [course.id]);
    await rebuildAll();
    await adjust(course.wiki);
    const after = await slicesOf(database, course.id, course.wiki);
    expect(after.map(({ from, to }) => [from, to])).toEqual(before.map(({ from, to }) => [from, to]));
  });
});

const tablesOfWikis: readonly CourseTable[] = [
  'course_wiki_timeslices',
  'course_user_wiki_timeslices',
  'article_course_timeslices',
  'article_course_user_wiki_timeslices',
  'course_user_wiki_cursors',
  'wiki_fetches',
];

async function remove(): Promise<{ readonly slicesRemoved: number }> {
  return twice(database, course.id, (transaction) => removeLostWikis(transaction, { courseId: course.id }));
}

async function adjust(wikiId: number): ReturnType<typeof adjustSlices> {
  return twice(database, course.id, (transaction) =>
    adjustSlices(transaction, { courseId: course.id, wikiId }),
  );
}

async function rebuildAll(): Promise<boolean> {
  return twice(database, course.id, (transaction) => markFullRebuild(transaction, { courseId: course.id }));
}

async function takeOut(wiki: number): Promise<void> {
  await database.query('delete from courses_wikis where course_id = $1 and wiki_id = $2', [course.id, wiki]);
}

async function putIn(wiki: number): Promise<void> {
  await database.query('insert into courses_wikis (course_id, wiki_id) values ($1, $2)', [course.id, wiki]);
}

async function wikisIn(table: CourseTable): Promise<readonly unknown[]> {
  return [...new Set((await rowsOf(database, table, course.id)).map((row) => row['wiki_id']))];
}
