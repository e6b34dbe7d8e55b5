import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { setCourseStage, type CourseStage } from '../../support/courses.ts';

let stage: CourseStage;

beforeAll(async () => {
  stage = await setCourseStage();
  await stage.startWorker();
});

afterAll(() => stage.close());

let made = 0;
const newName = (): string => `Boundary ${(made += 1)}`;

interface SliceRow {
  readonly start: string;
  readonly end: string;
  readonly revisions: number;
  readonly characters: number;
}

/** Slices with numbers in them, in order. */
async function filledSlices(courseId: number): Promise<readonly SliceRow[]> {
  const { rows } = await stage.database.query<SliceRow>(
    `select to_char(start_at at time zone 'UTC', 'MM-DD HH24:MI') as start,
       to_char(end_at at time zone 'UTC', 'MM-DD HH24:MI') as end, revision_count as revisions, character_sum as characters
     from course_wiki_timeslices where course_id = $1 and revision_count > 0 order by wiki_id, start_at`,
    [courseId],
  );
  return rows;
}

async function courseRow(courseId: number): Promise<Record<string, unknown>> {
  const { rows } = await stage.database.query<Record<string, unknown>>(
    'select * from courses where id = $1',
    [courseId],
  );
  return rows[0] ?? {};
}

describe('a revision', () => {
  test('at exactly the end of a slice belongs to the next, and at the course’s end it counts, a second later not', async () => {
    const [en] = stage.wikis;
    const user = newName();
    await en.edit(
      { user, title: user, timestamp: '2026-03-01T23:59:59Z', sizediff: 1 },
      { user, title: user, timestamp: '2026-03-02T00:00:00Z', sizediff: 10 },
      { user, title: user, timestamp: '2026-03-04T12:00:00Z', sizediff: 100 },
      { user, title: user, timestamp: '2026-03-04T12:00:01Z', sizediff: 1000 },
      { user, title: user, timestamp: '2026-02-28T23:59:59Z', sizediff: 1000 },
    );
    const courseId = await stage.addCourse({
      startsAt: '2026-03-01T00:00:00Z',
      endsAt: '2026-03-04T12:00:00Z',
      students: [user],
    });
    await stage.update(courseId);
    expect(await filledSlices(courseId)).toEqual([
      { start: '03-01 00:00', end: '03-02 00:00', revisions: 1, characters: 1 },
      { start: '03-02 00:00', end: '03-03 00:00', revisions: 1, characters: 10 },
      // The last slice goes on after the course's end, the course does not.
      { start: '03-04 00:00', end: '03-05 00:00', revisions: 1, characters: 100 },
    ]);
  });

  test('at the end of a course that ends exactly on the rhythm has a slice of its own', async () => {
    const [en] = stage.wikis;
    const user = newName();
    await en.edit({ user, title: user, timestamp: '2026-01-30T05:00:00Z', sizediff: 5 });
    const courseId = await stage.addCourse({
      startsAt: '2026-01-24T05:00:00Z',
      endsAt: '2026-01-30T05:00:00Z',
      students: [user],
    });
    expect((await stage.update(courseId)).preUpdate.slicesAdded).toBe(7);
    expect(await filledSlices(courseId)).toEqual([
      { start: '01-30 05:00', end: '01-31 05:00', revisions: 1, characters: 5 },
    ]);
  });

  test('that takes text away adds no characters, but counts', async () => {
    const [en] = stage.wikis;
    const user = newName();
    await en.edit(
      { user, title: user, timestamp: '2026-03-01T01:00:00Z', sizediff: 300 },
      { user, title: user, timestamp: '2026-03-01T02:00:00Z', sizediff: -200 },
    );
    const courseId = await stage.addCourse({ ...march, students: [user] });
    await stage.update(courseId);
    expect(await courseRow(courseId)).toMatchObject({ character_sum: 300, revision_count: 2 });
  });

  test('that is hidden when its slice is fetched again does not count any more', async () => {
    const [en] = stage.wikis;
    const user = newName();
    const made = (await en.control('POST', '/_sandbox/edits', [
      { user, title: user, ns: 0, timestamp: '2026-03-01T01:00:00Z', sizediff: 300, refs: 3 },
      { user, title: user, ns: 0, timestamp: '2026-03-01T02:00:00Z', sizediff: 50, refs: 4 },
    ])) as readonly { readonly revid: number }[];
    const courseId = await stage.addCourse({ ...march, students: [user] });
    await stage.update(courseId);
    expect(await courseRow(courseId)).toMatchObject({
      character_sum: 350,
      references_count: 4,
      revision_count: 2,
    });

    await en.control('POST', '/_sandbox/revisions/hide', { revids: [made[1]?.revid] });
    await stage.database.query('update courses set needs_update = true where id = $1', [courseId]);
    await stage.update(courseId);
    expect(await courseRow(courseId)).toMatchObject({
      character_sum: 300,
      references_count: 3,
      revision_count: 1,
    });
  });

  test('that a system made does not count, and an article with nothing else is none of the course’s', async () => {
    const [en] = stage.wikis;
    const user = newName();
    await en.edit(
      {
        user,
        title: `${user} system`,
        timestamp: '2026-03-01T01:00:00Z',
        tags: ['OAuth CID: 252'],
        new: true,
      },
      { user, title: `${user} other`, timestamp: '2026-03-01T02:00:00Z', tags: ['OAuth CID: 25'] },
    );
    const courseId = await stage.addCourse({ ...march, students: [user] });
    await stage.update(courseId);
    expect(await courseRow(courseId)).toMatchObject({ revision_count: 1, article_count: 1 });
  });
});

const march = { startsAt: '2026-03-01T00:00:00Z', endsAt: '2026-03-31T00:00:00Z' };

describe('students', () => {
  test('in two roles count once, and stay students while they are', async () => {
    const [en] = stage.wikis;
    const user = newName();
    await en.edit({ user, title: user, timestamp: '2026-03-01T01:00:00Z', sizediff: 10 });
    const courseId = await stage.addCourse({ ...march, students: [user] });
    await stage.database.query(
      `insert into courses_users (course_id, user_id, role) select $1, id, 1 from users where username = $2`,
      [courseId, user],
    );
    await stage.update(courseId);
    expect(await courseRow(courseId)).toMatchObject({ character_sum: 10, user_count: 1 });
    const { rows } = await stage.database.query(
      'select role, character_sum_ms from courses_users where course_id = $1 order by role',
      [courseId],
    );
    expect(rows).toEqual([
      { role: 0, character_sum_ms: 10 },
      { role: 1, character_sum_ms: 0 },
    ]);
  });

  test('who leave take their edits along, slice by slice, before anything is worked again', async () => {
    const [en] = stage.wikis;
    const [leaver, stayer] = [newName(), newName()];
    const at = (day: number): string => `2026-03-0${day}T10:00:00Z`;
    await en.edit(
      { user: leaver, title: `${leaver} alone`, timestamp: at(1), sizediff: 1 },
      { user: leaver, title: `${leaver} both`, timestamp: at(2), sizediff: 10 },
      { user: stayer, title: `${leaver} both`, timestamp: at(2), sizediff: 100 },
      { user: leaver, title: `${leaver} apart`, timestamp: at(3), sizediff: 1000 },
      { user: stayer, title: `${leaver} apart`, timestamp: at(4), sizediff: 10_000 },
      { user: leaver, title: `${leaver} talk`, ns: 1, timestamp: at(5), sizediff: 5 },
      { user: stayer, title: `${leaver} other`, timestamp: at(6), sizediff: 100_000 },
    );
    const courseId = await stage.addCourse({ ...march, students: [leaver, stayer] });
    await stage.update(courseId);
    expect(await courseRow(courseId)).toMatchObject({ character_sum: 111_111, article_count: 4 });
    await stage.drop(courseId, leaver);

    await stage.preUpdate(courseId);

    expect(await markedDays(courseId)).toEqual(['03-01', '03-02', '03-03', '03-05']);
    expect(await articleSlices(courseId)).toEqual(['apart 03-04', 'other 03-06']);
    expect(await articlesOf(courseId)).toEqual(['apart', 'both', 'other']);
    expect(await rowsNaming(courseId, leaver)).toEqual([0, 0, 0]);

    const result = await stage.update(courseId);
    expect(result.reprocess).toMatchObject({ slicesFetched: 0, slicesRebuilt: 4 });
    expect(await markedDays(courseId)).toEqual([]);
    expect(await courseRow(courseId)).toMatchObject({
      character_sum: 110_100,
      article_count: 3,
      user_count: 1,
    });
    expect(await stage.differences(courseId)).toEqual([]);
  });

  test('who leave and come back between two updates change nothing', async () => {
    const [en] = stage.wikis;
    const user = newName();
    await en.edit({ user, title: user, timestamp: '2026-03-01T01:00:00Z', sizediff: 10 });
    const courseId = await stage.addCourse({ ...march, students: [user] });
    await stage.update(courseId);
    await stage.drop(courseId, user);
    await stage.enroll(courseId, user);
    await en.forgetRequests();
    expect((await stage.update(courseId)).preUpdate.studentsRemoved).toBe(0);
    expect(await en.requests()).toMatchObject({ api: 1 });
    expect(await courseRow(courseId)).toMatchObject({ character_sum: 10, user_count: 1 });
    expect(await stage.differences(courseId)).toEqual([]);
  });

  test('who all leave leave a course of zeros', async () => {
    const [en] = stage.wikis;
    const user = newName();
    await en.edit({ user, title: user, timestamp: '2026-03-01T01:00:00Z', sizediff: 10 });
    const courseId = await stage.addCourse({ ...march, students: [user] });
    await stage.update(courseId);
    await stage.drop(courseId, user);
    await en.forgetRequests();
    await stage.update(courseId);
    expect(await en.requests()).toEqual({ api: 0, counter: 0 });
    expect(await courseRow(courseId)).toMatchObject({
      character_sum: 0,
      revision_count: 0,
      user_count: 0,
      article_count: 0,
    });
    expect(await articlesOf(courseId)).toEqual([]);
    expect(await stage.differences(courseId)).toEqual([]);
  });
});

test('slices of different lengths on two wikis are each kept in their own rhythm', async () => {
  const [en, fr] = stage.wikis;
  const user = newName();
  for (const wiki of stage.wikis) {
    await wiki.edit({ user, title: user, timestamp: '2026-03-03T13:00:00Z', sizediff: 10 });
  }
  const courseId = await stage.addCourse({
    startsAt: '2026-03-01T05:00:00Z',
    endsAt: '2026-03-10T00:00:00Z',
    students: [user],
    wikis: [en, fr],
  });
  await stage.database.query(
    'update courses_wikis set timeslice_seconds = 3600 * 10 where course_id = $1 and wiki_id = $2',
    [courseId, fr.wikiId],
  );
  await stage.update(courseId);
  expect(await filledSlices(courseId)).toEqual([
    { start: '03-03 05:00', end: '03-04 05:00', revisions: 1, characters: 10 },
    { start: '03-03 07:00', end: '03-03 17:00', revisions: 1, characters: 10 },
  ]);
});

test('a page that is deleted before anybody looks keeps its facts for the day on which it comes back', async () => {
  const [en] = stage.wikis;
  const user = newName();
  const today = new Date(Date.now() - 3_600_000).toISOString();
  await en.edit({ user, title: user, timestamp: today, sizediff: 500, new: true });
  const courseId = await stage.addCourse({
    startsAt: new Date(Date.now() - 40 * 3_600_000).toISOString().slice(0, 19) + 'Z',
    endsAt: new Date(Date.now() + 40 * 3_600_000).toISOString().slice(0, 19) + 'Z',
    students: [user],
  });
  await stage.update(courseId);
  expect(await courseRow(courseId)).toMatchObject({ character_sum: 500 });

  await en.control('POST', '/_sandbox/pages/delete', { title: user, ns: 0 });
  await en.forgetRequests();
  await stage.update(courseId);
  expect(await en.requests()).toMatchObject({ api: 2 });
  expect(await courseRow(courseId)).toMatchObject({ character_sum: 0, article_count: 0 });
  await en.forgetRequests();
  await stage.update(courseId);
  expect(await en.requests()).toMatchObject({ api: 1 });

  await en.control('POST', '/_sandbox/pages/undelete', { title: user, ns: 0 });
  await stage.database.query('update articles set checked_at = null');
  await stage.update(courseId);
  expect(await courseRow(courseId)).toMatchObject({ character_sum: 500, article_count: 1 });
  expect(await stage.differences(courseId)).toEqual([]);
});

async function markedDays(courseId: number): Promise<readonly string[]> {
  return texts(
    `select to_char(start_at at time zone 'UTC', 'MM-DD') as text from course_wiki_timeslices
     where course_id = $1 and needs_update and not needs_fetch order by 1`,
    courseId,
  );
}

/** Last words of titles, with the slice's day. */
async function articleSlices(courseId: number): Promise<readonly string[]> {
  return texts(
    `select substring(title from '[^_]+$') || to_char(start_at at time zone 'UTC', ' MM-DD') as text
     from article_course_timeslices join articles on articles.id = article_id where course_id = $1 order by 1`,
    courseId,
  );
}

async function articlesOf(courseId: number): Promise<readonly string[]> {
  return texts(
    `select substring(title from '[^_]+$') as text
     from articles_courses join articles on articles.id = article_id where course_id = $1 order by 1`,
    courseId,
  );
}

async function texts(statement: string, courseId: number): Promise<readonly string[]> {
  const { rows } = await stage.database.query<{ text: string }>(statement, [courseId]);
  return rows.map(({ text }) => text);
}

async function rowsNaming(courseId: number, username: string): Promise<readonly number[]> {
  const counts: number[] = [];
  for (const table of [
    'article_course_user_wiki_timeslices',
    'course_user_wiki_timeslices',
    'course_user_wiki_cursors',
  ]) {
    const { rows } = await stage.database.query<{ count: number }>(
      `select count(*) from ${table} where course_id = $1 and user_id = (select id from users where username = $2)`,
      [courseId, username],
    );
    counts.push(rows[0]?.count ?? -1);
  }
  return counts;
}
