import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { setCourseStage, type CourseStage } from '../../support/courses.ts';

let stage: CourseStage;

beforeAll(async () => {
  stage = await setCourseStage();
  await stage.startWorker();
});

afterEach(async () => {
  for (const wiki of stage.wikis) await wiki.clearFaults();
});

afterAll(() => stage.close());

const period = { startsAt: '2026-03-01T00:00:00Z', endsAt: '2026-03-10T00:00:00Z' };

/** A course on both wikis, updated once; its student has made one more edit on each since. */
async function courseWithNews(student: string): Promise<number> {
  const edit = { user: student, title: `Of ${student}`, sizediff: 100, refs: 1 };
  for (const wiki of stage.wikis) await wiki.edit({ ...edit, timestamp: '2026-03-10T00:00:00Z' });
  const courseId = await stage.addCourse({ ...period, students: [student], wikis: stage.wikis });
  await stage.update(courseId);
  for (const wiki of stage.wikis) await wiki.edit({ ...edit, timestamp: '2026-03-10T00:00:00Z', refs: 2 });
  return courseId;
}

async function charactersOn(courseId: number): Promise<readonly number[]> {
  const { rows } = await stage.database.query<{ sum: number }>(
    `select sum(character_sum)::bigint as sum from course_wiki_timeslices where course_id = $1 group by wiki_id order by wiki_id`,
    [courseId],
  );
  return rows.map(({ sum }) => sum);
}

describe('a wiki that fails', () => {
  test.each([
    { what: 'answers 500', fault: { status: 500 } },
    { what: 'answers with HTML', fault: { status: 200, body: '<html>busy</html>' } },
    { what: 'closes the connection', fault: { drop: 'before' } },
    { what: 'closes the connection after its work', fault: { drop: 'after' } },
    {
      what: 'lags',
      fault: { status: 200, retry_after: 5, body: { error: { code: 'maxlag', info: 'Waiting' } } },
    },
    { what: 'limits the rate', fault: { status: 429, retry_after: 60 } },
    { what: 'is read-only', fault: { status: 200, body: { error: { code: 'readonly', info: 'Locked' } } } },
    { what: 'refuses the request', fault: { status: 403 } },
    { what: 'answers with nothing of what was asked', fault: { status: 200, body: { batchcomplete: true } } },
  ])('because it $what is left and keeps its numbers, while the other goes on', async ({ what, fault }) => {
    const [en, fr] = stage.wikis;
    const courseId = await courseWithNews(`Eve ${what}`);
    await en.fault({ path: '/w/api.php', ...fault });

    const result = await stage.update(courseId);

    expect(result.left).toEqual([
      { wikiId: en.wikiId, wiki: 'en.wikipedia', because: expect.stringContaining('/w/api.php') as string },
    ]);
    expect(await charactersOn(courseId)).toEqual([100, 200]);
    const { rows } = await stage.database.query(
      'select wiki_id, left_because from courses_wikis where course_id = $1 order by wiki_id',
      [courseId],
    );
    expect(rows).toEqual([
      { wiki_id: en.wikiId, left_because: result.left[0]?.because },
      { wiki_id: fr.wikiId, left_because: null },
    ]);

    await en.clearFaults();
    expect((await stage.update(courseId)).left).toEqual([]);
    expect(await charactersOn(courseId)).toEqual([200, 200]);
    expect(await stage.differences(courseId)).toEqual([]);
  });

  test('for a moment is tried again after the wait that it asks for', async () => {
    const courseId = await courseWithNews('Fay');
    await stage.wikis[0].fault({ path: '/w/api.php', status: 429, retry_after: 1, times: 1 });
    expect((await stage.update(courseId)).left).toEqual([]);
    expect(await charactersOn(courseId)).toEqual([200, 200]);
  });

  test('while slices are fetched again keeps their marks and their facts', async () => {
    const [en] = stage.wikis;
    const courseId = await courseWithNews('Gil');
    await stage.database.query('update courses set needs_update = true where id = $1', [courseId]);
    await en.fault({ path: '/w/api.php', status: 503 });
    expect((await stage.update(courseId)).left).toHaveLength(1);
    expect(await charactersOn(courseId)).toEqual([100, 200]);
    expect(await marksOf(courseId)).toEqual([{ wiki_id: en.wikiId, fetch: 10, all: 10 }]);
    expect(await stage.differences(courseId)).toEqual([]);

    await en.clearFaults();
    await stage.update(courseId);
    expect(await charactersOn(courseId)).toEqual([200, 200]);
    expect(await marksOf(courseId)).toEqual([]);
  });

  test('when it is asked about pages makes no page deleted', async () => {
    const [en] = stage.wikis;
    const courseId = await courseWithNews('Hal');
    await stage.database.query(`update articles set checked_at = '2026-01-01Z'`);
    await en.fault({ path: '/w/api.php', status: 502 });
    const result = await stage.update(courseId);
    expect(result.preUpdate.left).toHaveLength(1);
    const { rows } = await stage.database.query('select count(*) from articles where deleted');
    expect(rows).toEqual([{ count: 0 }]);
    expect(await charactersOn(courseId)).toEqual([100, 200]);
  });
});

test('a reference counter that fails takes no numbers away', async () => {
  const [en] = stage.wikis;
  const courseId = await courseWithNews('Ida');
  await en.fault({ path: '/api/v1/references', status: 500 });
  const result = await stage.update(courseId);
  expect(result.left.map(({ wiki }) => wiki)).toEqual(['en.wikipedia', 'fr.wikipedia']);
  expect(await referencesOf(courseId)).toBe(2);
  await en.clearFaults();
  await stage.update(courseId);
  expect(await referencesOf(courseId)).toBe(4);
});

test('a username that the wiki refuses is left out, and told, and the other 49 are not', async () => {
  const [en] = stage.wikis;
  const names = Array.from({ length: 49 }, (_, index) => `Jay ${index}`);
  await en.edit(...names.map((user) => ({ user, title: 'Jay', timestamp: '2026-03-05T00:00:00Z' })));
  const courseId = await stage.addCourse({
    ...period,
    students: [...names.slice(0, 20), 'Bad#name', ...names.slice(20)],
  });
  const result = await stage.update(courseId);
  expect(result).toMatchObject({ left: [], ingest: { revisions: 49 } });
  const { rows } = await stage.database.query(
    `select username from course_user_wiki_cursors join users on users.id = user_id
     where course_id = $1 and refused_at is not null`,
    [courseId],
  );
  expect(rows).toEqual([{ username: 'Bad#name' }]);

  await en.forgetRequests();
  await stage.update(courseId);
  expect(await en.requests()).toMatchObject({ api: 1 });
});

async function marksOf(courseId: number): Promise<readonly unknown[]> {
  const { rows } = await stage.database.query(
    `select wiki_id, count(*) filter (where needs_fetch) as fetch, count(*) as all from course_wiki_timeslices
     where course_id = $1 and needs_update group by wiki_id`,
    [courseId],
  );
  return rows;
}

async function referencesOf(courseId: number): Promise<number> {
  const { rows } = await stage.database.query<{ count: number }>(
    'select references_count as count from courses where id = $1',
    [courseId],
  );
  return rows[0]?.count ?? 0;
}
