import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sandboxPipeline, type PipelineRow } from '../../../sandbox/lms/pipeline.ts';
import type { RerunInput, RerunResult } from '../../../workflows/retirement/contract.ts';
import { setRetirementStage, type RetirementStage, type SandboxLearner } from '../../support/retirement.ts';
import {
  begin,
  calledOf,
  effectiveOf,
  expectErasedOnce,
  parked,
  responseOf,
  responsesOf,
} from '../../support/retirement-learner.ts';
import { waitFor } from '../../support/wait.ts';

const FORUM = '/api/discussion/v1/accounts/retire_forum/';
const QUEUE = '/api/user/v1/accounts/retirement_queue/';
const NEW_PATH = '/api/edx_proctoring/v1/retire_backend_user/';
const NEW_ACTION = `POST ${NEW_PATH}`;
const NEW_ROW: PipelineRow = [
  'RETIRING_PROCTORING_BACKEND',
  'PROCTORING_BACKEND_COMPLETE',
  'LMS',
  'retirement_retire_proctoring_backend_data',
];
/** The new row stands in the middle, where the LMS has its states. */
const extended = [...sandboxPipeline.slice(0, 4), NEW_ROW, ...sandboxPipeline.slice(4)];

let stage: RetirementStage;
beforeAll(async () => {
  stage = await setRetirementStage();
  await stage.startWorker();
});
beforeEach(() => stage.configure({ registrar: { retry_budget: '1m' } }));
afterAll(() => stage.close());

let reruns = 0;
const rerun = (input: RerunInput): Promise<RerunResult> =>
  stage.temporal.client.workflow.execute<(given: RerunInput) => Promise<RerunResult>>('rerunRetirements', {
    workflowId: `rerun-${(reruns += 1)}`,
    taskQueue: 'retirement',
    args: [input],
  });

async function complete(username: string): Promise<SandboxLearner> {
  const learner = await begin(stage, username);
  await expectErasedOnce(stage, learner);
  return learner;
}

const called = (learner: SandboxLearner): ReturnType<typeof calledOf> => calledOf(stage, learner);

describe('a rerun of all stages', () => {
  it('takes a COMPLETE learner through the pipeline again, and nothing is erased twice', async () => {
    const learner = await complete('again');
    expect(await rerun({ userId: learner.user_id, kind: 'all' })).toEqual({
      complete: 1,
      started: 1,
      unchanged: 0,
    });
    await expectErasedOnce(stage, learner);
    expect(Object.values(await called(learner))).toEqual(Array.from({ length: 7 }, () => 2));
    expect(await responsesOf(stage, learner, 'rerun: ')).toEqual(['rerun: all']);
    expect((await stage.row(learner.user_id)).completedStages).toEqual(
      sandboxPipeline.map(([, endState]) => endState),
    );
    expect((await stage.workflow(learner.user_id).describe()).searchAttributes).toMatchObject({
      RetirementState: ['COMPLETE'],
      RetirementDueAt: [expect.any(Date)],
    });
  });

  it('takes several by one list, and nobody else', async () => {
    const [first, second] = [await complete('listed first'), await complete('listed second')];
    const other = await complete('not listed');
    const { runId } = await stage.workflow(other.user_id).describe();
    expect(await rerun({ userIds: [second.user_id, first.user_id, 999_999], kind: 'all' })).toEqual({
      complete: 2,
      started: 2,
      unchanged: 0,
    });
    for (const learner of [first, second]) {
      await expectErasedOnce(stage, learner);
      expect(await responsesOf(stage, learner, 'rerun: ')).toEqual(['rerun: all']);
    }
    expect((await stage.workflow(other.user_id).describe()).runId).toBe(runId);
  });

  it('fails, and loses nothing, when the LMS refuses to list who is COMPLETE', async () => {
    const learner = await complete('refused');
    const { runId } = await stage.workflow(learner.user_id).describe();
    await stage.fault({ path: QUEUE, status: 400, times: 1 });
    const run = rerun({ userId: learner.user_id, kind: 'all' });
    await expect(run).rejects.toMatchObject({
      cause: { cause: { type: 'ConfigurationInvalid', message: 'the LMS does not know the state COMPLETE' } },
    });
    expect((await stage.workflow(learner.user_id).describe()).runId).toBe(runId);
    expect(await rerun({ userId: learner.user_id, kind: 'all' })).toMatchObject({ complete: 1, started: 1 });
    await expectErasedOnce(stage, learner);
  });

  it('takes no cancel', async () => {
    const learner = await complete('not any more');
    await stage.fault({ method: 'PATCH', username: learner.username, status: 503, times: 1 });
    await rerun({ userId: learner.user_id, kind: 'all' });
    await waitFor(async () => (await stage.status(learner.user_id)).phase === 'resuming', {
      what: 'the move back',
    });
    await stage.workflow(learner.user_id).cancel();
    expect(await responseOf(stage, learner, 'refused: ')).toContain(
      'the first stage of the retirement has begun',
    );
    await expectErasedOnce(stage, learner);
  });

  it('ends ABORTED for a learner whose row the LMS has no more', async () => {
    const learner = await complete('cleaned up');
    await stage.asService('POST', '/api/user/v1/accounts/retirement_cleanup/', {
      usernames: [learner.username],
    });
    await rerun({ userId: learner.user_id, kind: 'all' });
    expect(await stage.workflow(learner.user_id).result()).toMatchObject({ outcome: 'ABORTED' });
    expect((await stage.row(learner.user_id)).currentState).toBe('ABORTED');
  });

  it('parks a failure, and a resume brings the learner back to COMPLETE', async () => {
    const learner = await complete('fails again');
    await stage.fault({ path: FORUM, username: learner.username, status: 403, times: 1 });
    await rerun({ userId: learner.user_id, kind: 'all' });
    await parked(stage, learner);
    await stage.workflow(learner.user_id).signal('resume', 'ENROLLMENTS_COMPLETE');
    await expectErasedOnce(stage, learner);
  });

  it('of everybody leaves running ones alone', async () => {
    const [idle, busy] = [await complete('idle'), await complete('busy')];
    await stage.fault({ path: FORUM, username: busy.username, status: 503, retry_after: 6, times: 1 });
    await rerun({ userId: busy.user_id, kind: 'all' });
    await stage.reaches(busy.user_id, 'RETIRING_FORUMS');
    const { runId } = await stage.workflow(busy.user_id).describe();
    const result = await rerun({ kind: 'all' });
    expect(result.started).toBe(result.complete);
    await expectErasedOnce(stage, idle);
    await expectErasedOnce(stage, busy);
    expect(await responsesOf(stage, idle, 'rerun: ')).toHaveLength(1);
    expect(await responsesOf(stage, busy, 'rerun: ')).toHaveLength(1);
    expect((await stage.workflow(busy.user_id).describe()).runId).toBe(runId);
  });
});

describe('a rerun of only the new stages', () => {
  it('starts nobody when nothing is new', async () => {
    const learner = await complete('nothing new');
    const { runId } = await stage.workflow(learner.user_id).describe();
    expect(await rerun({ userId: learner.user_id, kind: 'only-new' })).toEqual({
      complete: 1,
      started: 0,
      unchanged: 1,
    });
    expect((await stage.workflow(learner.user_id).describe()).runId).toBe(runId);
  });

  it('runs the new stage exactly once', async () => {
    const learner = await complete('one new');
    stage.configure({ pipeline: extended });
    for (const started of [1, 0]) {
      expect(await rerun({ userId: learner.user_id, kind: 'only-new' })).toMatchObject({ started });
      expect(await stage.workflow(learner.user_id).result()).toMatchObject({ outcome: 'COMPLETE' });
    }
    const counts = await called(learner);
    expect(Object.values(counts)).toEqual(Array.from({ length: 8 }, () => 1));
    expect((await effectiveOf(stage, learner))[NEW_ACTION]).toBe(1);
    expect((await stage.row(learner.user_id)).completedStages.at(-1)).toBe('PROCTORING_BACKEND_COMPLETE');
    expect(await stage.lms(learner.username)).toMatchObject({ current_state: 'COMPLETE' });
  });

  it.each([
    ['the state before it calls nothing else again', 'PROCTORING_COMPLETE', []],
    [
      'an earlier state calls everything after that again',
      'NOTES_COMPLETE',
      [
        'POST /api/edx_proctoring/v1/retire_user/',
        'PUT /api/user/v1/accounts/retirement_partner_report/',
        'POST /api/user/v1/accounts/retire_misc/',
        'POST /api/user/v1/accounts/retire/',
      ],
    ],
  ])('that failed and is resumed from %s', async (what, from, again) => {
    const learner = await complete(`resumed: ${what}`);
    stage.configure({ pipeline: extended });
    await stage.fault({ path: NEW_PATH, username: learner.username, status: 403, times: 1 });
    await rerun({ userId: learner.user_id, kind: 'only-new' });
    await parked(stage, learner);
    await stage.workflow(learner.user_id).signal('resume', from);
    expect(await stage.workflow(learner.user_id).result()).toMatchObject({ outcome: 'COMPLETE' });
    const counts = await called(learner);
    expect(Object.keys(counts)).toHaveLength(8);
    expect(Object.keys(counts).filter((action) => counts[action] === 2)).toHaveLength(again.length + 1);
    for (const action of [NEW_ACTION, ...again]) expect(counts).toMatchObject({ [action]: 2 });
    expect(Object.values(await effectiveOf(stage, learner))).toEqual(Array.from({ length: 8 }, () => 1));
    expect(await stage.lms(learner.username)).toMatchObject({ current_state: 'COMPLETE' });
  });
});
