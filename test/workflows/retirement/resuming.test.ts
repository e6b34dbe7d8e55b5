import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sandboxPipeline, type PipelineRow } from '../../../sandbox/lms/pipeline.ts';
import { setRetirementStage, type RetirementStage, type SandboxLearner } from '../../support/retirement.ts';
import {
  ask,
  begin,
  beginErrored,
  coolingOffFor,
  detailsOf,
  expectErasedOnce,
  metadataOf,
  parked,
  refusalOf,
  requested,
  responseOf,
  responsesOf,
  retriesOf,
} from '../../support/retirement-learner.ts';
import { waitFor } from '../../support/wait.ts';

const settings = { registrar: { retry_budget: '1m' } };
const FORUM = '/api/discussion/v1/accounts/retire_forum/';
const PROCTORING = '/api/edx_proctoring';

let stage: RetirementStage;
beforeAll(async () => {
  stage = await setRetirementStage(settings);
  await stage.startWorker();
});
afterAll(() => stage.close());

const resume = (learner: SandboxLearner, ...args: [unknown?]): Promise<unknown> =>
  stage.workflow(learner.user_id).executeUpdate<unknown, [unknown]>('resume', { args: args as [unknown] });
const signal = (learner: SandboxLearner, name: string, ...args: unknown[]): Promise<void> =>
  stage.workflow(learner.user_id).signal(name, ...args);

const refusal = (learner: SandboxLearner, ...args: [unknown?]): Promise<string> =>
  refusalOf(stage, learner, ...args);

describe.concurrent('resume', () => {
  it.each<[string, unknown, string]>([
    ['a state name', 'ENROLLMENTS_COMPLETE', 'resumed: from ENROLLMENTS_COMPLETE'],
    ['a start state', 'RETIRING_FORUMS', 'resumed: from ENROLLMENTS_COMPLETE'],
    ['PENDING', 'PENDING', 'resumed: from PENDING'],
    [
      'an object',
      { state: 'ENROLLMENTS_COMPLETE', by: 'jane', reason: 'wrong\nforum key' },
      'resumed: from ENROLLMENTS_COMPLETE by jane: wrong forum key',
    ],
  ])('by signal takes %s', async (what, message, line) => {
    const learner = await beginErrored(stage, `signal ${what}`);
    await signal(learner, 'resume', message);
    await expectErasedOnce(stage, learner);
    expect(await responsesOf(stage, learner, 'resumed:')).toEqual([line]);
    expect(String((await stage.lms(learner.username))['responses'])).toContain(line);
    expect((await stage.row(learner.user_id)).completedStages).toHaveLength(7);
  });

  it('by update answers what it did', async () => {
    const learner = await beginErrored(stage, 'updated');
    expect(await resume(learner, { state: 'ENROLLMENTS_COMPLETE', by: 'joe' })).toEqual({
      message: 'resumed: from ENROLLMENTS_COMPLETE by joe',
    });
    await expectErasedOnce(stage, learner);
  });

  it('leaves stages out only when it is said to', async () => {
    const learner = await beginErrored(stage, 'skipper');
    expect(await refusal(learner, 'NOTES_COMPLETE')).toMatch(
      /NOTES_COMPLETE is later than ENROLLMENTS_COMPLETE, .*"skip": true/,
    );
    expect(await refusal(learner, { state: 'RETIRING_NOTES', skip: false })).toContain('is later than');
    await resume(learner, { state: 'FORUMS_COMPLETE', skip: true });
    expect(await stage.workflow(learner.user_id).result()).toMatchObject({ outcome: 'COMPLETE' });
    expect(await responsesOf(stage, learner, 'resumed:')).toEqual([
      'resumed: from FORUMS_COMPLETE, skipping RETIRING_FORUMS',
    ]);
    expect((await stage.status(learner.user_id)).stages[1]).toMatchObject({ progress: 'skipped' });
    expect((await stage.row(learner.user_id)).completedStages).not.toContain('FORUMS_COMPLETE');
  });

  it('refuses states that cannot be resumed from, and changes nothing', async () => {
    const learner = await beginErrored(stage, 'refused');
    const possible = 'possible states: PENDING, ENROLLMENTS_COMPLETE';
    expect(await refusal(learner, 'NONSENSE')).toBe(`unknown state "NONSENSE"; ${possible}`);
    expect(await refusal(learner, 'RETIRING_CREDENTIALS')).toContain(possible);
    for (const state of ['ERRORED', 'ABORTED', 'COMPLETE']) {
      expect(await refusal(learner, state)).toContain(`${state} is a terminal state`);
    }
    expect(await responsesOf(stage, learner, 'refused:')).toHaveLength(5);
    expect(await stage.status(learner.user_id)).toMatchObject({ state: 'ERRORED', resumes: 0 });
    await resume(learner, 'ENROLLMENTS_COMPLETE');
    await expectErasedOnce(stage, learner);
  });

  it('by signal writes a refusal to responses and to the details page', async () => {
    const learner = await beginErrored(stage, 'refused by signal');
    await signal(learner, 'resume', 'NONSENSE');
    const line = await responseOf(stage, learner, 'refused:');
    expect(line).toBe(
      'refused: resume: unknown state "NONSENSE"; possible states: PENDING, ENROLLMENTS_COMPLETE',
    );
    expect(await detailsOf(stage, learner)).toContain('unknown state "NONSENSE"');
    expect(await stage.status(learner.user_id)).toMatchObject({ state: 'ERRORED', phase: 'errored' });
  });

  it('takes only the first of two', async () => {
    const learner = await beginErrored(stage, 'twice');
    await Promise.all([
      signal(learner, 'resume', 'ENROLLMENTS_COMPLETE'),
      signal(learner, 'resume', 'ENROLLMENTS_COMPLETE'),
    ]);
    await expectErasedOnce(stage, learner);
    expect(await responsesOf(stage, learner, 'resumed:')).toHaveLength(1);
    expect(await responsesOf(stage, learner, 'refused:')).toHaveLength(1);
  });

  it('is refused while the learner is cooling off, and while a stage runs', async () => {
    const cooling = await begin(stage, 'cooling', coolingOffFor(600_000));
    expect(await refusal(cooling, 'PENDING')).toContain('the retirement is PENDING, only an ERRORED one');

    const username = 'running';
    await stage.fault({ path: FORUM, username, status: 503, retry_after: 6, times: 1 });
    const running = await begin(stage, username);
    await waitFor(async () => (await stage.status(running.user_id)).state === 'RETIRING_FORUMS', {
      what: 'the stage to wait for its next attempt',
    });
    expect(await refusal(running, 'PENDING')).toContain('the retirement is RETIRING_FORUMS, only an ERRORED');
    await expectErasedOnce(stage, running);
  });

  it('survives a message in an encoding that nobody knows', async () => {
    const learner = await beginErrored(stage, 'undecodable');
    const payload = {
      metadata: { encoding: Buffer.from('binary/unheard-of') },
      data: Buffer.from('what is this'),
    };
    await stage.temporal.connection.workflowService.signalWorkflowExecution({
      namespace: stage.temporal.namespace,
      workflowExecution: { workflowId: `retirement-${learner.user_id}` },
      signalName: 'resume',
      input: { payloads: [payload] },
    });
    await resume(learner, 'ENROLLMENTS_COMPLETE');
    await expectErasedOnce(stage, learner);
  });

  it('survives every kind of garbage', async () => {
    const learner = await beginErrored(stage, 'garbage');
    const long = 'x'.repeat(1_000_000);
    const garbage: [unknown?][] = [
      [],
      [null],
      [7],
      [[]],
      [{}],
      [true],
      [''],
      ['nul \u0000 inside'],
      ['lone \ud800 surrogate'],
      [long],
      [{ state: 7 }],
      [{ state: 'PENDING', by: 7 }],
      [{ state: 'PENDING', skip: 'yes' }],
      [{ state: { state: 'PENDING' } }],
      [{ state: 'NONSENSE', reason: long }],
    ];
    for (const args of garbage) await signal(learner, 'resume', ...args);
    for (const args of garbage) expect(await refusal(learner, ...args)).not.toBe('');
    await signal(learner, 'cancel', 7);
    await signal(learner, 'retry', 'PENDING');
    expect(await responseOf(stage, learner, 'there is no signal')).toContain(
      'refused: signal: there is no signal "retry"; there are resume and cancel',
    );
    await waitFor(async () => (await responsesOf(stage, learner, 'refused:')).length >= 8, {
      what: 'the refusals to be written',
    });
    const { responses } = await stage.row(learner.user_id);
    expect(responses.length).toBeLessThan(60_000);
    expect(await stage.status(learner.user_id)).toMatchObject({ state: 'ERRORED', resumes: 0 });
    await resume(learner, 'ENROLLMENTS_COMPLETE');
    await expectErasedOnce(stage, learner);
  });

  it('is not overwritten by a write of ERRORED that is still being tried', async () => {
    const username = 'late error';
    await stage.fault({ path: PROCTORING, username, status: 403, delay_ms: 600, times: 1 });
    const learner = await ask(stage, username);
    const collected = stage.collect();
    await requested(stage, `POST ${PROCTORING}/v1/retire_user/${learner.user_id}/`);
    await stage.fault({ method: 'PATCH', username, status: 503, times: 2 });
    await collected;
    await stage.reaches(learner.user_id, 'ERRORED');
    await waitFor(async () => (await retriesOf(stage, learner)) >= 2, {
      what: 'the write to be tried again',
    });
    await resume(learner, 'NOTES_COMPLETE');
    await expectErasedOnce(stage, learner);
  });

  it('is not overwritten by a write of ERRORED that the LMS is slow to take', async () => {
    const username = 'slow error';
    await stage.fault({ path: PROCTORING, username, status: 403, delay_ms: 600, times: 1 });
    const learner = await ask(stage, username);
    const collected = stage.collect();
    await requested(stage, `POST ${PROCTORING}/v1/retire_user/${learner.user_id}/`);
    await stage.fault({ method: 'PATCH', username, delay_ms: 1500, times: 1 });
    await collected;
    await stage.reaches(learner.user_id, 'ERRORED');
    await resume(learner, 'NOTES_COMPLETE');
    await expectErasedOnce(stage, learner);
    expect(await stage.status(learner.user_id)).toMatchObject({ resumes: 1 });
  });

  it('waits for an LMS that is away', async () => {
    const learner = await beginErrored(stage, 'away');
    await stage.fault({ username: 'away', drop: 'before', times: 2 });
    await resume(learner, 'ENROLLMENTS_COMPLETE');
    await expectErasedOnce(stage, learner);
  });

  it('parks the learner again when the LMS stays away, with the same choices', async () => {
    const learner = await beginErrored(stage, 'far away');
    await stage.fault({ method: 'PATCH', username: 'far away', status: 403, times: 1 });
    await resume(learner, 'PENDING');
    await waitFor(async () => (await stage.status(learner.user_id)).cause?.what.includes('PATCH'), {
      what: 'the move back to fail',
    });
    await parked(stage, learner);
    expect(await stage.status(learner.user_id)).toMatchObject({
      resumableFrom: ['PENDING', 'ENROLLMENTS_COMPLETE'],
      stage: 'RETIRING_FORUMS',
    });
    await resume(learner, 'ENROLLMENTS_COMPLETE');
    await expectErasedOnce(stage, learner);
  });

  it('finds nobody once the workflow is closed', async () => {
    const learner = await begin(stage, 'closed');
    await stage.workflow(learner.user_id).result();
    await expect(signal(learner, 'resume', 'PENDING')).rejects.toMatchObject({
      name: 'WorkflowNotFoundError',
    });
  });

  it('and cancel say in the UI what they do', async () => {
    const learner = await begin(stage, 'described', coolingOffFor(600_000));
    await stage.reaches(learner.user_id, 'PENDING');
    const { definition } = await metadataOf(stage, learner);
    for (const kind of ['signalDefinitions', 'updateDefinitions']) {
      const named = definition[kind] ?? [];
      for (const name of ['resume', 'cancel']) {
        expect(named.find((message) => message.name === name)?.description).toMatch(/Input/);
      }
    }
  });
});

describe.concurrent('a long life', () => {
  it('goes on as a new run with everything it knew, and loses no message', async () => {
    const learner = await beginErrored(stage, 'much resumed');
    const { user_id, username } = learner;
    await stage.fault({ path: FORUM, username, status: 403, times: 2 });
    for (const resumes of [1, 2]) {
      await resume(learner, 'ENROLLMENTS_COMPLETE');
      await waitFor(async () => (await stage.status(user_id)).resumes === resumes, { what: 'the resume' });
      await parked(stage, learner);
    }
    const before = await stage.status(user_id);
    const { runId } = await stage.workflow(user_id).describe();
    const signals = Array.from({ length: 150 }, (_, index) => `nonsense-${index}`);
    await Promise.all(signals.map((name) => signal(learner, name)));
    await waitFor(async () => (await responsesOf(stage, learner, 'there is no signal')).length >= 150, {
      what: 'every message to be refused',
    });
    await waitFor(async () => (await stage.workflow(user_id).describe()).runId !== runId, {
      what: 'a new run',
    });
    expect(await responsesOf(stage, learner, 'there is no signal')).toHaveLength(150);
    const after = await stage.status(user_id);
    expect({ ...after, stages: undefined, lastRefusal: undefined }).toEqual({
      ...before,
      stages: undefined,
      lastRefusal: undefined,
    });
    expect(after.stages.map(({ progress }) => progress)).toEqual([
      'already-done',
      'failed',
      ...Array.from({ length: 5 }, () => 'waiting'),
    ]);
    const described = await stage.workflow(user_id).describe();
    expect(described.historyLength).toBeLessThan(100);
    expect(described.searchAttributes).toMatchObject({
      RetirementState: ['ERRORED'],
      RetirementStage: ['RETIRING_FORUMS'],
      RetirementDueAt: [expect.any(Date)],
    });
    await resume(learner, 'ENROLLMENTS_COMPLETE');
    await expectErasedOnce(stage, learner);
    expect(await responsesOf(stage, learner, 'resumed:')).toHaveLength(3);
  });

  it('takes a resume that comes just before the new run', async () => {
    const learner = await beginErrored(stage, 'crossing');
    const signals = Array.from({ length: 120 }, (_, index) => `crossing-${index}`);
    await Promise.all([
      ...signals.slice(0, 60).map((name) => signal(learner, name)),
      signal(learner, 'resume', 'ENROLLMENTS_COMPLETE'),
      ...signals.slice(60).map((name) => signal(learner, name).catch(() => undefined)),
    ]);
    await expectErasedOnce(stage, learner);
    expect(await responsesOf(stage, learner, 'resumed:')).toHaveLength(1);
  });
});

describe('the configuration', () => {
  it('is read afresh: a corrected address and an added stage apply', async () => {
    const rows = (method: string): PipelineRow[] => [
      ['RETIRING_ENROLLMENTS', 'ENROLLMENTS_COMPLETE', 'LMS', 'retirement_unenroll'],
      ['RETIRING_COURSE_STATS', 'COURSE_STATS_COMPLETE', 'stats', method],
    ];
    const services = (url: string): Record<string, unknown> => ({
      stats: {
        base_url: url,
        methods: {
          erase: { verb: 'POST', path: '/api/nowhere/', ok: [200] },
          enrolled: { verb: 'GET', path: '/_sandbox/requests', ok: [200] },
        },
      },
    });
    stage.configure({
      pipeline: rows('erase'),
      registrar: { retry_budget: 0, services: services('http://127.0.0.1:1') },
    });
    const learner = await begin(stage, 'corrected');
    await parked(stage, learner);
    expect((await stage.status(learner.user_id)).cause?.what).toContain('refused the connection');

    stage.configure({
      pipeline: [...rows('enrolled'), ['RETIRING_LMS', 'LMS_COMPLETE', 'LMS', 'retirement_lms_retire']],
      registrar: { retry_budget: 0, services: services(stage.lmsUrl) },
    });
    await resume(learner, 'ENROLLMENTS_COMPLETE');
    expect(await stage.workflow(learner.user_id).result()).toMatchObject({
      outcome: 'COMPLETE',
      completedStages: ['ENROLLMENTS_COMPLETE', 'COURSE_STATS_COMPLETE', 'LMS_COMPLETE'],
    });
    stage.configure(settings);
  });

  it('that is not valid refuses the resume, and no one is moved', async () => {
    const learner = await beginErrored(stage, 'unlucky');
    stage.configure({ ...settings, pipeline: [['RETIRING_FORUMS', 'FORUMS_COMPLETE', 'LMS', 'nonsense']] });
    expect(await refusal(learner, 'PENDING')).toContain('the configuration is not valid');
    expect(await stage.lms('unlucky')).toMatchObject({ current_state: 'ERRORED' });
    stage.configure({ ...settings, pipeline: sandboxPipeline });
    await resume(learner, 'PENDING');
    await expectErasedOnce(stage, learner);
  });
});

describe('the status', () => {
  it('is plain JSON in every phase', async () => {
    const username = 'asked often';
    const learner = await begin(stage, username, coolingOffFor(1_500));
    await waitFor(async () => (await stage.status(learner.user_id)).phase === 'cooling-off', {
      what: 'the cooling-off',
    });
    const cooling = await stage.status(learner.user_id);
    expect(cooling).toMatchObject({ state: 'PENDING', stage: null, cause: null, resumableFrom: [] });
    expect(cooling.stages.map(({ progress }) => progress)).toEqual(sandboxPipeline.map(() => 'waiting'));
    await stage.fault({ path: FORUM, username, status: 503, retry_after: 6, times: 1 });
    await stage.fault({ path: '/api/edxnotes', username, status: 403, times: 1 });
    const running = await stage.reaches(learner.user_id, 'RETIRING_FORUMS');
    expect(running).toMatchObject({ phase: 'running', stage: 'RETIRING_FORUMS' });
    const errored = await stage.reaches(learner.user_id, 'ERRORED');
    expect(errored).toMatchObject({ phase: 'errored', stage: 'RETIRING_NOTES' });
    await resume(learner, 'FORUMS_COMPLETE');
    await expectErasedOnce(stage, learner);
    const closed = await stage.status(learner.user_id);
    expect(closed).toMatchObject({ state: 'COMPLETE', phase: 'closed', stage: null, resumes: 1 });
    for (const status of [cooling, running, errored, closed]) {
      expect(JSON.parse(JSON.stringify(status))).toEqual(status);
      expect(JSON.stringify(status)).not.toContain(username);
    }
  });
});
