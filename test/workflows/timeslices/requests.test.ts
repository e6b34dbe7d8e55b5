import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { setCourseStage, type CourseStage, type NewEdit } from '../../support/courses.ts';

let stage: CourseStage;

beforeAll(async () => {
  stage = await setCourseStage();
  await stage.startWorker();
});

afterAll(() => stage.close());

let made = 0;

/** Usernames that no other test has. */
function people(count: number): readonly string[] {
  made += 1;
  return Array.from({ length: count }, (_, index) => `Student ${made} ${index}`);
}

/** So many edits of one user, a minute apart from `from` on, of pages of their own. */
function editsOf(user: string, count: number, from = '2026-03-01T00:00:00Z'): readonly NewEdit[] {
  return Array.from({ length: count }, (_, index) => ({
    user,
    title: `${user} ${index % 10}`,
    timestamp: new Date(Date.parse(from) + index * 60_000).toISOString(),
  }));
}

const period = { startsAt: '2026-03-01T00:00:00Z', endsAt: '2026-03-31T00:00:00Z' };

describe('requests to the wiki', () => {
  test.each([
    { students: 1, groups: 1 },
    { students: 50, groups: 1 },
    { students: 51, groups: 2 },
    { students: 120, groups: 3 },
  ])(
    'are $groups for $students students, at first and when nothing happened',
    async ({ students, groups }) => {
      const [en] = stage.wikis;
      const names = people(students);
      await en.edit(...editsOf(names[0] ?? '', 3));
      const courseId = await stage.addCourse({ ...period, students: names });

      await en.forgetRequests();
      await stage.update(courseId);
      expect(await en.requests()).toMatchObject({ api: groups });

      const before = await rowsOf(courseId);
      await en.forgetRequests();
      await stage.update(courseId);
      expect(await en.requests()).toEqual({ api: groups, counter: 0 });
      expect(await rowsOf(courseId)).toEqual(before);
    },
  );

  test.each([
    { revisions: 500, requests: 1 },
    { revisions: 501, requests: 2 },
  ])('are $requests for $revisions revisions', async ({ revisions, requests }) => {
    const [en] = stage.wikis;
    const [name = ''] = people(1);
    await en.edit(...editsOf(name, revisions));
    const courseId = await stage.addCourse({ ...period, students: [name] });
    await en.forgetRequests();
    expect((await stage.update(courseId)).ingest.revisions).toBe(revisions);
    expect(await en.requests()).toMatchObject({ api: requests });
  });

  test('go to each of two wikis', async () => {
    const courseId = await stage.addCourse({ ...period, students: people(51), wikis: stage.wikis });
    for (const wiki of stage.wikis) await wiki.forgetRequests();
    await stage.update(courseId);
    for (const wiki of stage.wikis) expect(await wiki.requests()).toEqual({ api: 2, counter: 0 });
  });

  test('are none more than those of an update where nothing happened when a student leaves', async () => {
    const [en] = stage.wikis;
    const [first = '', second = ''] = people(2);
    await en.edit(...editsOf(first, 40), ...editsOf(second, 40));
    const courseId = await stage.addCourse({ ...period, students: [first, second] });
    await stage.update(courseId);
    await stage.drop(courseId, first);
    await en.forgetRequests();
    const result = await stage.update(courseId);
    expect(result).toMatchObject({ preUpdate: { studentsRemoved: 1 }, reprocess: { slicesFetched: 0 } });
    expect(await en.requests()).toEqual({ api: 1, counter: 0 });
    expect(await stage.differences(courseId)).toEqual([]);
  });

  test('are one more for those who join, together', async () => {
    const [en] = stage.wikis;
    const [old = '', ...joiners] = people(3);
    await en.edit(...editsOf(old, 5), ...joiners.flatMap((name) => editsOf(name, 5)));
    const courseId = await stage.addCourse({ ...period, students: [old] });
    await stage.update(courseId);
    await stage.enroll(courseId, ...joiners);
    await en.forgetRequests();
    const result = await stage.update(courseId);
    expect(result.ingest).toMatchObject({ groups: 2, revisions: 10 });
    expect(await en.requests()).toMatchObject({ api: 2 });
    expect(await stage.differences(courseId)).toEqual([]);
  });

  test('are those of the first update for a full rebuild', async () => {
    const [en] = stage.wikis;
    const names = people(51);
    await en.edit(...editsOf(names[0] ?? '', 501));
    const courseId = await stage.addCourse({ ...period, students: names });
    await en.forgetRequests();
    await stage.update(courseId);
    expect(await en.requests()).toMatchObject({ api: 3 });
    const before = await rowsOf(courseId);

    await stage.database.query('update courses set needs_update = true where id = $1', [courseId]);
    await en.forgetRequests();
    const result = await stage.update(courseId);
    expect(await en.requests()).toEqual({ api: 3, counter: 0 });
    expect(result.reprocess.slicesFetched).toBe(31);
    expect(await rowsOf(courseId)).toEqual(before);
  });
});

describe('requests to the reference counter', () => {
  test('are for 50 revisions each, and never again for one that is known', async () => {
    const [en] = stage.wikis;
    const [name = ''] = people(1);
    await en.edit(...editsOf(name, 101).map((edit) => ({ ...edit, refs: 1 })));
    const courseId = await stage.addCourse({ ...period, students: [name] });
    await en.forgetRequests();
    await stage.update(courseId);
    expect(await en.requests()).toEqual({ api: 1, counter: 3 });
    await en.forgetRequests();
    await stage.database.query('update courses set needs_update = true where id = $1', [courseId]);
    await stage.update(courseId);
    expect(await en.requests()).toEqual({ api: 1, counter: 0 });
  });

  test('are none for namespaces without references, and none where there is no counter', async () => {
    const [en] = stage.wikis;
    const [name = ''] = people(1);
    await en.edit({ user: name, title: `Talk ${name}`, ns: 1, timestamp: '2026-03-02T00:00:00Z', refs: 4 });
    const courseId = await stage.addCourse({ ...period, students: [name] });
    await en.forgetRequests();
    await stage.update(courseId);
    expect(await en.requests()).toEqual({ api: 1, counter: 0 });
  });
});

/** Every row of the course, with the version that PostgreSQL gives it anew at each write, without what an update always writes. */
async function rowsOf(courseId: number): Promise<unknown> {
  const tables = [
    'article_course_user_wiki_timeslices',
    'article_course_timeslices',
    'course_user_wiki_timeslices',
    'articles_courses',
    'courses_users',
  ];
  const rows: unknown[] = [];
  for (const table of tables) {
    const { rows: found } = await stage.database.query(
      `select ctid::text, stored.* from ${table} stored where course_id = $1 order by 1`,
      [courseId],
    );
    rows.push(found);
  }
  const { rows: slices } = await stage.database.query(
    `select * from course_wiki_timeslices where course_id = $1 order by wiki_id, start_at`,
    [courseId],
  );
  const { rows: courses } = await stage.database.query(
    `select to_jsonb(courses) - '{updated_at,update_workflow_id,update_run_id}'::text[] as course from courses where id = $1`,
    [courseId],
  );
  return [
    ...rows,
    slices.map((slice: Record<string, unknown>) => ({
      ...slice,
      fetch_asked_at: undefined,
      fetch_planned_at: undefined,
    })),
    courses,
  ];
}
