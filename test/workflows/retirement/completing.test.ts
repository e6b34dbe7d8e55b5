import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { setRetirementStage, type RetirementStage, type SandboxLearner } from '../../support/retirement.ts';
import {
  ask,
  calledOf,
  countRequests,
  expectErasedOnce,
  parked,
  requested,
  responsesOf,
} from '../../support/retirement-learner.ts';
import { waitFor } from '../../support/wait.ts';

const MOVE = 'PATCH /api/user/v1/accounts/update_retirement_status/';
const LAST_STAGE = '/api/user/v1/accounts/retire/';
const COMPLETE_STAGES = [
  'ENROLLMENTS_COMPLETE',
  'FORUMS_COMPLETE',
  'NOTES_COMPLETE',
  'PROCTORING_COMPLETE',
  'PARTNER_QUEUE_COMPLETE',
  'LMS_MISC_COMPLETE',
  'LMS_COMPLETE',
];

let stage: RetirementStage;
beforeAll(async () => {
  stage = await setRetirementStage({ registrar: { retry_budget: '1m' } });
  await stage.startWorker();
});
afterAll(() => stage.close());

/** Begins a retirement in which `fault` meets the move to COMPLETE, and no move before it. */
async function beginFailingAtComplete(
  username: string,
  fault: Readonly<Record<string, unknown>>,
): Promise<SandboxLearner> {
  await stage.control('DELETE', '/_sandbox/requests');
  await stage.fault({ path: LAST_STAGE, username, delay_ms: 400, times: 1 });
  const learner = await ask(stage, username);
  const collected = stage.collect();
  await requested(stage, `POST ${LAST_STAGE}`);
  const moves = await countRequests(stage, MOVE);
  // The move to LMS_COMPLETE is held while the next one's fault is set.
  await stage.fault({ method: 'PATCH', username, delay_ms: 600, times: 1 });
  await waitFor(async () => (await countRequests(stage, MOVE)) > moves, { what: 'the move to LMS_COMPLETE' });
  await stage.fault({ method: 'PATCH', username, times: 1, ...fault });
  await collected;
  return learner;
}

describe('the move to COMPLETE', () => {
  it('waits as long as the LMS asks for', async () => {
    const learner = await beginFailingAtComplete('asked to wait', { status: 429, retry_after: 1 });
    await expectErasedOnce(stage, learner);
    expect(await responsesOf(stage, learner, 'ERRORED')).toEqual([]);
    const log = (await stage.control('GET', '/_sandbox/requests?log=1')) as { request: string; at: string }[];
    const [refused, taken] = log
      .filter(({ request }) => request === MOVE)
      .slice(-2)
      .map(({ at }) => Date.parse(at));
    expect((taken ?? 0) - (refused ?? 0)).toBeGreaterThanOrEqual(990);
    expect((await stage.row(learner.user_id)).lastFailure).toBeNull();
  });

  it.each([400, 403])('answered %i leaves only COMPLETE to be resumed', async (status) => {
    const learner = await beginFailingAtComplete(`refused ${status}`, { status, body: 'not now' });
    await parked(stage, learner);
    expect(await stage.status(learner.user_id)).toMatchObject({
      stage: null,
      cause: { stage: 'COMPLETE', status },
      resumableFrom: ['PENDING', ...COMPLETE_STAGES],
    });
    expect((await stage.row(learner.user_id)).completedStages).toEqual(COMPLETE_STAGES);
    expect((await stage.row(learner.user_id)).lastFailure).toMatchObject({ stage: 'COMPLETE', status });

    await stage.workflow(learner.user_id).executeUpdate('resume', { args: ['LMS_COMPLETE'] });
    await expectErasedOnce(stage, learner);
    expect(Object.values(await calledOf(stage, learner))).toEqual(COMPLETE_STAGES.map(() => 1));
    expect((await stage.row(learner.user_id)).lastFailure).toBeNull();
  });
});
