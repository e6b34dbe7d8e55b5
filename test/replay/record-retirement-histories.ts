// Records histories of retirements that replay.test.ts replays: `npm run record-histories`, for these alone
//   npm run record-histories -- retirement
// To be run when a change of the workflows' order of commands is meant to be, and the old runs need not go on.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sandboxPipeline, type SandboxConfiguration } from '../../sandbox/lms/pipeline.ts';
import {
  CANCEL,
  COLLECT_RETIREMENTS,
  RERUN_RETIREMENTS,
  RESUME,
  RETIREMENT_TASK_QUEUE,
  retirementWorkflowId,
} from '../../workflows/retirement/contract.ts';
import { createOtherDriver, type OtherDriver } from '../support/other-driver.ts';
import { startOwnTemporal, type OwnTemporal } from '../support/own-temporal.ts';
import { setRetirementStage, type NewLearner, type RetirementStage } from '../support/retirement.ts';
import { parked, responseOf } from '../support/retirement-learner.ts';
import { waitFor } from '../support/wait.ts';
import { emptyHistories, keepHistory } from './keep-history.ts';

const FORUM = '/api/discussion/';
/** Few events, so that a history which goes on in a new run stays small. */
const SHORT_HISTORY = 40;
const SECOND = 1 / 86_400;

let stage: RetirementStage;
let otherDriver: OtherDriver;
let impatient: OwnTemporal;
beforeAll(async () => {
  emptyHistories('retirement');
  impatient = await startOwnTemporal({
    dynamicConfig: { 'limit.historyCount.suggestContinueAsNew': SHORT_HISTORY },
  });
  stage = await setRetirementStage(patiently());
  otherDriver = createOtherDriver(stage.lmsUrl);
  await stage.startWorker();
});
afterAll(async () => {
  await otherDriver.close();
  await stage.close();
  await impatient.remove();
});

/** Temporal lets a second pass between two attempts, however short the interval. */
function patiently(): Partial<SandboxConfiguration> {
  return { registrar: { retry_budget: '20s' } };
}

interface Subject {
  readonly user_id: number;
  readonly retirement_id: number;
  readonly username: string;
  readonly email: string;
  readonly name: string;
}

let asked = 0;

async function ask(more: Omit<NewLearner, 'username'> = {}, on = stage): Promise<Subject> {
  const [learner] = await on.ask([{ username: `recorded-${(asked += 1)}`, ...more }]);
  if (learner === undefined) throw new Error('the sandbox created nobody');
  return learner;
}

const coolingOff = (): Omit<NewLearner, 'username'> => ({ requested_at: new Date().toISOString() });

async function keep(name: string, workflowId: string, runId?: string, on = stage): Promise<void> {
  await keepHistory(on.temporal.client, { domain: 'retirement', name, workflowId, runId });
}

async function keepLearner(name: string, { user_id }: Subject): Promise<void> {
  await keep(name, retirementWorkflowId(user_id));
}

/** Whose forum answers 400 once. */
async function errored(): Promise<Subject> {
  const learner = await ask();
  await stage.fault({ username: learner.username, path: FORUM, status: 400, body: 'no key', times: 1 });
  await stage.collect();
  await parked(stage, learner);
  return learner;
}

async function ends(learner: Subject, outcome: string): Promise<void> {
  expect(await stage.workflow(learner.user_id).result()).toMatchObject({ outcome });
}

it('complete, collector', async () => {
  const learner = await ask();
  const handle = await stage.temporal.client.workflow.start(COLLECT_RETIREMENTS, {
    workflowId: 'collect-retirements-recorded',
    taskQueue: RETIREMENT_TASK_QUEUE,
    args: [],
  });
  await handle.result();
  await keep('collector', handle.workflowId);
  await ends(learner, 'COMPLETE');
  await keepLearner('complete', learner);
});

it('errored at once, refused messages, resumed by signal', async () => {
  const learner = await errored();
  const handle = stage.workflow(learner.user_id);
  await handle.signal(RESUME, 'RETIRING_THE_MOON');
  await handle.signal(RESUME, 7);
  await handle.signal('dance');
  await handle.signal(CANCEL);
  await responseOf(stage, learner, 'refused: cancel');
  await expect(handle.executeUpdate(RESUME, { args: ['LMS_COMPLETE'] })).rejects.toThrow();
  await expect(handle.executeUpdate(CANCEL)).rejects.toThrow();
  await keepLearner('errored-refused-messages', learner);
  await handle.signal(RESUME, 'ENROLLMENTS_COMPLETE');
  await ends(learner, 'COMPLETE');
  await keepLearner('errored-and-resumed', learner);
});

it('errored after retries, resumed by update from an earlier state', async () => {
  const learner = await ask();
  await stage.fault({ username: learner.username, path: FORUM, status: 500, times: 2 });
  await stage.fault({ username: learner.username, path: FORUM, status: 403, times: 1 });
  await stage.collect();
  await parked(stage, learner);
  const message = { state: 'PENDING', by: 'the recorder', reason: 'the forum is back' };
  await stage.workflow(learner.user_id).executeUpdate(RESUME, { args: [message] });
  await ends(learner, 'COMPLETE');
  await keepLearner('errored-after-retries-and-resumed', learner);
});

it('errored, resumed with a skipped stage', async () => {
  const learner = await errored();
  await stage
    .workflow(learner.user_id)
    .executeUpdate(RESUME, { args: [{ state: 'FORUMS_COMPLETE', skip: true }] });
  await ends(learner, 'COMPLETE');
  await keepLearner('resumed-skipping', learner);
});

it('retries that succeed', async () => {
  const learner = await ask();
  await stage.fault({ username: learner.username, path: FORUM, status: 429, retry_after: 0, times: 1 });
  await stage.fault({ username: learner.username, path: FORUM, status: 500, times: 2 });
  await stage.collect();
  await ends(learner, 'COMPLETE');
  await keepLearner('complete-after-retries', learner);
});

it('cancelled by signal, by update, by a cancellation request', async () => {
  const [bySignal, byUpdate, byRequest] = [
    await ask(coolingOff()),
    await ask(coolingOff()),
    await ask(coolingOff()),
  ];
  await stage.collect();
  await stage.workflow(bySignal.user_id).signal(CANCEL, { by: 'the recorder', reason: 'changed their mind' });
  await ends(bySignal, 'ABORTED');
  await keepLearner('cancelled-by-signal', bySignal);
  await stage.workflow(byUpdate.user_id).executeUpdate(CANCEL);
  await ends(byUpdate, 'ABORTED');
  await keepLearner('cancelled-by-update', byUpdate);
  await stage.workflow(byRequest.user_id).cancel();
  await ends(byRequest, 'ABORTED');
  await keepLearner('cancelled-by-request', byRequest);
});

it('a cancellation request that is refused', async () => {
  const learner = await errored();
  await stage.workflow(learner.user_id).cancel();
  await responseOf(stage, learner, 'refused: cancel');
  await stage.workflow(learner.user_id).signal(RESUME, 'ENROLLMENTS_COMPLETE');
  await ends(learner, 'COMPLETE');
  await keepLearner('cancellation-request-refused', learner);
});

it('cooling off until its end; gone at its end', async () => {
  stage.configure({ ...patiently(), coolOffDays: 3 * SECOND });
  const [stays, goes] = [await ask(coolingOff()), await ask(coolingOff())];
  await stage.collect();
  await stage.reaches(goes.user_id, 'PENDING');
  await otherDriver.cancel(goes.retirement_id);
  await ends(stays, 'COMPLETE');
  await ends(goes, 'ABORTED');
  await keepLearner('cooled-off', stays);
  await keepLearner('gone-at-the-end-of-cooling-off', goes);
  stage.configure(patiently());
});

function due(days: { readonly coolOff: number; readonly warning: number; readonly deadline: number }): void {
  const registrar = { deadline_days: days.deadline, deadline_warning_days: days.warning };
  stage.configure({ coolOffDays: days.coolOff, registrar: { ...patiently().registrar, ...registrar } });
}

async function stands({ user_id }: Subject, standing: string): Promise<void> {
  await waitFor(async () => (await stage.status(user_id)).deadline === standing, {
    what: `the deadline to be ${standing}`,
  });
}

it('due soon, and overdue, while parked', async () => {
  due({ coolOff: 0, warning: 6 * SECOND, deadline: 18 * SECOND });
  const [soon, late] = [await ask(coolingOff()), await ask(coolingOff())];
  for (const { username } of [soon, late])
    await stage.fault({ username, path: FORUM, status: 400, body: 'no key', times: 1 });
  await stage.collect();
  for (const learner of [soon, late]) await parked(stage, learner);
  for (const learner of [soon, late]) await stands(learner, 'ahead');
  await stands(soon, 'approaching');
  await stage.workflow(soon.user_id).signal(RESUME, 'ENROLLMENTS_COMPLETE');
  await ends(soon, 'COMPLETE');
  await keepLearner('due-soon-while-parked', soon);
  await stands(late, 'missed');
  await stage.workflow(late.user_id).signal(RESUME, 'ENROLLMENTS_COMPLETE');
  await ends(late, 'COMPLETE');
  await keepLearner('overdue-while-parked', late);
  stage.configure(patiently());
});

it('due soon while cooling off', async () => {
  due({ coolOff: 12 * SECOND, warning: 114 * SECOND, deadline: 120 * SECOND });
  const learner = await ask(coolingOff());
  await stage.collect();
  await stands(learner, 'ahead');
  await stands(learner, 'approaching');
  expect((await stage.status(learner.user_id)).state).toBe('PENDING');
  await ends(learner, 'COMPLETE');
  await keepLearner('due-soon-while-cooling-off', learner);
  stage.configure(patiently());
});

it('adopted in a start state, in an end state, in ERRORED', async () => {
  const [started, between, parkedOne] = [await ask(), await ask(), await ask()];
  await otherDriver.move(started.username, 'RETIRING_NOTES');
  await otherDriver.move(between.username, 'NOTES_COMPLETE');
  await otherDriver.move(parkedOne.username, 'RETIRING_FORUMS');
  await otherDriver.move(parkedOne.username, 'ERRORED');
  await stage.collect();
  await ends(started, 'COMPLETE');
  await keepLearner('adopted-in-start-state', started);
  await ends(between, 'COMPLETE');
  await keepLearner('adopted-between-stages', between);
  await stage.reaches(parkedOne.user_id, 'ERRORED');
  await stage.workflow(parkedOne.user_id).signal(RESUME, 'ENROLLMENTS_COMPLETE');
  await ends(parkedOne, 'COMPLETE');
  await keepLearner('adopted-errored-and-resumed', parkedOne);
});

it('rerun of everything, rerun of what is new', async () => {
  const rerun = async (kind: 'all' | 'only-new', userId: number): Promise<string> => {
    const workflowId = `rerun-retirements-${kind}`;
    const options = { workflowId, taskQueue: RETIREMENT_TASK_QUEUE, args: [{ kind, userId }] };
    expect(await stage.temporal.client.workflow.execute(RERUN_RETIREMENTS, options)).toMatchObject({
      started: 1,
    });
    return workflowId;
  };
  const pipeline = sandboxPipeline.filter(([start]) => start !== 'RETIRING_NOTES');
  stage.configure({ ...patiently(), pipeline });
  const learner = await ask();
  await stage.collect();
  await ends(learner, 'COMPLETE');
  stage.configure(patiently());
  await keep('rerun-workflow', await rerun('only-new', learner.user_id));
  await ends(learner, 'COMPLETE');
  await keepLearner('rerun-only-new', learner);
  await rerun('all', learner.user_id);
  await ends(learner, 'COMPLETE');
  await keepLearner('rerun-all', learner);
});

it('a long parking that goes on in a new run', async () => {
  const elsewhere = await setRetirementStage({}, { temporal: impatient.namespace });
  try {
    await elsewhere.startWorker();
    const learner = await ask({}, elsewhere);
    await elsewhere.fault({ username: learner.username, path: FORUM, status: 400, times: 1 });
    await elsewhere.collect();
    await parked(elsewhere, learner);
    const handle = elsewhere.workflow(learner.user_id);
    const { runId } = await handle.describe();
    for (let message = 0; (await handle.describe()).runId === runId; message += 1) {
      await handle.signal(RESUME, `NO_STATE_${message}`);
      await responseOf(elsewhere, learner, `"NO_STATE_${message}"`);
    }
    await keep('continued-as-new', retirementWorkflowId(learner.user_id), runId, elsewhere);
    await handle.signal(RESUME, 'ENROLLMENTS_COMPLETE');
    expect(await handle.result()).toMatchObject({ outcome: 'COMPLETE' });
    await keep('continued-from-another-run', retirementWorkflowId(learner.user_id), undefined, elsewhere);
  } finally {
    await elsewhere.close();
  }
});
