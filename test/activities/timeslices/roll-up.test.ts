import { describe, expect, test } from 'vitest';
import { type SliceRowsWritten } from '../../../activities/timeslices/roll-up.ts';
import { listMarked, START } from './small-course.ts';

import {
  course,
  database,
  student,
  rollUp,
  rollUpDays,
  rollUpTotals,
  exclude,
  listRows,
  oneCourse,
  rowVersions,
  waitForLock,
  day,
} from './roll-up-stage.ts';

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
