import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sandboxPipeline, type PipelineRow } from '../../sandbox/lms/pipeline.ts';
import { RESUME } from '../../workflows/retirement/contract.ts';
import { temporaryFolder } from '../support/folder.ts';
import { ask, begin, beginErrored, retriesOf } from '../support/retirement-learner.ts';
import { createOtherDriver } from '../support/other-driver.ts';
import { setRetirementStage, type RetirementStage, type SandboxLearner } from '../support/retirement.ts';
import { createNamespace } from '../support/temporal.ts';
import { waitFor } from '../support/wait.ts';
import { environmentOf, registrar, type Ran } from './command-line.ts';

interface Replayed {
  readonly receipts: number;
  readonly takenIn: number;
  readonly lookedAfter: number;
  readonly queueTrouble: string | null;
  readonly people: readonly { readonly userId: number; readonly outcome: string; readonly message: string }[];
}

/** The sandbox's LMS has no such states. */
const UNKNOWN_STAGE: PipelineRow = ['RETIRING_BADGES', 'BADGES_COMPLETE', 'LMS', 'retirement_retire_notes'];

/** Only Registrar's own tables are restored: the LMS goes on as it is. */
const TABLES = ['user_retirement_status', 'erasure_receipts', 'erasure_receipt_chain'] as const;

let stage: RetirementStage;
let file: string;
/** ERRORED at the backup, and erased since. */
let failed: SandboxLearner;
/** Cooling off at the backup. */
let quits: SandboxLearner;

beforeEach(async () => {
  stage = await setRetirementStage();
  file = path.join(temporaryFolder(), 'receipts.jsonl');
  await stage.startWorker();
  failed = await beginErrored(stage, 'failed');
  quits = await begin(stage, 'quits', { requested_at: new Date().toISOString() });
  await backUp();
  await resume(failed);
});
afterEach(() => stage.close());

async function resume({ user_id }: SandboxLearner): Promise<void> {
  await stage.workflow(user_id).executeUpdate(RESUME, { args: ['ENROLLMENTS_COMPLETE'] });
  await completes(user_id);
}

async function completes(userId: number): Promise<void> {
  expect(await stage.workflow(userId).result()).toMatchObject({ outcome: 'COMPLETE' });
}

async function backUp(): Promise<void> {
  await stage.database.query('create schema backup');
  for (const table of TABLES) {
    await stage.database.query(`create table backup.${table} as table public.${table}`);
  }
}

async function restore(): Promise<void> {
  for (const table of TABLES) {
    await stage.database.query(`truncate public.${table}`);
    await stage.database.query(`insert into public.${table} select * from backup.${table}`);
  }
}

const command = (...argv: readonly string[]): Promise<Ran> => registrar(argv, { env: environmentOf(stage) });

async function exportFile(): Promise<void> {
  expect(await command('receipts', 'export', file)).toMatchObject({ status: 0, stderr: '' });
}

async function replay(): Promise<Replayed & Pick<Ran, 'status' | 'stderr'>> {
  const ran = await command('receipts', 'replay', file, '--json');
  return { status: ran.status, stderr: ran.stderr, ...(ran.json() as Replayed) };
}

const outcomes = ({ people }: Replayed): Readonly<Record<number, string>> =>
  Object.fromEntries(people.map(({ userId, outcome }) => [userId, outcome]));

describe('when only the database of Registrar was restored', () => {
  it('erases again whom the LMS has as COMPLETE, also those who asked after the backup', async () => {
    const later = await begin(stage, 'later');
    await completes(later.user_id);
    const newcomer = await ask(stage, 'newcomer', { requested_at: new Date().toISOString() });
    await stage.collect();
    await exportFile();
    await stage.stopWorker();
    await restore();

    const first = await replay();
    expect(first).toMatchObject({ status: 0, receipts: 2, takenIn: 1, lookedAfter: 0 });
    expect(outcomes(first)).toEqual({ [failed.user_id]: 'begun', [later.user_id]: 'begun' });
    await stage.startWorker();
    for (const { user_id } of [failed, later]) await completes(user_id);
    expect(outcomes(await replay())).toEqual({ [failed.user_id]: 'erased', [later.user_id]: 'erased' });
    expect((await stage.row(newcomer.user_id)).currentState).toBe('PENDING');
    expect((await stage.row(later.user_id)).completedStages).toHaveLength(7);
    expect(await command('retirement', 'verify', '--all')).toMatchObject({ status: 0, stderr: '' });
  });

  it('leaves the row of whom the LMS has cleaned up COMPLETE, so that the archive takes it', async () => {
    await exportFile();
    await stage.asService('POST', '/api/user/v1/accounts/retirement_cleanup/', {
      usernames: [failed.username],
    });
    await restore();
    for (const said of [await replay(), await replay()]) {
      expect(said.status).toBe(1);
      expect(said.people).toMatchObject([{ userId: failed.user_id, outcome: 'left' }]);
      expect(said.people[0]?.message).toContain('archived since');
    }
    expect((await stage.row(failed.user_id)).currentState).toBe('COMPLETE');
    expect(await command('retirement', 'verify', '--all')).toMatchObject({ status: 0, stderr: '' });
  });

  it('takes no run away while a worker may have a stage of it under way', async () => {
    await exportFile();
    await stage.fault({ path: '/api/discussion', status: 503 });
    stage.configure({ registrar: { retry_budget: '5m' } });
    expect(await command('retirement', 'rerun', String(failed.user_id))).toMatchObject({ status: 0 });
    await waitFor(async () => (await retriesOf(stage, failed)) > 1, { what: 'the stage to be tried again' });
    await restore();
    const said = await replay();
    expect(said.people).toMatchObject([{ userId: failed.user_id, outcome: 'left' }]);
    expect(said.people[0]?.message).toContain('stop the workers');
    await stage.clearFaults();
    await completes(failed.user_id);
    expect(outcomes(await replay())).toEqual({ [failed.user_id]: 'erased' });
  });

  it('tells of whom it began and who is ERRORED again', async () => {
    await exportFile();
    await restore();
    await stage.fault({ path: '/api/discussion', status: 403, times: 1 });
    expect(outcomes(await replay())).toEqual({ [failed.user_id]: 'begun' });
    await stage.reaches(failed.user_id, 'ERRORED');
    const said = await waitFor(
      async () => {
        const again = await replay();
        return again.status === 1 && again;
      },
      { what: 'the replay to see it' },
    );
    expect(said.people[0]?.message).toContain(`\`registrar retirement show ${failed.user_id}\``);
    await resume(failed);
    expect(outcomes(await replay())).toEqual({ [failed.user_id]: 'erased' });
  });

  it('erases again whom it died on while it wrote their row', async () => {
    const later = await begin(stage, 'later');
    await completes(later.user_id);
    await exportFile();
    await stage.stopWorker();
    await restore();
    await stage.database.query(`
      create function die() returns trigger language plpgsql as $$ begin raise 'died'; end $$;
      create trigger die before update on user_retirement_status for each row
        when (new.user_id = ${later.user_id}) execute function die();`);
    const died = await replay();
    expect(outcomes(died)).toEqual({ [failed.user_id]: 'begun', [later.user_id]: 'left' });
    expect(died.people.map(({ message }) => message).join()).toContain('died');

    await stage.database.query('drop trigger die on user_retirement_status');
    expect(outcomes(await replay())).toEqual({ [failed.user_id]: 'under-way', [later.user_id]: 'begun' });
    await stage.startWorker();
    for (const { user_id } of [failed, later]) await completes(user_id);
    expect(outcomes(await replay())).toEqual({ [failed.user_id]: 'erased', [later.user_id]: 'erased' });
  });
});

describe('when the LMS does not list its queue', () => {
  const unknownState = { pipeline: [...sandboxPipeline, UNKNOWN_STAGE] };

  it('begins nobody of whom it alone knows, and says why', async () => {
    const later = await begin(stage, 'later');
    await completes(later.user_id);
    await exportFile();
    await stage.stopWorker();
    await restore();
    stage.configure(unknownState);
    const ran = await command('receipts', 'replay', file);
    expect(ran).toMatchObject({ status: 1, stdout: '' });
    expect(ran.stderr).toContain(
      'nobody could be begun: the LMS does not know a state of the pipeline: run `registrar doctor`;',
    );
    stage.configure({});
    expect(outcomes(await replay())).toEqual({ [failed.user_id]: 'begun', [later.user_id]: 'begun' });
  });

  it.each([
    {
      trouble: 'the LMS does not know a state of the pipeline',
      occurs: () => Promise.resolve(stage.configure(unknownState)),
    },
    {
      trouble: '403',
      occurs: () => stage.fault({ path: '/api/user/v1/accounts/retirement_queue/', status: 403 }),
    },
  ])('tells whom it began before it met $trouble', async ({ trouble, occurs }) => {
    await exportFile();
    await stage.stopWorker();
    await restore();
    await occurs();
    const said = await replay();
    expect(said).toMatchObject({ status: 1, takenIn: 0 });
    expect(said.queueTrouble).toContain(trouble);
    expect(outcomes(said)).toEqual({ [failed.user_id]: 'begun' });
    expect(said.stderr).toContain('and whoever could be begun was');
    expect(said.stderr).toContain(trouble);

    stage.configure({});
    await stage.clearFaults();
    const again = await replay();
    expect(again).toMatchObject({ status: 0, stderr: '', queueTrouble: null });
    expect(outcomes(again)).toEqual({ [failed.user_id]: 'under-way' });
  });
});

describe('when Temporal’s database is lost as well', () => {
  it('begins whoever was erased, and the collector adopts all others from the LMS', async () => {
    await stage.fault({ path: '/api/discussion', status: 403, times: 1 });
    const stuck = await begin(stage, 'stuck');
    await stage.reaches(stuck.user_id, 'ERRORED');
    const waiting = await ask(stage, 'waiting', { requested_at: new Date().toISOString() });
    await stage.collect();
    await exportFile();
    await stage.stopWorker();
    await restore();
    const driver = createOtherDriver(stage.lmsUrl);
    await driver.cancel(quits.retirement_id);
    await driver.close();

    const anew = await setRetirementStage(
      {},
      {
        temporal: await createNamespace(),
        database: { url: stage.databaseUrl, drop: () => Promise.resolve() },
      },
    );
    try {
      const env = environmentOf(anew);
      expect(await registrar(['setup'], { env })).toMatchObject({ status: 0 });
      const ran = await registrar(['receipts', 'replay', file, '--json'], { env });
      expect(ran).toMatchObject({ status: 0, stderr: '' });
      expect(ran.json()).toMatchObject({ takenIn: 2, lookedAfter: 1 });
      expect(outcomes(ran.json() as Replayed)).toEqual({ [failed.user_id]: 'begun' });
      await anew.startWorker();
      expect(await anew.collect()).toMatchObject({ started: 2 });
      expect(await anew.workflow(failed.user_id).result()).toMatchObject({ outcome: 'COMPLETE' });
      expect(await anew.workflow(quits.user_id).result()).toMatchObject({ outcome: 'ABORTED' });
      expect((await anew.row(quits.user_id)).currentState).toBe('ABORTED');
      await anew.reaches(stuck.user_id, 'ERRORED');
      await anew.reaches(waiting.user_id, 'PENDING');
      await anew
        .workflow(stuck.user_id)
        .executeUpdate(RESUME, { args: [(await anew.status(stuck.user_id)).resumableFrom.at(-1)] });
      expect(await anew.workflow(stuck.user_id).result()).toMatchObject({ outcome: 'COMPLETE' });
    } finally {
      await anew.close();
    }
  });
});
