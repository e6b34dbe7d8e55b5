import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { WorkflowFailedError } from '@temporalio/client';
import { setRetirementStage, type RetirementStage, type SandboxLearner } from '../../support/retirement.ts';
import {
  ask,
  begin,
  beginErrored,
  coolingOffFor,
  effectiveOf,
  expectErasedOnce,
  refusalOf,
  responsesOf,
} from '../../support/retirement-learner.ts';
import { waitFor } from '../../support/wait.ts';

const MOVE = '/api/user/v1/accounts/update_retirement_status/';
const QUEUE = '/api/user/v1/accounts/retirement_queue/';
const FORUM = '/api/discussion/v1/accounts/retire_forum/';
const HOUR = 3_600_000;

let stage: RetirementStage;
beforeAll(async () => {
  stage = await setRetirementStage();
  await stage.startWorker();
});
beforeEach(() => stage.configure({}));
afterAll(() => stage.close());

/** What another driver did with the learner, and left. */
async function leftAt({ username }: SandboxLearner, ...states: readonly string[]): Promise<void> {
  for (const new_state of states) {
    await stage.asService('PATCH', MOVE, { username, new_state, response: 'the other driver' });
  }
}

/** Runs of the learner's workflow, ended ones included. */
async function countRuns({ user_id }: SandboxLearner): Promise<number> {
  const query = `WorkflowId = 'retirement-${user_id}'`;
  return (await stage.temporal.client.workflow.count(query)).count;
}

async function failureOf(run: Promise<unknown>): Promise<string> {
  const error = await run.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof WorkflowFailedError)) throw new Error('the run did not fail', { cause: error });
  return String(error.cause?.cause);
}

describe('a collection', () => {
  it('starts each learner once and leaves running ones alone', async () => {
    const learners = [];
    for (const username of ['one', 'two', 'three']) {
      learners.push(await ask(stage, username, coolingOffFor(HOUR)));
    }
    expect(await stage.collect()).toEqual({ listed: 3, started: 3, running: 0, left: 0 });
    expect(await stage.collect()).toEqual({ listed: 3, started: 0, running: 3, left: 0 });
    for (const learner of learners) expect(await countRuns(learner)).toBe(1);
  });

  it('by two at once starts each learner once', async () => {
    const learners = await stage.ask(
      Array.from({ length: 12 }, (_, index) => ({ username: `both-${index}`, ...coolingOffFor(HOUR) })),
    );
    const [first, second] = await Promise.all([stage.collect(), stage.collect()]);
    expect(first.started + second.started).toBe(12);
    for (const learner of learners) expect(await countRuns(learner)).toBe(1);
  });

  it('starts a learner once whom the LMS lists twice', async () => {
    const learner = await ask(stage, 'listed twice', coolingOffFor(HOUR));
    const row = (state: string): unknown => ({ state_name: state, state_execution_order: 1 });
    const listed = {
      id: learner.retirement_id,
      user: { id: learner.user_id, username: learner.username, email: learner.email },
      original_username: learner.username,
      original_email: learner.email,
      original_name: learner.name,
      retired_username: 'retired__user_1',
      retired_email: 'retired__user_1@retired.invalid',
      current_state: row('PENDING'),
      last_state: row('PENDING'),
      created: new Date().toISOString(),
      modified: new Date().toISOString(),
    };
    await stage.fault({ path: QUEUE, status: 200, body: [listed, listed], times: 1 });
    expect(await stage.collect()).toEqual({ listed: 1, started: 1, running: 0, left: 0 });
    expect(await countRuns(learner)).toBe(1);
  });

  it('takes names that need care', async () => {
    const names = [
      'Grace Hopper',
      '100%/sure?&#',
      'Ærøskøbing-ñandú-日本',
      'CaseTwin',
      'casetwin',
      'x'.repeat(150),
      '%2e%2e',
      "o'brien;--",
    ];
    const learners = [];
    for (const [index, username] of names.entries()) {
      learners.push(await ask(stage, username, { email: `care-${index}@example.com` }));
    }
    await stage.collect();
    for (const learner of learners) await expectErasedOnce(stage, learner);
  });
});

describe('a learner without a workflow', () => {
  it('is adopted in a start state and resumed at that stage', async () => {
    const learner = await ask(stage, 'stranded', coolingOffFor(HOUR));
    await leftAt(learner, 'RETIRING_ENROLLMENTS', 'ENROLLMENTS_COMPLETE', 'RETIRING_FORUMS');
    await stage.collect();
    expect(await stage.workflow(learner.user_id).result()).toMatchObject({ outcome: 'COMPLETE' });
    expect((await effectiveOf(stage, learner))['POST /api/enrollment/v1/unenroll/']).toBeUndefined();
    expect(Object.values(await effectiveOf(stage, learner))).toEqual(Array.from({ length: 6 }, () => 1));
    expect(await responsesOf(stage, learner, 'adopted: ')).toEqual([
      'adopted: found in RETIRING_FORUMS without a workflow; resumed at that stage',
    ]);
    expect((await stage.row(learner.user_id)).completedStages).toHaveLength(7);
  });

  it('is adopted in an end state and goes on after it', async () => {
    const learner = await ask(stage, 'between stages', coolingOffFor(HOUR));
    await leftAt(learner, 'RETIRING_ENROLLMENTS', 'ENROLLMENTS_COMPLETE');
    await stage.collect();
    expect(await stage.workflow(learner.user_id).result()).toMatchObject({ outcome: 'COMPLETE' });
    expect(Object.values(await effectiveOf(stage, learner))).toEqual(Array.from({ length: 6 }, () => 1));
    expect(await responsesOf(stage, learner, 'adopted: ')).toEqual([
      'adopted: found in ENROLLMENTS_COMPLETE without a workflow; going on after it',
    ]);
  });

  it('needs only COMPLETE after the last end state', async () => {
    const learner = await ask(stage, 'nearly done', coolingOffFor(HOUR));
    await leftAt(learner, 'LMS_COMPLETE');
    await stage.collect();
    expect(await stage.workflow(learner.user_id).result()).toMatchObject({ outcome: 'COMPLETE' });
    expect(await effectiveOf(stage, learner)).toEqual({});
    expect(await stage.lms('nearly done')).toMatchObject({ current_state: 'COMPLETE' });
  });

  it('is parked when ERRORED, and can be resumed', async () => {
    const learner = await ask(stage, 'failed elsewhere', coolingOffFor(HOUR));
    await leftAt(learner, 'RETIRING_ENROLLMENTS', 'ENROLLMENTS_COMPLETE', 'RETIRING_FORUMS', 'ERRORED');
    await stage.collect();
    const status = await stage.reaches(learner.user_id, 'ERRORED');
    expect(status).toMatchObject({
      phase: 'errored',
      stage: 'RETIRING_FORUMS',
      resumableFrom: ['PENDING', 'ENROLLMENTS_COMPLETE'],
    });
    expect(await responsesOf(stage, learner, 'adopted: ')).toHaveLength(1);
    await stage.workflow(learner.user_id).signal('resume', 'ENROLLMENTS_COMPLETE');
    expect(await stage.workflow(learner.user_id).result()).toMatchObject({ outcome: 'COMPLETE' });
    expect(Object.values(await effectiveOf(stage, learner))).toEqual(Array.from({ length: 6 }, () => 1));
  });

  it.each([
    ['the first stage', ['ERRORED'], 'RETIRING_ENROLLMENTS', ['PENDING']],
    [
      'the second stage',
      ['RETIRING_ENROLLMENTS', 'ENROLLMENTS_COMPLETE', 'ERRORED'],
      'RETIRING_FORUMS',
      ['PENDING', 'ENROLLMENTS_COMPLETE'],
    ],
  ])(
    'who is ERRORED because %s could not begin leaves nothing out',
    async (what, states, failed, possible) => {
      const learner = await ask(stage, `not begun: ${what}`, coolingOffFor(HOUR));
      await leftAt(learner, ...states);
      await stage.collect();
      const status = await stage.reaches(learner.user_id, 'ERRORED');
      expect(status).toMatchObject({ phase: 'errored', stage: failed, resumableFrom: possible });
      expect(await refusalOf(stage, learner, 'LMS_COMPLETE')).toContain('is later than');
      expect(await stage.lms(learner.username)).toMatchObject({ current_state: 'ERRORED' });
      await stage.workflow(learner.user_id).signal('resume', 'PENDING');
      await expectErasedOnce(stage, learner);
    },
  );

  it('who is PENDING again after a stage of another driver cannot be cancelled', async () => {
    const username = 'forced back';
    const learner = await ask(stage, username, coolingOffFor(HOUR));
    await leftAt(learner, 'RETIRING_ENROLLMENTS', 'ENROLLMENTS_COMPLETE', 'ERRORED');
    const back = { username, new_state: 'PENDING', response: 'the other driver', force: true };
    await stage.asService('PATCH', MOVE, back);
    // Holds the retirement open until the cancel has been answered.
    await stage.fault({ path: '/api/discussion', username, status: 503, retry_after: 1.8, times: 1 });
    await stage.collect();
    await expect(stage.workflow(learner.user_id).executeUpdate('cancel')).rejects.toMatchObject({
      cause: {
        message: 'the first stage of the retirement has begun, and what is erased cannot be given back',
      },
    });
    await expectErasedOnce(stage, learner);
  });

  it.each(['while cooling off', 'while ERRORED'])('is adopted after a termination %s', async (when) => {
    const learner =
      when === 'while ERRORED'
        ? await beginErrored(stage, when)
        : await begin(stage, when, coolingOffFor(HOUR));
    await stage.workflow(learner.user_id).terminate();
    await waitFor(async () => (await stage.collect()).started === 1, { what: 'the learner to be adopted' });
    const adopted = await waitFor(
      async () => {
        const status = await stage.status(learner.user_id);
        return status.phase !== 'opening' && status;
      },
      { what: 'the new run' },
    );
    expect(adopted.state).toBe(when === 'while ERRORED' ? 'ERRORED' : 'PENDING');
    if (when !== 'while ERRORED') return;
    expect(adopted).toMatchObject({ stage: 'RETIRING_FORUMS' });
    await stage.workflow(learner.user_id).signal('resume', 'ENROLLMENTS_COMPLETE');
    await expectErasedOnce(stage, learner);
  });

  it('who was cancelled and asks again begins from nothing', async () => {
    const first = await begin(stage, 'undecided', coolingOffFor(HOUR));
    await stage.workflow(first.user_id).executeUpdate('cancel');
    expect(await stage.workflow(first.user_id).result()).toMatchObject({ outcome: 'ABORTED' });
    const second = await ask(stage, 'undecided');
    expect(second.user_id).toBe(first.user_id);
    await stage.collect();
    expect(await stage.workflow(second.user_id).result()).toMatchObject({ outcome: 'COMPLETE' });
    expect(await stage.row(second.user_id)).toMatchObject({
      currentState: 'COMPLETE',
      retirementId: second.retirement_id,
    });
    expect((await stage.row(second.user_id)).completedStages).toHaveLength(7);
  });
});

describe('the limits', () => {
  it('start nobody when more learners are new than the threshold, before the cut to a batch', async () => {
    stage.configure({ registrar: { user_count_error_threshold: 5, max_user_batch_size: 2 } });
    const learners = await stage.ask(
      Array.from({ length: 6 }, (_, index) => ({ username: `many-${index}`, ...coolingOffFor(HOUR) })),
    );
    expect(await failureOf(stage.collect())).toMatch(
      /6 learners are new, more than user_count_error_threshold \(5\): nobody was started/,
    );
    for (const learner of learners) expect(await countRuns(learner)).toBe(0);

    stage.configure({ registrar: { user_count_error_threshold: 6, max_user_batch_size: 4 } });
    expect(await stage.collect()).toMatchObject({ started: 4, left: 2 });
    await waitFor(async () => (await stage.collect()).left === 0, { what: 'the rest to be started' });
    for (const learner of learners) expect(await countRuns(learner)).toBe(1);
  });

  it.each([
    ['is not valid', ['RETIRING_FORUMS', 'FORUMS_COMPLETE', 'LMS', 'nonsense'], 'nonsense'],
    [
      'has a state that the LMS lacks',
      ['RETIRING_MOON', 'MOON_COMPLETE', 'LMS', 'retirement_unenroll'],
      'the LMS has no state RETIRING_MOON',
    ],
  ] as const)('start nobody while the configuration %s', async (what, row, reason) => {
    const learner = await ask(stage, `careless ${what}`, coolingOffFor(HOUR));
    stage.configure({ pipeline: [row] });
    expect(await failureOf(stage.collect())).toContain(reason);
    expect(await countRuns(learner)).toBe(0);
    await expect(stage.row(learner.user_id)).rejects.toThrow('no row');
  });

  it('start nobody while the pipeline and the LMS have the states in another order', async () => {
    const learner = await ask(stage, 'other order', coolingOffFor(HOUR));
    await leftAt(learner, 'RETIRING_ENROLLMENTS', 'ENROLLMENTS_COMPLETE', 'RETIRING_FORUMS');
    await stage.collect();
    await stage.workflow(learner.user_id).result();
    stage.configure({
      pipeline: [
        ['RETIRING_FORUMS', 'FORUMS_COMPLETE', 'LMS', 'retirement_retire_forum'],
        ['RETIRING_ENROLLMENTS', 'ENROLLMENTS_COMPLETE', 'LMS', 'retirement_unenroll'],
      ],
    });
    expect(await failureOf(stage.collect())).toMatch(/put both in the same order/);
  });
});

describe('somebody with a workflow whose row a restored database lacks', () => {
  const loseRow = async ({ user_id }: SandboxLearner): Promise<void> => {
    await stage.database.query('delete from user_retirement_status where user_id = $1', [user_id]);
  };

  it('gets the row back, once, and can be resumed', async () => {
    const learner = await beginErrored(stage, 'lost while parked');
    await loseRow(learner);
    await stage.collect();
    await stage.collect();
    expect(await stage.row(learner.user_id)).toMatchObject({
      retirementId: learner.retirement_id,
      currentState: 'ERRORED',
      lastState: 'RETIRING_FORUMS',
      completedStages: ['ENROLLMENTS_COMPLETE'],
    });
    expect(await responsesOf(stage, learner, 'without a row')).toEqual([
      'restored: found in ERRORED with a workflow and without a row, as after a restored database',
    ]);
    await stage.workflow(learner.user_id).signal('resume', 'ENROLLMENTS_COMPLETE');
    await expectErasedOnce(stage, learner);
  });

  it('is ERRORED when the next stage met no row, and can be resumed', async () => {
    stage.configure({ registrar: { retry_budget: '5m' } });
    const learner = await ask(stage, 'lost under way');
    await stage.fault({ path: FORUM, username: learner.username, status: 503, retry_after: 6, times: 1 });
    await stage.collect();
    await stage.reaches(learner.user_id, 'RETIRING_FORUMS');
    await loseRow(learner);
    expect(await stage.reaches(learner.user_id, 'ERRORED')).toMatchObject({
      cause: { what: `no row for LMS user ${learner.user_id}` },
    });
    expect(await stage.lms(learner.username)).toMatchObject({ current_state: 'RETIRING_FORUMS' });
    await waitFor(
      async () => {
        await stage.collect();
        return (await stage.row(learner.user_id)).currentState === 'ERRORED';
      },
      { what: 'the row to be back' },
    );
    expect(await stage.row(learner.user_id)).toMatchObject({
      lastState: 'RETIRING_FORUMS',
      completedStages: ['ENROLLMENTS_COMPLETE'],
    });
    await stage.workflow(learner.user_id).signal('resume', 'ENROLLMENTS_COMPLETE');
    await expectErasedOnce(stage, learner);
  });

  it('can still cancel while cooling off', async () => {
    const learner = await begin(stage, 'lost while cooling off', coolingOffFor(HOUR));
    await stage.reaches(learner.user_id, 'PENDING');
    await loseRow(learner);
    await stage.collect();
    expect(await stage.row(learner.user_id)).toMatchObject({ currentState: 'PENDING', firstStageAt: null });
    await stage.workflow(learner.user_id).executeUpdate('cancel', { args: [{}] });
    expect(await stage.workflow(learner.user_id).result()).toMatchObject({ outcome: 'ABORTED' });
  });
});
