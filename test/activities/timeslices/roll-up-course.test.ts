import { beforeEach, describe, expect, test } from 'vitest';
import { listDifferences } from '../../../activities/timeslices/rebuild.ts';
import { rollUpCourse, rollUpSlices } from '../../../activities/timeslices/roll-up.ts';
import { createSmallCourse, START } from './small-course.ts';

import {
  course,
  database,
  student,
  rollUp,
  rollUpDays,
  rollUpTotals,
  exclude,
  leave,
  enroll,
  listRows,
  oneCourse,
  day,
} from './roll-up-stage.ts';

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
