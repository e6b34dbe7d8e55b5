import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  sandboxPipeline,
  type PipelineRow,
  type SandboxConfiguration,
} from '../../../sandbox/lms/pipeline.ts';
import { setRetirementStage, type RetirementStage } from '../../support/retirement.ts';
import {
  ask,
  begin,
  beginErrored,
  countRequests,
  effectiveOf,
  expectErasedOnce,
  parked,
  refusalOf,
  responsesOf,
  retriesOf,
} from '../../support/retirement-learner.ts';
import { waitFor } from '../../support/wait.ts';

const settings = { registrar: { retry_budget: '1m' } };
const FORUM = '/api/discussion/v1/accounts/retire_forum/';

let stage: RetirementStage;
beforeAll(async () => {
  stage = await setRetirementStage(settings);
  await stage.startWorker();
});
beforeEach(() => stage.configure(settings));
afterAll(() => stage.close());

/** A valid file with one row more, of a service whose module has this text. */
function withModule(name: string, text: string, registrar = {}): Partial<SandboxConfiguration> {
  writeFileSync(path.join(path.dirname(stage.configurationPath), `${name}.mjs`), text);
  const row: PipelineRow = ['RETIRING_COURSE_STATS', 'COURSE_STATS_COMPLETE', name, 'erase'];
  return {
    pipeline: [...sandboxPipeline.slice(0, -1), row, ...sandboxPipeline.slice(-1)],
    registrar: { ...settings.registrar, ...registrar, services: { [name]: { module: `./${name}.mjs` } } },
  };
}

const broken = (): Partial<SandboxConfiguration> => withModule('broken', 'export const erase = (;');

describe('a row that is taken out of the file', () => {
  it('is no reason to leave out the rows after it', async () => {
    const learner = await beginErrored(stage, 'row gone');
    stage.configure({
      ...settings,
      pipeline: sandboxPipeline.filter(([startState]) => startState !== 'RETIRING_FORUMS'),
    });
    expect(await refusalOf(stage, learner, 'LMS_COMPLETE')).toContain(
      'LMS_COMPLETE is later than ENROLLMENTS_COMPLETE',
    );
    expect(await refusalOf(stage, learner, 'NOTES_COMPLETE')).toContain('is later than');
    await stage.workflow(learner.user_id).executeUpdate('resume', { args: ['ENROLLMENTS_COMPLETE'] });
    expect(await stage.workflow(learner.user_id).result()).toMatchObject({ outcome: 'COMPLETE' });
    expect(await effectiveOf(stage, learner)).toMatchObject({
      'POST /api/edxnotes/v1/retire_user/': 1,
      'POST /api/user/v1/accounts/retire/': 1,
    });
    expect((await stage.row(learner.user_id)).completedStages).toHaveLength(6);
  });
});

describe('a file that is valid but for the text of a module', () => {
  it('does not stop a stage that is being tried again', async () => {
    const username = 'edited';
    await stage.fault({ path: FORUM, username, status: 503 });
    const learner = await begin(stage, username);
    await waitFor(async () => (await stage.row(learner.user_id)).lastFailure !== null, {
      what: 'the first attempt to fail',
    });
    stage.configure(broken());
    const tried = await countRequests(stage, `POST ${FORUM}`);
    await waitFor(async () => (await countRequests(stage, `POST ${FORUM}`)) >= tried + 3, {
      what: 'attempts by the last valid file',
    });
    await stage.clearFaults();
    await expectErasedOnce(stage, learner);
    expect(await responsesOf(stage, learner, 'ERRORED')).toEqual([]);
  });

  it('does not keep ERRORED from the LMS', async () => {
    const username = 'edited while failing';
    await stage.fault({ path: FORUM, username, status: 403, body: 'no key', delay_ms: 600, times: 1 });
    const learner = await ask(stage, username);
    const before = await countRequests(stage, `POST ${FORUM}`);
    const collected = stage.collect();
    await waitFor(async () => (await countRequests(stage, `POST ${FORUM}`)) > before, { what: 'the stage' });
    stage.configure(broken());
    await collected;
    await parked(stage, learner);
    expect((await responsesOf(stage, learner, 'ERRORED')).join()).toContain('answered 403');
    stage.configure(settings);
    await stage.workflow(learner.user_id).executeUpdate('resume', { args: ['ENROLLMENTS_COMPLETE'] });
    await expectErasedOnce(stage, learner);
  });

  it('keeps a restarted worker from writing ERRORED only until it is mended', async () => {
    const username = 'restarted';
    await stage.fault({ path: FORUM, username, status: 403, delay_ms: 600, times: 1 });
    const learner = await ask(stage, username);
    const before = await countRequests(stage, `POST ${FORUM}`);
    const collected = stage.collect();
    await waitFor(async () => (await countRequests(stage, `POST ${FORUM}`)) > before, { what: 'the stage' });
    await stage.fault({ method: 'PATCH', username, status: 503 });
    await collected;
    await stage.reaches(learner.user_id, 'ERRORED');
    await waitFor(async () => (await retriesOf(stage, learner)) >= 2, {
      what: 'the write to be tried again',
    });
    await stage.stopWorker();
    stage.configure(broken());
    await stage.clearFaults();
    const tried = await retriesOf(stage, learner);
    await stage.startWorker();
    await waitFor(async () => (await retriesOf(stage, learner)) > tried, { what: 'another attempt' });
    expect(await stage.lms(username)).toMatchObject({ current_state: 'RETIRING_FORUMS' });
    stage.configure(settings);
    await parked(stage, learner);
    await stage.workflow(learner.user_id).executeUpdate('resume', { args: ['ENROLLMENTS_COMPLETE'] });
    await expectErasedOnce(stage, learner);
  });
});

describe('a module whose function never returns', () => {
  it('is given up, tried again and ends in ERRORED when the budget is spent', async () => {
    const limits = { request_timeout: '200ms', retry_budget: '3s' };
    stage.configure(withModule('hanging', 'export const erase = () => new Promise(() => {});', limits));
    const learner = await begin(stage, 'waited for');
    await parked(stage, learner);
    const { cause, resumableFrom } = await stage.status(learner.user_id);
    expect(cause).toMatchObject({ stage: 'RETIRING_COURSE_STATS', activity: 'hanging.erase' });
    expect(cause?.what).toContain('TimeoutError');
    expect(cause?.attempts).toBeGreaterThan(1);
    expect(resumableFrom.at(-1)).toBe('LMS_MISC_COMPLETE');

    stage.configure(withModule('mended', "export const erase = async () => 'erased';"));
    await stage.workflow(learner.user_id).executeUpdate('resume', { args: ['LMS_MISC_COMPLETE'] });
    await expectErasedOnce(stage, learner);
  });
});
