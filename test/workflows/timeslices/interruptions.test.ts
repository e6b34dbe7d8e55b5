import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { openDatabase } from '../../../db/database.ts';
import {
  COURSE_UPDATE,
  courseUpdateId,
  TIMESLICES_TASK_QUEUE,
  type CourseUpdateResult,
} from '../../../workflows/timeslices/contract.ts';
import { setCourseStage, type CourseStage } from '../../support/courses.ts';
import { waitFor } from '../../support/wait.ts';

let stage: CourseStage;

beforeAll(async () => {
  stage = await setCourseStage({ retry_budget: '60s' });
  await stage.startWorker();
});

afterEach(() => stage.wikis[0].clearFaults());

afterAll(() => stage.close());

const period = { startsAt: '2026-03-01T00:00:00Z', endsAt: '2026-03-10T00:00:00Z' };

async function begin(courseId: number, suffix: string): Promise<() => Promise<CourseUpdateResult>> {
  const handle = await stage.temporal.client.workflow.start(COURSE_UPDATE, {
    workflowId: `${courseUpdateId(courseId)}-${suffix}`,
    taskQueue: TIMESLICES_TASK_QUEUE,
    args: [{ courseId }],
  });
  return async () => (await handle.result()) as CourseUpdateResult;
}

/** A course whose update has asked the wiki, which lets it wait. */
async function courseInWaiting(
  user: string,
): Promise<{ readonly courseId: number; readonly ended: () => Promise<CourseUpdateResult> }> {
  const [en] = stage.wikis;
  await en.edit({ user, title: user, timestamp: '2026-03-05T00:00:00Z', sizediff: 100 });
  const courseId = await stage.addCourse({ ...period, students: [user] });
  await en.forgetRequests();
  await en.fault({ path: '/w/api.php', delay_ms: 3_000, times: 1 });
  const ended = await begin(courseId, 'waiting');
  await waitFor(async () => (await en.requests()).api > 0, { what: 'the update to ask the wiki' });
  return { courseId, ended };
}

test('a second update that somebody starts by hand is refused, and says which one is under way', async () => {
  const { courseId, ended } = await courseInWaiting('Kim');
  const second = await begin(courseId, 'second');
  await expect(second()).rejects.toMatchObject({
    cause: { cause: { message: expect.stringContaining(`course-update-${courseId}-waiting`) as string } },
  });
  expect((await ended()).ingest.revisions).toBe(1);
  expect((await stage.update(courseId)).left).toEqual([]);
  expect(await stage.differences(courseId)).toEqual([]);
});

test('an update outlives the end of every connection to PostgreSQL', async () => {
  const { courseId, ended } = await courseInWaiting('Lou');
  const killer = openDatabase({ url: stage.databaseUrl, applicationName: 'killer' });
  try {
    const { rows } = await killer.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and application_name = 'registrar'`,
    );
    expect(rows.length).toBeGreaterThan(1);
  } finally {
    await killer.close();
  }
  expect((await ended()).left).toEqual([]);
  expect(await stage.differences(courseId)).toEqual([]);
  const { rows } = await stage.database.query('select character_sum from courses where id = $1', [courseId]);
  expect(rows).toEqual([{ character_sum: 100 }]);
});

test('a student who is dropped while the wiki is asked about them is gone after the next update', async () => {
  const { courseId, ended } = await courseInWaiting('Mia');
  await stage.drop(courseId, 'Mia');
  await ended();
  await stage.update(courseId);
  const { rows } = await stage.database.query('select character_sum, user_count from courses where id = $1', [
    courseId,
  ]);
  expect(rows).toEqual([{ character_sum: 0, user_count: 0 }]);
  expect(await stage.differences(courseId)).toEqual([]);
});
