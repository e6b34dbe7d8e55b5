import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readEnding, readTraces, type Ending } from '../../support/ending.ts';
import { createOtherDriver, type OtherDriver } from '../../support/other-driver.ts';
import { setRetirementStage, type RetirementStage, type SandboxLearner } from '../../support/retirement.ts';
import { waitFor } from '../../support/wait.ts';
import { startWorkerProcess, type WorkerProcess } from '../../support/worker-process.ts';

const LEARNERS = 30;
/** Requests to the LMS, of about 24 a learner, after which the worker is killed; counted anew after each start. */
const KILLED_AFTER = [60, 150, 200];
const ANSWER_DELAY_MS = 15;

let stage: RetirementStage;
let otherDriver: OtherDriver;
let worker: WorkerProcess | undefined;
beforeAll(async () => {
  stage = await setRetirementStage({ registrar: { retry_budget: '5m' } });
  otherDriver = createOtherDriver(stage.lmsUrl);
});
afterAll(async () => {
  await worker?.kill('SIGKILL');
  await otherDriver.close();
  await stage.close();
});

async function startWorker(): Promise<void> {
  worker = await startWorkerProcess({
    databaseUrl: stage.databaseUrl,
    temporalAddress: stage.temporal.address,
    namespace: stage.temporal.namespace,
    configurationPath: stage.configurationPath,
  });
}

async function requests(): Promise<number> {
  const counts = (await stage.control('GET', '/_sandbox/requests')) as Readonly<Record<string, number>>;
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

async function ask(name: string, count: number): Promise<readonly SandboxLearner[]> {
  return stage.ask(Array.from({ length: count }, (_, index) => ({ username: `${name}-${index}` })));
}

async function underWay(learners: readonly SandboxLearner[]): Promise<number> {
  const { rows } = await stage.database.query<{ count: number }>(
    `select count(*) from user_retirement_status
     where user_id = any($1::bigint[]) and current_state not in ('COMPLETE', 'ERRORED')`,
    [learners.map((learner) => learner.user_id)],
  );
  return rows[0]?.count ?? 0;
}

interface Measured {
  readonly complete: Ending;
  readonly stranded: Ending;
  readonly errored: Omit<Ending, 'outcome'>;
}

/** Three learners without any kill: one without trouble, one stranded by another driver, one whose forum answers 400. */
async function measure(): Promise<Measured> {
  const [plain, stranded, refused] = await ask('measure', 3);
  if (!plain || !stranded || !refused) throw new Error('too few asked for deletion');
  await strand(stranded);
  await refuseForum(refused);
  await stage.collect();
  return {
    complete: await readEnding(stage, plain),
    stranded: await readEnding(stage, stranded),
    errored: await readErrored(refused),
  };
}

async function strand({ username }: SandboxLearner): Promise<void> {
  await otherDriver.move(username, 'RETIRING_FORUMS');
}

async function refuseForum({ username }: SandboxLearner): Promise<void> {
  await stage.fault({
    username,
    method: 'POST',
    path: '/api/discussion/',
    status: 400,
    body: 'no forum key',
  });
}

async function readErrored(learner: SandboxLearner): Promise<Omit<Ending, 'outcome'>> {
  await stage.reaches(learner.user_id, 'ERRORED');
  await waitFor(async () => (await stage.lms(learner.username))['current_state'] === 'ERRORED', {
    what: 'the LMS to have the ERRORED state',
  });
  return readTraces(stage, learner);
}

describe('a worker killed with SIGKILL three times in the middle of thirty retirements', () => {
  it('loses nobody and does nothing twice', async () => {
    await startWorker();
    const measured = await measure();
    expect(measured.complete).toMatchObject({ outcome: 'COMPLETE', state: 'COMPLETE' });
    expect(measured.errored).toMatchObject({ state: 'ERRORED', completedStages: ['ENROLLMENTS_COMPLETE'] });

    const learners = await ask('killed', LEARNERS);
    const [refused, stranded, ...others] = learners;
    if (!refused || !stranded) throw new Error('too few asked for deletion');
    await refuseForum(refused);
    await strand(stranded);
    await stage.fault({ delay_ms: ANSWER_DELAY_MS, path: '/api/' });
    expect((await stage.collect()).started).toBe(LEARNERS);

    for (const threshold of KILLED_AFTER) {
      await stage.control('DELETE', '/_sandbox/requests');
      await waitFor(async () => (await requests()) >= threshold, {
        what: `${threshold} requests`,
        everyMs: 5,
      });
      await worker?.kill('SIGKILL');
      expect(await underWay(learners), 'retirements under way when the worker died').toBeGreaterThan(0);
      await startWorker();
    }

    const endings = await Promise.all(others.map((learner) => readEnding(stage, learner)));
    for (const [index, ending] of endings.entries()) {
      expect(ending, others[index]?.username).toEqual(measured.complete);
    }
    expect(await readEnding(stage, stranded), 'stranded').toEqual(measured.stranded);
    expect(await readErrored(refused), 'refused').toEqual(measured.errored);
  }, 240_000);
});
