import { randomBytes } from 'node:crypto';
import { msToTs } from '@temporalio/common/lib/time.js';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { connectTemporal } from '../../client/temporal.ts';
import { COLLECT_SCHEDULE_ID } from '../../workflows/retirement/contract.ts';
import { sandboxPipeline } from '../../sandbox/lms/pipeline.ts';
import { createDatabase } from '../support/database.ts';
import { credentials, setRetirementStage, type RetirementStage } from '../support/retirement.ts';
import { waitFor } from '../support/wait.ts';
import { complaints, environmentOf, registrar, type Ran } from './command-line.ts';

let stage: RetirementStage;

beforeAll(async () => {
  stage = await setRetirementStage();
});
beforeEach(async () => {
  await stage.clearFaults();
  stage.configure({});
});
afterAll(() => stage.close());

interface Check {
  readonly check: string;
  readonly outcome: string;
  readonly message: string;
}

const command = (...argv: readonly string[]): Promise<Ran> => registrar(argv, { env: environmentOf(stage) });

/** What `doctor` found wrong, by name. */
async function findings(): Promise<Readonly<Record<string, string>>> {
  const ran = await command('doctor', '--json');
  const { ok, checks } = ran.json() as { ok: boolean; checks: readonly Check[] };
  const wrong = checks.filter(({ outcome }) => outcome !== 'ok');
  expect({ ok, status: ran.status }).toEqual(
    wrong.length === 0 ? { ok: true, status: 0 } : { ok: false, status: 1 },
  );
  return Object.fromEntries(wrong.map(({ check, message }) => [check, message]));
}

describe('without a worker', () => {
  it('says so and how to start one, instead of waiting', async () => {
    await stage.ask([{ username: 'early', requested_at: new Date().toISOString() }]);
    expect(await command('retirement', 'start', 'early')).toMatchObject({ status: 0 });
    for (const argv of [
      ['collect'],
      ['cancel', 'early@example.com'],
      ['resume', 'early', '--from', 'PENDING'],
      ['rerun', '--all'],
    ]) {
      const ran = await command('retirement', ...argv);
      expect(ran).toMatchObject({ status: 1, stdout: '' });
      expect(complaints(ran)).toHaveLength(1);
      expect(ran.stderr).toContain('`registrar worker`');
    }
  });

  it('still shows what the database has', async () => {
    const ran = await command('retirement', 'show', 'early', '--json');
    expect(ran.json()).toMatchObject({ state: 'PENDING', workflow: { status: 'running' }, status: null });
  });

  it('names the missing schedule and worker in doctor', async () => {
    const found = await findings();
    expect(Object.keys(found).sort()).toEqual(['schedules', 'worker']);
    expect(found['schedules']).toContain('`registrar setup`');
  });
});

describe('setup', () => {
  const schedule = () => stage.temporal.client.schedule.getHandle(COLLECT_SCHEDULE_ID).describe();

  it('creates, repeats without a change, and follows the configuration', async () => {
    stage.configure({ registrar: { collect_every: '10m' } });
    const first = await command('setup', '--json');
    expect(first.json()).toEqual({
      migrations: [],
      searchAttributes: [],
      schedules: [{ scheduleId: COLLECT_SCHEDULE_ID, outcome: 'created', everyMs: 600_000, paused: false }],
    });
    expect(await schedule()).toMatchObject({
      spec: { intervals: [{ every: 600_000 }] },
      policies: { overlap: 'SKIP', catchupWindow: 600_000 },
      action: {
        workflowType: 'collectRetirements',
        taskQueue: 'retirement',
        workflowId: 'collect-retirements',
      },
    });
    const again = await command('setup');
    expect(again.stdout).toBe(
      'database: up to date\nsearch attributes: all registered\nschedule collect-retirements: unchanged, every 10 min\n',
    );
  });

  it('keeps the pause of an operator while it updates', async () => {
    await stage.temporal.client.schedule.getHandle(COLLECT_SCHEDULE_ID).pause('holiday');
    stage.configure({ registrar: { collect_every: '90m' } });
    expect((await command('setup', '--json')).json()).toMatchObject({
      schedules: [{ outcome: 'updated', everyMs: 5_400_000, paused: true }],
    });
    expect(await schedule()).toMatchObject({ state: { paused: true, note: 'holiday' } });
    expect((await findings())['schedules']).toContain('paused');
    await stage.temporal.client.schedule.getHandle(COLLECT_SCHEDULE_ID).unpause();
  });

  it('warns and takes the defaults while there is no configuration', async () => {
    const env = { ...environmentOf(stage), REGISTRAR_CONFIG: '/nonexistent/registrar.yml' };
    const ran = await registrar(['setup', '--json'], { env });
    expect(ran.status).toBe(0);
    expect(complaints(ran)).toHaveLength(1);
    expect(ran.stderr).toContain('/nonexistent/registrar.yml');
    expect(ran.json()).toMatchObject({ schedules: [{ everyMs: 3_600_000 }] });
  });

  it('migrates an empty database, which commands before it refuse', async () => {
    const database = await createDatabase();
    onTestFinished(() => database.drop());
    const env = { ...environmentOf(stage), DATABASE_URL: database.url };
    const before = await registrar(['retirement', 'list'], { env });
    expect(before.status).toBe(1);
    expect(complaints(before)).toHaveLength(1);
    expect(before.stderr).toContain('`registrar setup`');
    const ran = await registrar(['setup', '--json'], { env });
    expect((ran.json() as { migrations: string[] }).migrations).toContain('0001_user-retirement');
    expect((await registrar(['retirement', 'list', '--json'], { env })).json()).toEqual([]);
  });

  it('registers missing search attributes, and refuses a wrong type by name', async () => {
    const namespace = `test-${randomBytes(6).toString('hex')}`;
    await stage.temporal.connection.workflowService.registerNamespace({
      namespace,
      workflowExecutionRetentionPeriod: msToTs('1 day'),
    });
    const env = { ...environmentOf(stage), TEMPORAL_NAMESPACE: namespace };
    const TEXT = 1;
    const temporal = await connectTemporal(env);
    onTestFinished(() => temporal.close());
    await waitFor(
      async () => {
        const { operatorService } = temporal.connection;
        const { customAttributes } = await operatorService.listSearchAttributes({ namespace });
        if (Number(customAttributes?.['RetirementStage']) === TEXT) return true;
        await operatorService.addSearchAttributes({ namespace, searchAttributes: { RetirementStage: TEXT } });
        return false;
      },
      { what: 'the wrong search attribute' },
    );
    const refusal = await registrar(['setup'], { env });
    expect(refusal.status).toBe(1);
    expect(complaints(refusal)).toHaveLength(1);
    expect(refusal.stderr).toContain('RetirementStage');
    await temporal.connection.operatorService.removeSearchAttributes({
      namespace,
      searchAttributes: ['RetirementStage'],
    });
    const ran = await registrar(['setup', '--json'], { env });
    expect(ran.json()).toMatchObject({
      searchAttributes: [
        'RetirementState',
        'RetirementStage',
        'RetirementDueAt',
        'RetirementDeadline',
        'CourseId',
        'CoursePhase',
      ],
      schedules: [{ outcome: 'created' }],
    });
  });

  it('says how to make a namespace that is missing', async () => {
    const env = { ...environmentOf(stage), TEMPORAL_NAMESPACE: 'no-such-namespace' };
    const ran = await registrar(['setup'], { env });
    expect(ran.status).toBe(1);
    expect(complaints(ran)).toHaveLength(1);
    expect(ran.stderr).toContain('no-such-namespace');
  });
});

describe('doctor with a worker', () => {
  beforeAll(() => stage.startWorker());

  it('finds nothing, prints a line a check, and touches nothing', async () => {
    const before = await stage.database.query('select * from lms_states order by state_name');
    const ran = await command('doctor');
    expect(ran).toMatchObject({ status: 0, stderr: '' });
    const names = ran.stdout.split('\n').map((line) => /^ok {7}([\w ]+): /.exec(line)?.[1] ?? line);
    expect(names).toEqual([
      'configuration', 'database', 'rights', 'temporal', 'schedules', 'worker', 'receipts', 'receipts', 'LMS token', 'LMS states', 'LMS order', '',
    ]); // prettier-ignore
    const after = await stage.database.query('select * from lms_states order by state_name');
    expect(after.rows).toEqual(before.rows);
  });

  it('names a state that the LMS does not have', async () => {
    stage.configure({ pipeline: [['RETIRING_MOON', 'MOON_COMPLETE', 'LMS', 'retirement_unenroll']] });
    expect(await findings()).toMatchObject({
      'LMS states': expect.stringContaining('MOON_COMPLETE') as string,
    });
  });

  it('sees by learners that the LMS has another order than the pipeline', async () => {
    await stage.ask([{ username: 'order-shower', requested_at: new Date().toISOString() }]);
    await moveInLms('order-shower', 'ENROLLMENTS_COMPLETE');
    await moveInLms('order-shower', 'FORUMS_COMPLETE');
    expect(await findings()).toEqual({});
    const [enrol, forums, ...rest] = sandboxPipeline;
    stage.configure({ pipeline: [forums, enrol, ...rest].filter((row) => row !== undefined) });
    const found = await findings();
    expect(Object.keys(found)).toEqual(['LMS order']);
    expect(found['LMS order']).toMatch(/the LMS has ENROLLMENTS_COMPLETE .* before FORUMS_COMPLETE/);
  });

  it('tells wrong credentials from the lack of the right to retire', async () => {
    stage.configure({ clientSecret: 'wrong-secret' });
    const wrong = await findings();
    expect(Object.keys(wrong)).toEqual(['LMS token']);
    expect(wrong['LMS token']).toContain('client_secret');
    expect(wrong['LMS token']).not.toContain('wrong-secret');
    stage.configure({ clientId: credentials.plainClientId, clientSecret: credentials.plainClientSecret });
    const plain = await findings();
    expect(Object.keys(plain)).toEqual(['LMS states']);
    expect(plain['LMS states']).toContain('403');
  });

  it('tells an LMS that is down from one that answers HTML', async () => {
    stage.configure({ lmsUrl: 'http://127.0.0.1:1' });
    expect((await findings())['LMS token']).toContain('refused the connection');
    stage.configure({});
    await stage.fault({ path: '/oauth2', status: 200, body: '<!doctype html><p>maintenance' });
    expect((await findings())['LMS token']).toContain('HTML');
    await stage.clearFaults();
    await stage.fault({ path: '/api/user', status: 200, body: '<html></html>' });
    expect((await findings())['LMS states']).toContain('HTML');
  });

  it('reports an invalid configuration line by line and still checks the rest', async () => {
    stage.configure({ pipeline: [['RETIRING_LMS', 'LMS_COMPLETE', 'LMS', 'nonsense']] });
    expect(Object.keys(await findings())).toEqual(['configuration']);
  });
});

async function lmsToken(): Promise<string> {
  const answer = await fetch(`${stage.lmsUrl}/oauth2/access_token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      token_type: 'jwt',
      client_id: credentials.clientId,
      client_secret: credentials.clientSecret,
    }),
  });
  return ((await answer.json()) as { access_token: string }).access_token;
}

async function moveInLms(username: string, state: string): Promise<void> {
  const answer = await fetch(`${stage.lmsUrl}/api/user/v1/accounts/update_retirement_status/`, {
    method: 'PATCH',
    headers: { authorization: `JWT ${await lmsToken()}`, 'content-type': 'application/json' },
    body: JSON.stringify({ username, new_state: state, response: 'by the test', force: true }),
  });
  expect(answer.status).toBeLessThan(300);
}
