import { afterAll, beforeAll, expect, test } from 'vitest';
import { courseSchedule, ensureSchedule, findSchedule } from '../../../client/setup/schedules.ts';
import type { TemporalAccess } from '../../../client/temporal.ts';
import { setCourseStage, type CourseStage } from '../../support/courses.ts';

let stage: CourseStage;

beforeAll(async () => {
  stage = await setCourseStage();
  await stage.startWorker();
});

afterAll(() => stage.close());

const DAY_MS = 86_400_000;
const at = (days: number): string =>
  new Date(Math.floor((Date.now() + days * DAY_MS) / 1000) * 1000).toISOString();

async function addScheduled(startsInDays: number, endsInDays: number, student: string): Promise<number> {
  const courseId = await stage.addCourse({
    startsAt: at(startsInDays),
    endsAt: at(endsInDays),
    students: [student],
  });
  const { client, connection, address, namespace } = stage.temporal;
  const access: TemporalAccess = { client, connection, address, namespace, close: () => Promise.resolve() };
  await ensureSchedule(access, courseSchedule(courseId));
  return courseId;
}

async function stateOf(courseId: number): Promise<{ readonly paused: boolean; readonly note: string }> {
  const found = await findSchedule(stage.temporal.client, courseSchedule(courseId).scheduleId);
  return { paused: found?.state.paused ?? false, note: found?.state.note ?? '' };
}

test('a course long over pauses its schedule, and another course resumes it when a page of both changes', async () => {
  const [en] = stage.wikis;
  await en.edit(
    { user: 'Nan', title: 'Shared', timestamp: at(-60), sizediff: 100 },
    { user: 'Nan', title: 'Shared', timestamp: at(-5), sizediff: 30 },
  );
  const over = await addScheduled(-70, -40, 'Nan');
  const running = await addScheduled(-10, 10, 'Nan');
  expect((await stage.update(over)).paused).toBe(true);
  expect(await stateOf(over)).toEqual({
    paused: true,
    note: expect.stringMatching(/^Paused by the update: /) as string,
  });
  expect((await stage.update(running)).paused).toBe(false);
  expect(await stateOf(over)).toMatchObject({ paused: true });

  await en.control('POST', '/_sandbox/pages/delete', { title: 'Shared', ns: 0 });
  await stage.database.query('update articles set checked_at = null');
  await stage.update(running);
  expect(await stateOf(over)).toEqual({
    paused: false,
    note: expect.stringContaining(`course ${running}`) as string,
  });

  expect((await stage.update(over)).paused).toBe(true);
  const { rows } = await stage.database.query('select character_sum from courses where id = $1', [over]);
  expect(rows).toEqual([{ character_sum: 0 }]);
});

test('a pause of an operator stays', async () => {
  const courseId = await addScheduled(-70, -40, 'Oto');
  await stage.temporal.client.schedule.getHandle(courseSchedule(courseId).scheduleId).pause('by hand');
  expect((await stage.update(courseId)).paused).toBe(true);
  expect(await stateOf(courseId)).toEqual({ paused: true, note: 'by hand' });
});

test('a course under way, and one that ended a month ago less a day, go on', async () => {
  for (const ends of [10, -29]) {
    const courseId = await addScheduled(-70, ends, 'Pia');
    expect((await stage.update(courseId)).paused).toBe(false);
    expect(await stateOf(courseId)).toMatchObject({ paused: false });
  }
});
