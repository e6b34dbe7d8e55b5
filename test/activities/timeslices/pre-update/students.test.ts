import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  removeDepartedStudents,
  type StudentsRemoved,
} from '../../../../activities/timeslices/pre-update/students.ts';
import { openDatabase, type Database } from '../../../../db/database.ts';
import { createMigratedDatabase, type TestDatabase } from '../../../support/database.ts';
import { createSmallCourse, START, type SmallCourse } from '../small-course.ts';
import { expectTrue, markedDays, putCursor, rollUp, rowsOf, stateOf, twice } from './course-state.ts';

let testDatabase: TestDatabase;
let database: Database;
let course: SmallCourse;
let [leaver, other, article] = [0, 0, 0];

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
  leaver = await course.addUser(0);
  other = await course.addUser(0);
  article = await course.addArticle();
  for (const user of [leaver, other])
    await putCursor(database, course.id, { user, wiki: course.wiki, until: START });
});

describe('a student who leaves', () => {
  test('takes slices, facts and cursors along, and marks only the slices that hold their edits', async () => {
    await course.putFact({ article, user: leaver, day: 0, characters: 10 });
    await course.putFact({ article, user: other, day: 0, characters: 5 });
    await course.putFact({ article, user: other, day: 1, characters: 7 });
    await rollUp(database, course.id);
    await leave(leaver);

    expect(await remove()).toEqual({ studentsRemoved: 1, slicesMarked: 1 });

    expect(await markedDays(database, course.id, course.wiki)).toEqual([0]);
    expect(await peopleIn('course_user_wiki_timeslices')).toEqual([other]);
    expect(await peopleIn('article_course_user_wiki_timeslices')).toEqual([other]);
    expect(await peopleIn('course_user_wiki_cursors')).toEqual([other]);
    await expectTrue(database, course.id);
  });

  test('marks nothing to be fetched', async () => {
    await course.putFact({ article, user: leaver, day: 0, characters: 10 });
    await rollUp(database, course.id);
    await leave(leaver);
    await remove();
    const slices = await rowsOf(database, 'course_wiki_timeslices', course.id);
    expect(slices.map((slice) => slice['needs_fetch'])).toEqual([false, false, false]);
  });

  test('takes the articles along that nobody else edited, with all their slices', async () => {
    const shared = await course.addArticle();
    await course.putFact({ article, user: leaver, day: 0, characters: 10 });
    await course.putFact({ article, user: leaver, day: 2, characters: 10 });
    await course.putFact({ article: shared, user: other, day: 1, characters: 1 });
    await rollUp(database, course.id);
    await leave(leaver);

    expect(await remove()).toEqual({ studentsRemoved: 1, slicesMarked: 2 });

    expect(await articlesIn('articles_courses')).toEqual([shared]);
    expect(await articlesIn('article_course_timeslices')).toEqual([shared]);
    await expectTrue(database, course.id);
  });

  test('leaves an article that somebody else edited in another slice, and its sums lose only what was theirs', async () => {
    await course.putFact({ article, user: leaver, day: 0, characters: 10 });
    await course.putFact({ article, user: other, day: 1, characters: 7 });
    await rollUp(database, course.id);
    await leave(leaver);

    expect(await remove()).toEqual({ studentsRemoved: 1, slicesMarked: 1 });

    expect(await articlesIn('articles_courses')).toEqual([article]);
    expect(await rowsOf(database, 'article_course_timeslices', course.id)).toMatchObject([
      { user_ids: [other] },
    ]);
    await expectTrue(database, course.id);
    expect(await rowsOf(database, 'articles_courses', course.id)).toMatchObject([
      { character_sum: 7, user_ids: [other] },
    ]);
  });

  test('leaves an article whose other editor the last roll-up did not see yet', async () => {
    await course.putFact({ article, user: leaver, day: 0, characters: 10 });
    await rollUp(database, course.id);
    await course.putFact({ article, user: other, day: 2, characters: 7 });
    await leave(leaver);
    await remove();
    await expectTrue(database, course.id);
    expect(await rowsOf(database, 'articles_courses', course.id)).toMatchObject([
      { character_sum: 7, user_ids: [other] },
    ]);
  });

  test('marks slices with edits in untracked namespaces', async () => {
    const talk = await course.addArticle({ namespace: 1 });
    await course.putFact({ article: talk, user: leaver, day: 1, characters: 10 });
    await rollUp(database, course.id);
    await leave(leaver);
    expect(await remove()).toEqual({ studentsRemoved: 1, slicesMarked: 1 });
    expect(await markedDays(database, course.id, course.wiki)).toEqual([1]);
    expect(await articlesIn('article_course_timeslices')).toEqual([]);
    await expectTrue(database, course.id);
  });

  test('marks slices where all their revisions are hidden, which no article slice names them for', async () => {
    await course.putFact({ article, user: leaver, day: 1, revisions: 0, newArticle: true });
    await course.putFact({ article, user: other, day: 1, characters: 5 });
    await rollUp(database, course.id);
    expect(await rowsOf(database, 'article_course_timeslices', course.id)).toMatchObject([
      { user_ids: [other], new_article: true },
    ]);
    await leave(leaver);
    expect(await remove()).toEqual({ studentsRemoved: 1, slicesMarked: 1 });
    await expectTrue(database, course.id);
    expect(await rowsOf(database, 'article_course_timeslices', course.id)).toMatchObject([
      { user_ids: [other], new_article: false },
    ]);
  });

  test('takes facts of deleted pages along', async () => {
    const deleted = await course.addArticle({ deleted: true });
    await course.putFact({ article: deleted, user: leaver, day: 0, characters: 10 });
    await rollUp(database, course.id);
    await leave(leaver);
    expect(await remove()).toEqual({ studentsRemoved: 1, slicesMarked: 1 });
    expect(await peopleIn('article_course_user_wiki_timeslices')).toEqual([]);
    await expectTrue(database, course.id);
  });

  test('takes along what was marked already, or rolled up without them', async () => {
    await course.putFact({ article, user: leaver, day: 0, characters: 10 });
    await leave(leaver);
    await rollUp(database, course.id);
    expect(await remove()).toEqual({ studentsRemoved: 1, slicesMarked: 1 });
    expect(await markedDays(database, course.id, course.wiki)).toEqual([0]);
    expect(await peopleIn('article_course_user_wiki_timeslices')).toEqual([]);
    await expectTrue(database, course.id);
  });

  test('takes the walks along that would bring their facts back, and no other', async () => {
    await putWalk([leaver, other]);
    await putWalk([other]);
    await leave(leaver);
    await remove();
    expect(await rowsOf(database, 'wiki_fetches', course.id)).toMatchObject([{ user_ids: [other] }]);
  });

  test('keeps an exclusion by hand of an article that only they edited', async () => {
    await course.putFact({ article, user: leaver, day: 0, characters: 10 });
    await database.query('insert into course_excluded_articles (course_id, article_id) values ($1, $2)', [
      course.id,
      article,
    ]);
    await rollUp(database, course.id);
    await leave(leaver);
    await remove();
    await course.putFact({ article, user: other, day: 0, characters: 5 });
    await expectTrue(database, course.id);
    expect(await rowsOf(database, 'articles_courses', course.id)).toMatchObject([{ tracked: false }]);
  });

  test('may be the last one: every number is zero and every slice stays', async () => {
    await course.putFact({ article, user: leaver, day: 0, characters: 10 });
    await course.putFact({ article, user: other, day: 1, characters: 10 });
    await rollUp(database, course.id);
    await leave(leaver);
    await leave(other);
    expect(await remove()).toEqual({ studentsRemoved: 2, slicesMarked: 2 });
    await expectTrue(database, course.id);
    const slices = await rowsOf(database, 'course_wiki_timeslices', course.id);
    expect(slices.map((slice) => slice['revision_count'])).toEqual([0, 0, 0]);
    expect(slices.map((slice) => slice['last_mw_rev_datetime'])).toEqual([null, null, null]);
    expect(await articlesIn('articles_courses')).toEqual([]);
  });

  test('leaves their edits in other courses alone', async () => {
    const second = await createSmallCourse(database);
    await database.query('insert into courses_users (course_id, user_id) values ($1, $2)', [
      second.id,
      leaver,
    ]);
    const page = await second.addArticle();
    await second.putFact({ article: page, user: leaver, day: 0, characters: 3 });
    await course.putFact({ article, user: leaver, day: 0, characters: 3 });
    await rollUp(database, second.id);
    await rollUp(database, course.id);
    const before = await stateOf(database, second.id);
    await leave(leaver);
    await remove();
    expect(await stateOf(database, second.id)).toEqual(before);
  });
});

describe('a change of the roster that is no departure', () => {
  test('leaving and joining again before the update keeps facts and cursor', async () => {
    await course.putFact({ article, user: leaver, day: 0, characters: 10 });
    await rollUp(database, course.id);
    await leave(leaver);
    await join(leaver, 0);
    expect(await remove()).toEqual({ studentsRemoved: 0, slicesMarked: 0 });
    expect(await peopleIn('course_user_wiki_cursors')).toEqual([leaver, other]);
    await expectTrue(database, course.id);
    expect(await rowsOf(database, 'articles_courses', course.id)).toMatchObject([{ character_sum: 10 }]);
  });

  test('leaving and joining again after the update begins anew, without a cursor', async () => {
    await course.putFact({ article, user: leaver, day: 0, characters: 10 });
    await rollUp(database, course.id);
    await leave(leaver);
    await remove();
    await join(leaver, 0);
    expect(await peopleIn('course_user_wiki_cursors')).toEqual([other]);
    await expectTrue(database, course.id);
  });

  test('a student who becomes an instructor leaves the numbers, and stays on the roster', async () => {
    await course.putFact({ article, user: leaver, day: 0, characters: 10 });
    await rollUp(database, course.id);
    await database.query('update courses_users set role = 1 where course_id = $1 and user_id = $2', [
      course.id,
      leaver,
    ]);
    expect(await remove()).toEqual({ studentsRemoved: 1, slicesMarked: 1 });
    await expectTrue(database, course.id);
    expect(await rowsOf(database, 'courses_users', course.id)).toContainEqual(
      expect.objectContaining({ user_id: leaver, role: 1, character_sum_ms: 0, revision_count: 0 }),
    );
  });

  test('a student who is an instructor too stays a student when the other role goes', async () => {
    await join(leaver, 1);
    await course.putFact({ article, user: leaver, day: 0, characters: 10 });
    await rollUp(database, course.id);
    await leave(leaver, 1);
    expect(await remove()).toEqual({ studentsRemoved: 0, slicesMarked: 0 });
    await expectTrue(database, course.id);
  });

  test('an instructor who is a student too and stops being one is taken out', async () => {
    await join(leaver, 1);
    await course.putFact({ article, user: leaver, day: 0, characters: 10 });
    await rollUp(database, course.id);
    await leave(leaver, 0);
    expect(await remove()).toEqual({ studentsRemoved: 1, slicesMarked: 1 });
    expect(await peopleIn('article_course_user_wiki_timeslices')).toEqual([]);
    await expectTrue(database, course.id);
  });

  test('a cursor alone goes with the student who left without an edit', async () => {
    await leave(leaver);
    expect(await remove()).toEqual({ studentsRemoved: 1, slicesMarked: 0 });
    expect(await peopleIn('course_user_wiki_cursors')).toEqual([other]);
  });
});

async function remove(): Promise<StudentsRemoved> {
  return twice(database, course.id, (transaction) =>
    removeDepartedStudents(transaction, { courseId: course.id }),
  );
}

async function leave(user: number, role = 0): Promise<void> {
  await database.query('delete from courses_users where course_id = $1 and user_id = $2 and role = $3', [
    course.id,
    user,
    role,
  ]);
}

async function join(user: number, role: number): Promise<void> {
  await database.query('insert into courses_users (course_id, user_id, role) values ($1, $2, $3)', [
    course.id,
    user,
    role,
  ]);
}

async function putWalk(users: readonly number[]): Promise<void> {
  await database.query(
    `insert into wiki_fetches (course_id, wiki_id, user_ids, from_at, to_at, began_at)
     values ($1, $2, $3, to_timestamp($4), to_timestamp($4), now())`,
    [course.id, course.wiki, users, START],
  );
}

type Named = Parameters<typeof rowsOf>[1];

async function peopleIn(table: Named): Promise<readonly unknown[]> {
  return distinct(await rowsOf(database, table, course.id), 'user_id');
}

async function articlesIn(table: Named): Promise<readonly unknown[]> {
  return distinct(await rowsOf(database, table, course.id), 'article_id');
}

function distinct(rows: readonly Record<string, unknown>[], column: string): readonly number[] {
  return [...new Set(rows.map((row) => Number(row[column])))].toSorted((left, right) => left - right);
}
