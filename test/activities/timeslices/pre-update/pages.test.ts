import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  listPagesToCheck,
  recordPages,
  type PagesAsked,
} from '../../../../activities/timeslices/pre-update/pages.ts';
import { openDatabase, type Database } from '../../../../db/database.ts';
import type { PageState } from '../../../../platform/wiki/client.ts';
import { createMigratedDatabase, type TestDatabase } from '../../../support/database.ts';
import { createSmallCourse, type SmallCourse } from '../small-course.ts';
import { expectTrue, rollUp, rowsOf, slicesOf, twice } from './course-state.ts';

const NOW = new Date('2026-02-01T12:00:00Z');
const YESTERDAY = new Date('2026-01-31T12:00:00Z');

let testDatabase: TestDatabase;
let database: Database;
let course: SmallCourse;
let [student, article] = [0, 0];

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
  article = await course.addArticle();
  await course.putFact({ article, user: student, day: 1, characters: 10 });
  await rollUp(database, course.id);
});

describe('pages to check', () => {
  test('are those with facts in the course on that wiki, deleted or not', async () => {
    const deleted = await course.addArticle({ deleted: true });
    await course.putFact({ article: deleted, user: student, day: 0 });
    await course.addArticle();
    const elsewhere = await course.addArticle({ wiki: await course.addWiki() });
    await course.putFact({ article: elsewhere, user: student, day: 0 });
    expect(await articlesToCheck()).toEqual([article, deleted]);
  });

  test('are those that were not checked since, or never', async () => {
    const second = await course.addArticle();
    await course.putFact({ article: second, user: student, day: 0 });
    await setChecked(article, YESTERDAY);
    await setChecked(second, new Date(YESTERDAY.getTime() - 1));
    expect(await articlesToCheck()).toEqual([second]);
    expect(await articlesToCheck({ checkedBefore: NOW })).toEqual([article, second]);
  });

  test('come in portions, each after the last of the one before', async () => {
    const articles = [article];
    for (let index = 0; index < 4; index += 1) {
      const next = await course.addArticle();
      await course.putFact({ article: next, user: student, day: 0 });
      articles.push(next);
    }
    expect(await articlesToCheck({ limit: 2 })).toEqual(articles.slice(0, 2));
    expect(await articlesToCheck({ limit: 2, after: articles[1] ?? 0 })).toEqual(articles.slice(2, 4));
    expect(await articlesToCheck({ limit: 2, after: articles[3] ?? 0 })).toEqual(articles.slice(4));
  });

  test('come once where a page has several articles: as the live one, or else as the newest', async () => {
    const deletedPage = await course.addArticle({ deleted: true });
    const newerOfDeletedPage = await addRowOfSamePage(deletedPage, true);
    const older = await course.addArticle({ deleted: true });
    const live = await addRowOfSamePage(older, false);
    for (const one of [deletedPage, newerOfDeletedPage, older]) {
      await course.putFact({ article: one, user: student, day: 0 });
    }
    expect(await articlesToCheck()).toEqual([article, newerOfDeletedPage, live]);
    await setChecked(live, NOW);
    expect(await articlesToCheck()).toEqual([article, newerOfDeletedPage]);
  });
});

describe('a page that the wiki says is', () => {
  test('as it was: nothing changes but when it was checked', async () => {
    const before = await versionsOf(course);
    expect(await record(await live(article))).toEqual({ changed: 0 });
    expect(await versionsOf(course)).toEqual(before);
    expect(await articlesToCheck()).toEqual([]);
  });

  test('missing: is deleted, its slices are marked and its facts stay', async () => {
    expect(await record(await missing(article))).toEqual({ changed: 1 });
    expect(await oneArticle(article)).toMatchObject({ deleted: true });
    expect(await marks(course)).toEqual(['none', 'update', 'none']);
    await expectTrue(database, course.id);
    expect(await rowsOf(database, 'articles_courses', course.id)).toEqual([]);
    expect(await rowsOf(database, 'article_course_user_wiki_timeslices', course.id)).toHaveLength(1);
    expect(await articlesToCheck()).toEqual([]);
    expect(await record(await missing(article))).toEqual({ changed: 0 });
    expect(await marks(course)).toEqual(['none', 'none', 'none']);
  });

  test('there under another title: gets it, and no slice is marked', async () => {
    const moved: PageState = {
      kind: 'live',
      pageId: await pageOf(article),
      namespace: 0,
      title: 'Another_one',
    };
    expect(await record(moved)).toEqual({ changed: 1 });
    expect(await oneArticle(article)).toMatchObject({ title: 'Another_one', namespace: 0 });
    expect(await marks(course)).toEqual(['none', 'none', 'none']);
  });

  test('moved out of the tracked namespaces and back: leaves the numbers and returns', async () => {
    expect(await record({ ...(await live(article)), namespace: 118 })).toEqual({ changed: 1 });
    expect(await marks(course)).toEqual(['none', 'update', 'none']);
    await expectTrue(database, course.id);
    expect(await rowsOf(database, 'articles_courses', course.id)).toEqual([]);
    expect(await record({ ...(await live(article)), namespace: 0 })).toEqual({ changed: 1 });
    await expectTrue(database, course.id);
    expect(await rowsOf(database, 'articles_courses', course.id)).toMatchObject([{ character_sum: 10 }]);
  });

  test('moved between namespaces with and without counted references: is fetched again', async () => {
    const talk = await course.addArticle({ namespace: 1 });
    await course.putFact({ article: talk, user: student, day: 2, characters: 3 });
    await rollUp(database, course.id);
    await record({ ...(await live(talk)), namespace: 0 });
    expect(await marks(course)).toEqual(['none', 'none', 'fetch']);
    await record({ ...(await live(article)), namespace: 4 });
    expect(await marks(course)).toEqual(['none', 'fetch', 'fetch']);
    await expectTrue(database, course.id);
  });

  test('back: lives again, and its slices are fetched again in every course', async () => {
    const second = await createSmallCourse(database);
    await database.query('insert into courses_wikis (course_id, wiki_id) values ($1, $2)', [
      second.id,
      course.wiki,
    ]);
    await database.query(
      `insert into course_wiki_timeslices (course_id, wiki_id, start_at, end_at)
       select $1, wiki_id, start_at, end_at from course_wiki_timeslices where course_id = $2`,
      [second.id, course.id],
    );
    await database.query('insert into courses_users (course_id, user_id) values ($1, $2)', [
      second.id,
      student,
    ]);
    await second.putFact({ article, user: student, day: 0, characters: 10 });
    await record(await missing(article));
    await expectTrue(database, course.id);
    await expectTrue(database, second.id);

    expect(await record(await live(article))).toEqual({ changed: 1 });

    expect(await oneArticle(article)).toMatchObject({ deleted: false });
    expect(await marks(course)).toEqual(['none', 'fetch', 'none']);
    expect(await marks(second, course.wiki)).toEqual(['fetch', 'none', 'none']);
    await expectTrue(database, course.id);
    await expectTrue(database, second.id);
    expect(await rowsOf(database, 'articles_courses', course.id)).toMatchObject([{ character_sum: 10 }]);
  });

  test('there, with a live article and an older deleted one: facts of the older one are fetched again for the other', async () => {
    const older = await addRowOfSamePage(article, true);
    await course.putFact({ article: older, user: student, day: 2, characters: 5 });
    await rollUp(database, course.id);
    expect(await record(await live(article))).toEqual({ changed: 0 });
    expect(await oneArticle(older)).toMatchObject({ deleted: true });
    expect(await oneArticle(article)).toMatchObject({ deleted: false });
    expect(await marks(course)).toEqual(['none', 'none', 'fetch']);
    expect(await rowsOf(database, 'article_course_user_wiki_timeslices', course.id)).toMatchObject([
      { article_id: article },
    ]);
    expect(await articlesToCheck()).toEqual([]);
    await expectTrue(database, course.id);
  });

  test('back, with two deleted articles: one of them lives, and the slices of both are fetched again', async () => {
    await record(await missing(article));
    const newer = await addRowOfSamePage(article, true);
    await course.putFact({ article: newer, user: student, day: 2, characters: 5 });
    expect(await record(await live(article))).toEqual({ changed: 1 });
    expect([await oneArticle(article), await oneArticle(newer)]).toMatchObject([
      { deleted: true },
      { deleted: false },
    ]);
    expect(await marks(course)).toEqual(['none', 'fetch', 'fetch']);
    expect(await rowsOf(database, 'article_course_user_wiki_timeslices', course.id)).toMatchObject([
      { article_id: newer },
    ]);
    await expectTrue(database, course.id);
  });

  test('missing, as was asked before a later answer: is what the later answer says', async () => {
    await setChecked(article, NOW);
    const asked = { wikiId: course.wiki, states: [await missing(article)], checkedAt: YESTERDAY };
    expect(await database.transaction((transaction) => recordPages(transaction, asked))).toEqual({
      changed: 0,
    });
    expect(await oneArticle(article)).toMatchObject({ deleted: false, checked_at: NOW });
  });

  test('there, but nobody stored it: is left alone', async () => {
    expect(await record({ kind: 'live', pageId: 999_999_999, namespace: 0, title: 'Nobody_s' })).toEqual({
      changed: 0,
    });
  });

  test('missing on one wiki: another wiki with the same page id is left alone', async () => {
    const wiki = await course.addWiki();
    const { rows } = await database.query<{ id: number }>(
      `insert into articles (wiki_id, mw_page_id, title, namespace)
       select $1, mw_page_id, 'Same_id', 0 from articles where id = $2 returning id`,
      [wiki, article],
    );
    await record(await missing(article));
    expect(await oneArticle(rows[0]?.id ?? 0)).toMatchObject({ deleted: false, checked_at: null });
  });
});

async function record(state: PageState): Promise<{ readonly changed: number }> {
  return twice(database, course.id, (transaction) =>
    recordPages(transaction, { wikiId: course.wiki, states: [state], checkedAt: NOW }),
  );
}

/** Between two updates, when no slice waits to be rebuilt. */
async function articlesToCheck(given: Partial<PagesAsked> = {}): Promise<readonly number[]> {
  await rollUp(database, course.id);
  const pages = await listPagesToCheck(database, {
    courseId: course.id,
    wikiId: course.wiki,
    checkedBefore: YESTERDAY,
    after: 0,
    limit: 100,
    ...given,
  });
  for (const page of pages) expect(page.pageId).toBe(await pageOf(page.articleId));
  return pages.map(({ articleId }) => articleId);
}

async function live(articleId: number): Promise<PageState & { readonly kind: 'live' }> {
  const { title, namespace } = await oneArticle(articleId);
  return {
    kind: 'live',
    pageId: await pageOf(articleId),
    namespace: Number(namespace),
    title: String(title),
  };
}

async function missing(articleId: number): Promise<PageState> {
  return { kind: 'missing', pageId: await pageOf(articleId) };
}

async function pageOf(articleId: number): Promise<number> {
  return Number((await oneArticle(articleId))['mw_page_id']);
}

async function oneArticle(articleId: number): Promise<Record<string, unknown>> {
  const { rows } = await database.query('select * from articles where id = $1', [articleId]);
  return rows[0] ?? {};
}

async function setChecked(articleId: number, checkedAt: Date): Promise<void> {
  await database.query('update articles set checked_at = $2 where id = $1', [articleId, checkedAt]);
}

async function addRowOfSamePage(articleId: number, deleted: boolean): Promise<number> {
  const { rows } = await database.query<{ id: number }>(
    `insert into articles (wiki_id, mw_page_id, title, namespace, deleted)
     select wiki_id, mw_page_id, title, namespace, $2 from articles where id = $1 returning id`,
    [articleId, deleted],
  );
  return rows[0]?.id ?? 0;
}

async function marks({ id }: SmallCourse, wikiId = course.wiki): Promise<readonly string[]> {
  return (await slicesOf(database, id, wikiId)).map(({ mark }) => mark);
}

/** Which transactions wrote or locked each slice. */
async function versionsOf({ id }: SmallCourse): Promise<readonly unknown[]> {
  const { rows } = await database.query(
    'select ctid::text, xmin::text, xmax::text from course_wiki_timeslices where course_id = $1 order by start_at',
    [id],
  );
  return rows;
}
