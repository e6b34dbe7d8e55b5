import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MessageAnswer, RetireUserResult } from '../../../workflows/retirement/contract.ts';
import { setRetirementStage, type RetirementStage, type SandboxLearner } from '../../support/retirement.ts';
import {
  ask,
  begin,
  beginErrored,
  coolingOffFor,
  detailsOf,
  effectiveOf,
  expectErasedOnce,
  responseOf,
  responsesOf,
  retriesOf,
} from '../../support/retirement-learner.ts';
import { waitFor } from '../../support/wait.ts';

const FORUM = '/api/discussion/v1/accounts/retire_forum/';
const CANCEL = '/api/user/v1/accounts/cancel_retirement/';
const LAST_STAGE = '/api/user/v1/accounts/retire/';
const HOUR = 3_600_000;

let stage: RetirementStage;
beforeAll(async () => {
  stage = await setRetirementStage({ registrar: { retry_budget: '1m' } });
  await stage.startWorker();
});
afterAll(() => stage.close());

type Way = 'signal' | 'update' | 'request';

/** Cancels in one of the three ways; a refused update is no failure here. */
async function cancel({ user_id }: SandboxLearner, way: Way): Promise<unknown> {
  const workflow = stage.workflow(user_id);
  switch (way) {
    case 'signal':
      return workflow.signal('cancel', { by: 'jane', reason: 'came back' });
    case 'update':
      return workflow.executeUpdate('cancel').catch((error: unknown) => error);
    case 'request':
      return workflow.cancel();
  }
}

async function beginCooling(username: string): Promise<SandboxLearner> {
  const learner = await begin(stage, username, coolingOffFor(HOUR));
  await waitFor(async () => (await stage.status(learner.user_id)).phase === 'cooling-off', {
    what: 'the cooling-off',
  });
  return learner;
}

async function expectAborted(learner: SandboxLearner): Promise<void> {
  const workflow = stage.workflow(learner.user_id);
  expect(await workflow.result()).toMatchObject({ outcome: 'ABORTED', completedStages: [] });
  expect((await workflow.describe()).status.name).toBe('COMPLETED');
  expect((await stage.row(learner.user_id)).currentState).toBe('ABORTED');
  expect(await stage.lms(learner.username)).toMatchObject({
    current_state: null,
    email: learner.email,
    usable_password: true,
  });
  const { ['POST /api/user/v1/accounts/cancel_retirement/']: cancelled, ...stages } = await effectiveOf(
    stage,
    learner,
  );
  expect(cancelled ?? 0).toBeLessThanOrEqual(1);
  expect(Object.values(stages).every((count) => count === 0)).toBe(true);
}

describe.concurrent('a cancel while the learner is cooling off', () => {
  it.each<[Way, string]>([
    ['signal', 'cancelled by jane: came back'],
    ['update', 'cancelled'],
    ['request', 'cancelled: cancellation requested through Temporal'],
  ])('by %s ends ABORTED and gives the account back', async (way, line) => {
    const learner = await beginCooling(`cooling ${way}`);
    await cancel(learner, way);
    await expectAborted(learner);
    expect(await responsesOf(stage, learner, 'cancelled')).toEqual([line]);
    expect((await stage.workflow(learner.user_id).describe()).searchAttributes).toMatchObject({
      RetirementState: ['ABORTED'],
    });
  });

  it('reminds the operator of the password', async () => {
    const learner = await beginCooling('forgetful');
    const answer = await stage.workflow(learner.user_id).executeUpdate<MessageAnswer, []>('cancel');
    expect(answer.message).toContain('must reset the password');
    const result = (await stage.workflow(learner.user_id).result()) as RetireUserResult;
    expect(result.reason).toContain('must reset the password');
  });

  it('that comes twice is taken once', async () => {
    const learner = await beginCooling('hasty');
    await Promise.all([cancel(learner, 'update'), cancel(learner, 'signal'), cancel(learner, 'request')]);
    await expectAborted(learner);
    expect(await responsesOf(stage, learner, 'cancelled')).toHaveLength(1);
  });

  it('is refused when the LMS refuses, and can be said again', async () => {
    const username = 'kept';
    const learner = await beginCooling(username);
    for (const status of [400, 403]) {
      await stage.fault({ path: CANCEL, username, status, body: { detail: 'no' }, times: 1 });
      expect(await cancel(learner, 'update')).toMatchObject({ name: 'WorkflowUpdateFailedError' });
      expect(await stage.status(learner.user_id)).toMatchObject({ state: 'PENDING', phase: 'cooling-off' });
    }
    expect(await responsesOf(stage, learner, 'refused: cancel')).toHaveLength(2);
    expect(await stage.lms(username)).toMatchObject({ current_state: 'PENDING' });
    await cancel(learner, 'update');
    await expectAborted(learner);
  });

  it.each([
    ['before the work', 'before'],
    ['after the work', 'after'],
  ])('is tried again when the LMS hangs up %s', async (what, drop) => {
    const username = `away ${what}`;
    const learner = await beginCooling(username);
    await stage.fault({ path: CANCEL, username, drop, times: 1 });
    await cancel(learner, 'signal');
    await expectAborted(learner);
  });

  it('holds the stages back until the LMS has answered', async () => {
    const username = 'undecided';
    const learner = await begin(stage, username, coolingOffFor(1_500));
    await stage.fault({ path: CANCEL, username, status: 503, times: 2 });
    await waitFor(async () => (await stage.status(learner.user_id)).phase === 'cooling-off', {
      what: 'the cooling-off',
    });
    await cancel(learner, 'signal');
    await waitFor(async () => (await retriesOf(stage, learner)) >= 2, {
      what: 'the cancel to be tried again',
    });
    await expectAborted(learner);
  });
});

describe.concurrent('a learner who was cancelled in the LMS', () => {
  it('is ABORTED when the cooling-off ends', async () => {
    const learner = await begin(stage, 'cancelled there', coolingOffFor(1_500));
    await cancelInLms(learner);
    await expectAborted(learner);
    expect(await responsesOf(stage, learner, 'ABORTED')).toEqual([
      'ABORTED: the LMS has no retirement row for the learner any more: cancelled there',
    ]);
  });

  it('and asked again waits out a cooling-off of its own', async () => {
    const first = await begin(stage, 'changeable', coolingOffFor(2_500));
    await cancelInLms(first);
    const second = await ask(stage, 'changeable', coolingOffFor(HOUR));
    await stage.collect();
    expect(await stage.workflow(first.user_id).result()).toMatchObject({ outcome: 'ABORTED' });
    expect(await stage.lms('changeable')).toMatchObject({ current_state: 'PENDING' });
    await stage.collect();
    const status = await waitFor(
      async () => {
        const now = await stage.status(second.user_id);
        return now.phase === 'cooling-off' && now;
      },
      { what: 'the second cooling-off' },
    );
    expect(Date.parse(status.coolOffUntil ?? '')).toBeGreaterThan(Date.now());
    await cancel(second, 'update');
    expect(await stage.workflow(second.user_id).result()).toMatchObject({ outcome: 'ABORTED' });
    expect(await stage.lms('changeable')).toMatchObject({ current_state: null });
  });

  it('and asked again is cancelled again by a cancel here', async () => {
    const learner = await beginCooling('very changeable');
    await cancelInLms(learner);
    await ask(stage, 'very changeable', coolingOffFor(HOUR));
    await cancel(learner, 'update');
    expect(await stage.workflow(learner.user_id).result()).toMatchObject({ outcome: 'ABORTED' });
    expect(await stage.lms('very changeable')).toMatchObject({ current_state: null, usable_password: true });
  });

  it('is ABORTED by a cancel here too', async () => {
    const learner = await beginCooling('cancelled twice');
    await cancelInLms(learner);
    await cancel(learner, 'update');
    await expectAborted(learner);
  });
});

describe.concurrent('a cancel after the first stage began', () => {
  it.each<Way>(['signal', 'update', 'request'])('by %s is refused while a stage runs', async (way) => {
    const username = `running ${way}`;
    await stage.fault({ path: FORUM, username, status: 503, retry_after: 6, times: 1 });
    const learner = await begin(stage, username);
    await stage.reaches(learner.user_id, 'RETIRING_FORUMS');
    await cancel(learner, way);
    expect(await responseOf(stage, learner, 'refused: ')).toContain(
      'refused: cancel: the first stage of the retirement has begun',
    );
    await expectErasedOnce(stage, learner);
  });

  it.each<Way>(['signal', 'update', 'request'])('by %s is refused while ERRORED', async (way) => {
    const learner = await beginErrored(stage, `errored ${way}`);
    await cancel(learner, way);
    expect(await responseOf(stage, learner, 'refused: ')).toContain(
      'the first stage of the retirement has begun',
    );
    expect(await detailsOf(stage, learner)).toContain('the first stage of the retirement has begun');
    await stage.workflow(learner.user_id).signal('resume', 'ENROLLMENTS_COMPLETE');
    await expectErasedOnce(stage, learner);
  });

  it('is refused in writing also when the retirement completes right then', async () => {
    const username = 'last moment';
    await stage.fault({ path: LAST_STAGE, username, delay_ms: 600, times: 1 });
    const learner = await ask(stage, username);
    const collected = stage.collect();
    await waitFor(async () => (await stage.lms(username))['current_state'] === 'RETIRING_LMS', {
      what: 'the last stage',
    });
    await cancel(learner, 'request');
    await collected;
    await expectErasedOnce(stage, learner);
    expect(await responsesOf(stage, learner, 'refused: ')).toEqual([
      'refused: cancel: the first stage of the retirement has begun, and what is erased cannot be given back',
    ]);
  });

  it('is refused after a resume from PENDING', async () => {
    const username = 'back to pending';
    const learner = await beginErrored(stage, username);
    await stage.fault({ method: 'PATCH', username, status: 503, times: 1 });
    const resumed = stage.workflow(learner.user_id).executeUpdate('resume', { args: ['PENDING'] });
    await stage.reaches(learner.user_id, 'PENDING');
    expect(await cancel(learner, 'update')).toMatchObject({ name: 'WorkflowUpdateFailedError' });
    await resumed;
    await expectErasedOnce(stage, learner);
  });
});

describe('a cancel that waits for a worker', () => {
  it('is refused when the message comes before the workflow knows that a stage had begun', async () => {
    const learner = await beginErrored(stage, 'terminated');
    await stage.workflow(learner.user_id).terminate();
    await stage.stopWorker();
    await stage.temporal.client.workflow.start('retireUser', {
      workflowId: `retirement-${learner.user_id}`,
      taskQueue: 'retirement',
      args: [{ userId: learner.user_id }],
    });
    const asked = cancel(learner, 'update');
    await cancel(learner, 'signal');
    await stage.startWorker();
    expect(await asked).toMatchObject({ name: 'WorkflowUpdateFailedError' });
    await waitFor(async () => (await responsesOf(stage, learner, 'refused: cancel')).length === 2, {
      what: 'both refusals',
    });
    expect(await stage.status(learner.user_id)).toMatchObject({ state: 'ERRORED' });
  });
});

describe('a cancel at the very end of the cooling-off', () => {
  it('either takes the learner out or comes too late, never both', async () => {
    const COUNT = 80;
    const learners = await stage.ask(
      Array.from({ length: COUNT }, (_, index) => ({
        username: `race-${index}`,
        ...coolingOffFor(2_500 + (index % 20) * 100),
      })),
    );
    await stage.collect();
    const dueAt = new Map(
      await Promise.all(
        learners.map(
          async ({ user_id }) => [user_id, (await stage.row(user_id)).coolOffUntil.getTime()] as const,
        ),
      ),
    );
    const ways: Way[] = ['signal', 'update', 'request'];
    await Promise.all(
      learners.map(async (learner, index) => {
        await momentOf(learner, index, dueAt.get(learner.user_id) ?? 0);
        await cancel(learner, ways[index % 3] ?? 'signal').catch((error: unknown) => {
          // Some retirements are over by then.
          if (!(error instanceof Error) || error.name !== 'WorkflowNotFoundError') throw error;
        });
      }),
    );
    const outcomes = new Map<string, number>();
    for (const learner of learners) {
      const { outcome } = (await stage.workflow(learner.user_id).result()) as RetireUserResult;
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      if (outcome === 'ABORTED') await expectAborted(learner);
      else {
        await expectErasedOnce(stage, learner);
        expect(await responsesOf(stage, learner, 'cancelled')).toEqual([]);
      }
    }
    expect((outcomes.get('ABORTED') ?? 0) + (outcomes.get('COMPLETE') ?? 0)).toBe(COUNT);
    expect(outcomes.get('ABORTED')).toBeGreaterThan(0);
    expect(outcomes.get('COMPLETE')).toBeGreaterThan(0);
  });
});

async function cancelInLms({ retirement_id }: SandboxLearner): Promise<void> {
  await stage.asService('POST', CANCEL, { retirement_id });
}

/**
 * Some come surely in time, some surely too late, most between 200 ms before the end of the cooling-off and 800 ms after it,
 * when the workflow looks for cancels for the last time.
 */
async function momentOf(learner: SandboxLearner, index: number, endsAt: number): Promise<void> {
  if (index % 10 === 0) return;
  const late = index % 10 === 1;
  const at = endsAt - 200 + ((index * 137) % 1000);
  await waitFor(
    async () => (late ? (await stage.row(learner.user_id)).firstStageAt !== null : Date.now() >= at),
    { what: 'the moment of the cancel', everyMs: 10 },
  );
}
