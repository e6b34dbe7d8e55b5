import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { columnsWithUser, rowsWith, setErasureStage, type ErasureStage } from '../../support/erasure.ts';
import type { SandboxLearner } from '../../support/retirement.ts';
import { ask, parked, responsesOf, retriesOf } from '../../support/retirement-learner.ts';
import { waitFor } from '../../support/wait.ts';

let stage: ErasureStage;
/** Like it, but its stages wait for two seconds only. */
let hasty: ErasureStage;

beforeAll(async () => {
  // What is waited for here lasts longer than this budget.
  const registrar = { retry_budget: '2s' };
  [stage, hasty] = await Promise.all([
    setErasureStage({ registrar }),
    setErasureStage({ registrar, retirement: { longestWaitMs: 2_000 } }),
  ]);
});

afterAll(() => Promise.all([stage.close(), hasty.close()]));

beforeEach(async () => {
  await stage.retirement.clearFaults();
  for (const wiki of stage.courses.wikis) await wiki.clearFaults();
});

const PERIOD = { startsAt: '2026-03-01T00:00:00Z', endsAt: '2026-03-10T23:59:59Z' };
const on = (day: number): string => `2026-03-${String(day).padStart(2, '0')}T12:00:00Z`;
/** Longer than an update takes, so that something happens meanwhile; shorter than what ends by itself. */
const HELD_MS = 8_000;

interface Leaving {
  readonly courseId: number;
  readonly learner: SandboxLearner;
  readonly userId: number;
}

/** A student of one course that was updated once and has a schedule; somebody else edited the same page. */
async function student(username: string, { courses, retirement, ...on_ } = stage): Promise<Leaving> {
  const [en] = courses.wikis;
  await en.edit(
    { user: username, title: `Page of two`, timestamp: on(2), sizediff: 500 },
    { user: 'Yann', title: `Page of two`, timestamp: on(2), sizediff: 30 },
  );
  const courseId = await courses.addCourse({ ...PERIOD, students: [username, 'Yann'] });
  await on_.schedule(courseId);
  await courses.update(courseId);
  const learner = await ask(retirement, `learner ${Math.random()}`);
  return { courseId, learner, userId: await on_.link(username, learner) };
}

async function expectForgotten(
  username: string,
  { courseId, userId }: Leaving,
  { courses } = stage,
): Promise<void> {
  expect(await rowsWith(courses, username)).toEqual([]);
  expect(await columnsWithUser(courses, userId)).toEqual([]);
  expect(await courses.differences(courseId)).toEqual([]);
}

async function completes({ learner }: Leaving, { retirement } = stage): Promise<void> {
  expect(await retirement.workflow(learner.user_id).result()).toMatchObject({ outcome: 'COMPLETE' });
  expect(await responsesOf(retirement, learner, 'ERRORED')).toEqual([]);
}

/** Waits until the stage has been tried again so often, by Temporal. */
async function triedAgain({ learner }: Leaving, attempts: number, { retirement } = stage): Promise<void> {
  await waitFor(async () => (await retriesOf(retirement, learner)) >= attempts, {
    what: `attempt ${attempts} of the stage`,
  });
}

/** How often the course's schedule has begun an update. */
async function updatesAskedFor({ courseId }: Leaving): Promise<number> {
  const { info } = await stage.courses.temporal.client.schedule
    .getHandle(`course-update-${courseId}`)
    .describe();
  return info.numActionsTaken;
}

/** Which update the course had last. */
async function lastUpdate(
  { courseId }: Leaving,
  { courses } = stage,
): Promise<{ readonly workflowId: string; readonly runId: string }> {
  const { rows } = await courses.database.query<{ workflowId: string; runId: string }>(
    'select update_workflow_id as "workflowId", update_run_id as "runId" from courses where id = $1',
    [courseId],
  );
  const [row] = rows;
  if (!row) throw new Error(`no course ${courseId}`);
  return row;
}

test('nobody works on courses: the stage waits beyond its retry budget and says what for', async () => {
  const leaving = await student('Zorillafinch');
  const { learner, courseId } = leaving;
  await stage.courses.stopWorker();
  await stage.retirement.collect();
  await triedAgain(leaving, 3);
  expect(await stage.retirement.status(learner.user_id)).toMatchObject({ state: 'RETIRING_COURSE_STATS' });
  const { raw } = await stage.retirement.workflow(learner.user_id).describe();
  expect(raw.pendingActivities?.[0]?.lastFailure?.message).toBe(
    `waiting for the update of course ${courseId}`,
  );
  expect((await stage.retirement.row(learner.user_id)).lastFailure).toBeNull();
  // A failure that may pass, long after the stage began: its budget counts from the last wait.
  await stage.retirement.fault({ method: 'PATCH', username: learner.username, status: 503, times: 1 });
  await stage.courses.startWorker();
  await completes(leaving);
  await expectForgotten('Zorillafinch', leaving);
  // Whatever the number of attempts.
  expect(await updatesAskedFor(leaving)).toBe(1);
});

test('an update that is under way has passed its beginning: one more follows it', async () => {
  const leaving = await student('Yapokheron');
  const { courseId } = leaving;
  const [en] = stage.courses.wikis;
  await en.edit({ user: 'Yapokheron', title: 'New page', timestamp: on(3) });
  await stage.courses.database.query('update course_user_wiki_cursors set ingested_until = null');
  await en.fault({ path: '/w/api.php', delay_ms: HELD_MS, times: 1 });
  await en.forgetRequests();
  const schedule = stage.courses.temporal.client.schedule.getHandle(`course-update-${courseId}`);
  await schedule.trigger();
  await waitFor(async () => (await en.requests()).api > 0, { what: 'the update to call the wiki' });
  const underWay = await lastUpdate(leaving);

  await stage.retirement.collect();
  await triedAgain(leaving, 1);
  expect(await lastUpdate(leaving)).toEqual(underWay);
  await completes(leaving);
  expect(await lastUpdate(leaving)).not.toEqual(underWay);
  await expectForgotten('Yapokheron', leaving);
});

test('an update that somebody ends before its end is followed by another', async () => {
  const leaving = await student('Xerusplover');
  const [en] = stage.courses.wikis;
  await en.forgetRequests();
  await en.fault({ path: '/w/api.php', delay_ms: HELD_MS, times: 1 });
  await stage.retirement.collect();
  await waitFor(async () => (await en.requests()).api > 0, { what: 'the update to call the wiki' });
  const { workflowId } = await lastUpdate(leaving);
  await stage.courses.temporal.client.workflow.getHandle(workflowId).terminate('by hand');
  await completes(leaving);
  await expectForgotten('Xerusplover', leaving);
  expect(await updatesAskedFor(leaving)).toBe(2);
});

test('an update that somebody started by hand is waited for before another is asked for', async () => {
  const leaving = await student('Vervetsnipe');
  const [en] = stage.courses.wikis;
  await en.forgetRequests();
  await en.fault({ path: '/w/api.php', delay_ms: HELD_MS, times: 1 });
  const byHand = stage.courses.update(leaving.courseId);
  await waitFor(async () => (await en.requests()).api > 0, { what: 'the update to call the wiki' });
  await stage.retirement.collect();
  await triedAgain(leaving, 1);
  await byHand;
  await completes(leaving);
  await expectForgotten('Vervetsnipe', leaving);
  expect(await updatesAskedFor(leaving)).toBe(1);
});

test('somebody enrols the learner again meanwhile, in this course and in another', async () => {
  const leaving = await student('Uguisucat');
  const other = await stage.courses.addCourse({ ...PERIOD, students: ['Yann'] });
  await stage.courses.stopWorker();
  await stage.retirement.collect();
  await triedAgain(leaving, 1);
  await stage.courses.enroll(leaving.courseId, 'Uguisucat');
  await stage.courses.enroll(other, 'Uguisucat');
  await stage.courses.startWorker();
  await completes(leaving);
  await expectForgotten('Uguisucat', leaving);
  expect(await stage.courses.differences(other)).toEqual([]);
});

test('an update that does not end in time ends the stage, which can be resumed', async () => {
  const leaving = await student('Tenrecquail', hasty);
  const { learner, courseId } = leaving;
  await hasty.courses.stopWorker();
  await hasty.retirement.collect();
  await parked(hasty.retirement, learner);
  const { cause } = await hasty.retirement.status(learner.user_id);
  expect(cause?.what).toMatch(
    new RegExp(`^the update of course ${courseId} has not ended within .* h: see \`registrar course show\`$`),
  );
  const { runId: before } = await lastUpdate(leaving, hasty);
  await hasty.courses.startWorker();
  await waitFor(
    async () => {
      const { workflowId, runId } = await lastUpdate(leaving, hasty);
      if (runId === before) return false;
      const { status } = await hasty.courses.temporal.client.workflow.getHandle(workflowId, runId).describe();
      return status.name === 'COMPLETED';
    },
    { what: 'the update to end' },
  );
  await hasty.retirement.workflow(learner.user_id).signal('resume', 'RETIRING_COURSE_STATS');
  expect(await hasty.retirement.workflow(learner.user_id).result()).toMatchObject({ outcome: 'COMPLETE' });
  await expectForgotten('Tenrecquail', leaving, hasty);
});
