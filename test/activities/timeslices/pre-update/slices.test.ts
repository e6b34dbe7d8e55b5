import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { adjustSlices, type SlicesAdjusted } from '../../../../activities/timeslices/pre-update/slices.ts';
import { openDatabase, type Database } from '../../../../db/database.ts';
import { createMigratedDatabase, type TestDatabase } from '../../../support/database.ts';
import { createSmallCourse, DAY, START, type SmallCourse } from '../small-course.ts';
import {
  expectTrue,
  moveDates,
  putCursor,
  rollUp,
  rowsOf,
  slicesOf,
  stateOf,
  twice,
  type SliceState,
} from './course-state.ts';

const HOUR = 3600;
/** The last second of the third day. */
const END = START + 3 * DAY - 1;

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

/** Three days, each with a fact, all of it fetched. */
beforeEach(async () => {
  course = await createSmallCourse(database);
  student = await course.addUser(0);
  article = await course.addArticle();
  for (const day of [0, 1, 2]) await course.putFact({ article, user: student, day, characters: 10 ** day });
  await putCursor(database, course.id, { user: student, wiki: course.wiki, until: END });
  await rollUp(database, course.id);
});

describe('slices of the right period', () => {
  test('are not touched, not even locked', async () => {
    const before = await versions();
    expect(await adjust()).toEqual({ slicesAdded: 0, slicesRemoved: 0, slicesToFetch: 0 });
    expect(await versions()).toEqual(before);
  });

  test('keep their length when another is asked for, which is for new slices', async () => {
    await lengthen(HOUR);
    expect(await adjust()).toEqual({ slicesAdded: 0, slicesRemoved: 0, slicesToFetch: 0 });
    await moveDates(database, course.id, { startsAt: START, endsAt: END + 2 * HOUR });
    expect(await adjust()).toEqual({ slicesAdded: 2, slicesRemoved: 0, slicesToFetch: 1 });
    expect((await slices()).at(-1)).toEqual(slice(3 + 1 / 24, 3 + 2 / 24, 'none'));
  });

  test('of a period that nobody wrote down are all fetched again', async () => {
    await database.query(
      'update courses_wikis set sliced_from = null, sliced_until = null where course_id = $1',
      [course.id],
    );
    expect(await adjust()).toEqual({ slicesAdded: 0, slicesRemoved: 0, slicesToFetch: 3 });
    await expectTrue(database, course.id);
  });
});

describe('a wiki that was added', () => {
  test('gets slices for the whole period, without marks, whatever is known of other wikis', async () => {
    const added = await addWiki(DAY);
    expect(await adjust(added)).toEqual({ slicesAdded: 3, slicesRemoved: 0, slicesToFetch: 0 });
    expect(await slicesOf(database, course.id, added)).toEqual([
      slice(0, 1, 'none'),
      slice(1, 2, 'none'),
      slice(2, 3, 'none'),
    ]);
    await expectTrue(database, course.id);
  });

  test('has slices of its own length beside those of another wiki', async () => {
    const added = await addWiki(2 * DAY);
    await adjust(added);
    expect(await slicesOf(database, course.id, added)).toEqual([slice(0, 2, 'none'), slice(2, 4, 'none')]);
    await moveDates(database, course.id, { startsAt: START - DAY, endsAt: END + DAY });
    expect(await adjust()).toEqual({ slicesAdded: 2, slicesRemoved: 0, slicesToFetch: 3 });
    // Nobody was fetched there yet, so ingest will reach the new slice; those of the old boundaries are fetched all the same.
    expect(await adjust(added)).toEqual({ slicesAdded: 1, slicesRemoved: 0, slicesToFetch: 2 });
    expect(await slicesOf(database, course.id, added)).toEqual([
      slice(-2, 0, 'none'),
      slice(0, 2, 'fetch'),
      slice(2, 4, 'fetch'),
    ]);
  });

  test('and taken out again has nothing to adjust', async () => {
    await database.query('delete from courses_wikis where course_id = $1', [course.id]);
    expect(await adjust()).toEqual({ slicesAdded: 0, slicesRemoved: 0, slicesToFetch: 0 });
  });
});

describe('an end that moves', () => {
  test('a day later adds a slice, and the one of the old end is fetched again', async () => {
    await moveDates(database, course.id, { startsAt: START, endsAt: END + DAY });
    expect(await adjust()).toEqual({ slicesAdded: 1, slicesRemoved: 0, slicesToFetch: 1 });
    expect(await slices()).toEqual([
      slice(0, 1, 'none'),
      slice(1, 2, 'none'),
      slice(2, 3, 'fetch'),
      slice(3, 4, 'none'),
    ]);
    await expectTrue(database, course.id);
  });

  test('a day earlier takes a slice away with its facts, and the one of the new end is fetched again', async () => {
    await moveDates(database, course.id, { startsAt: START, endsAt: END - DAY });
    expect(await adjust()).toEqual({ slicesAdded: 0, slicesRemoved: 1, slicesToFetch: 1 });
    expect(await slices()).toEqual([slice(0, 1, 'none'), slice(1, 2, 'fetch')]);
    expect(await factSums()).toEqual([1, 10]);
    await expectTrue(database, course.id);
    expect(await courseSum()).toBe(11);
  });

  test('an hour earlier keeps the numbers of its slice until that is fetched again', async () => {
    await moveDates(database, course.id, { startsAt: START, endsAt: END - HOUR });
    expect(await adjust()).toEqual({ slicesAdded: 0, slicesRemoved: 0, slicesToFetch: 1 });
    expect((await slices()).at(-1)).toEqual(slice(2, 3, 'fetch'));
    await expectTrue(database, course.id);
    expect(await courseSum()).toBe(111);
    // The numbers were rolled up, and the facts are still to be fetched.
    expect((await slices()).at(-1)).toEqual(slice(2, 3, 'fetch'));
  });

  test('exactly onto the rhythm has a slice of its own', async () => {
    await moveDates(database, course.id, { startsAt: START, endsAt: START + 3 * DAY });
    expect(await adjust()).toEqual({ slicesAdded: 1, slicesRemoved: 0, slicesToFetch: 1 });
    expect((await slices()).at(-1)).toEqual(slice(3, 4, 'none'));
  });
});

describe('a start that moves', () => {
  test('a day earlier adds a slice that ingest would not reach', async () => {
    await moveDates(database, course.id, { startsAt: START - DAY, endsAt: END });
    expect(await adjust()).toEqual({ slicesAdded: 1, slicesRemoved: 0, slicesToFetch: 2 });
    expect(await slices()).toEqual([
      slice(-1, 0, 'fetch'),
      slice(0, 1, 'fetch'),
      slice(1, 2, 'none'),
      slice(2, 3, 'none'),
    ]);
    await expectTrue(database, course.id);
  });

  test('an hour earlier adds a slice that reaches beyond it, in the rhythm', async () => {
    await moveDates(database, course.id, { startsAt: START - HOUR, endsAt: END });
    expect(await adjust()).toEqual({ slicesAdded: 1, slicesRemoved: 0, slicesToFetch: 2 });
    expect((await slices())[0]).toEqual(slice(-1, 0, 'fetch'));
  });

  test('a day later takes a slice away, and an hour later keeps it to be fetched again', async () => {
    await moveDates(database, course.id, { startsAt: START + DAY + HOUR, endsAt: END });
    expect(await adjust()).toEqual({ slicesAdded: 0, slicesRemoved: 1, slicesToFetch: 1 });
    expect(await slices()).toEqual([slice(1, 2, 'fetch'), slice(2, 3, 'none')]);
    await expectTrue(database, course.id);
    expect(await courseSum()).toBe(110);
  });
});

describe('a period that moves wholly', () => {
  test('to later is cut anew from its own start, for ingest to fill', async () => {
    await moveDates(database, course.id, { startsAt: START + 10 * DAY + HOUR, endsAt: END + 9 * DAY });
    expect(await adjust()).toEqual({ slicesAdded: 2, slicesRemoved: 3, slicesToFetch: 0 });
    expect(await slices()).toEqual([
      slice(10 + 1 / 24, 11 + 1 / 24, 'none'),
      slice(11 + 1 / 24, 12 + 1 / 24, 'none'),
    ]);
    await expectTrue(database, course.id);
    expect(await rowsOf(database, 'articles_courses', course.id)).toEqual([]);
    expect(await courseSum()).toBe(0);
  });

  test('to earlier is fetched, as it is behind every cursor', async () => {
    await moveDates(database, course.id, { startsAt: START - 10 * DAY, endsAt: START - 8 * DAY - 1 });
    expect(await adjust()).toEqual({ slicesAdded: 2, slicesRemoved: 3, slicesToFetch: 2 });
    expect(await slices()).toEqual([slice(-10, -9, 'fetch'), slice(-9, -8, 'fetch')]);
    await expectTrue(database, course.id);
  });
});

describe('moves one after the other', () => {
  test('shortened and then lengthened again, all that went is fetched again or reached by ingest', async () => {
    await moveDates(database, course.id, { startsAt: START, endsAt: START + DAY - 1 });
    await adjust();
    await moveDates(database, course.id, { startsAt: START, endsAt: END });
    expect(await adjust()).toEqual({ slicesAdded: 2, slicesRemoved: 0, slicesToFetch: 2 });
    // The last slice holds the cursor, from whose beginning ingest goes on.
    expect(await slices()).toEqual([slice(0, 1, 'fetch'), slice(1, 2, 'fetch'), slice(2, 3, 'none')]);
    await expectTrue(database, course.id);
  });

  test('there and back before the update changes nothing', async () => {
    const before = await stateOf(database, course.id);
    await moveDates(database, course.id, { startsAt: START, endsAt: END + 5 * DAY });
    await moveDates(database, course.id, { startsAt: START, endsAt: END });
    expect(await adjust()).toEqual({ slicesAdded: 0, slicesRemoved: 0, slicesToFetch: 0 });
    expect(await stateOf(database, course.id)).toEqual(before);
  });

  test('a slice that waits to be fetched keeps its mark', async () => {
    await moveDates(database, course.id, { startsAt: START, endsAt: END - HOUR });
    await adjust();
    await moveDates(database, course.id, { startsAt: START, endsAt: END });
    await adjust();
    await moveDates(database, course.id, { startsAt: START - DAY, endsAt: END });
    await adjust();
    expect((await slices()).map(({ mark }) => mark)).toEqual(['fetch', 'fetch', 'none', 'fetch']);
  });

  test('where students are fetched up to different days, the furthest one decides', async () => {
    const late = await course.addUser(0);
    await putCursor(database, course.id, { user: late, wiki: course.wiki, until: null });
    await putCursor(database, course.id, { user: student, wiki: course.wiki, until: START + 4 * DAY + HOUR });
    await moveDates(database, course.id, { startsAt: START, endsAt: END + 3 * DAY });
    await adjust();
    expect((await slices()).slice(3)).toEqual([
      slice(3, 4, 'fetch'),
      slice(4, 5, 'none'),
      slice(5, 6, 'none'),
    ]);
  });
});

async function adjust(wikiId = course.wiki): Promise<SlicesAdjusted> {
  return twice(database, course.id, (transaction) =>
    adjustSlices(transaction, { courseId: course.id, wikiId }),
  );
}

async function addWiki(lengthSeconds: number): Promise<number> {
  const { rows } = await database.query<{ id: number }>(
    `insert into wikis (project, api_url) values ('wikipedia', $1) returning id`,
    [`http://added-to-${course.id}/w/api.php`],
  );
  const wikiId = rows[0]?.id ?? 0;
  await database.query(
    'insert into courses_wikis (course_id, wiki_id, timeslice_seconds) values ($1, $2, $3)',
    [course.id, wikiId, lengthSeconds],
  );
  return wikiId;
}

async function lengthen(lengthSeconds: number): Promise<void> {
  await database.query('update courses_wikis set timeslice_seconds = $2 where course_id = $1', [
    course.id,
    lengthSeconds,
  ]);
}

async function slices(): Promise<readonly SliceState[]> {
  return slicesOf(database, course.id, course.wiki);
}

function slice(from: number, to: number, mark: SliceState['mark']): SliceState {
  return { from: expect.closeTo(from, 6) as number, to: expect.closeTo(to, 6) as number, mark };
}

async function factSums(): Promise<readonly unknown[]> {
  const facts = await rowsOf(database, 'article_course_user_wiki_timeslices', course.id);
  return facts.map((fact) => Number(fact['character_sum'])).toSorted((left, right) => left - right);
}

async function courseSum(): Promise<number | undefined> {
  const { rows } = await database.query<{ sum: number }>(
    'select character_sum as sum from courses where id = $1',
    [course.id],
  );
  return rows[0]?.sum;
}

/** Which transactions wrote or locked each row. */
async function versions(): Promise<readonly unknown[]> {
  const { rows } = await database.query(
    'select ctid::text, xmin::text, xmax::text from course_wiki_timeslices where course_id = $1 order by start_at',
    [course.id],
  );
  return rows;
}
