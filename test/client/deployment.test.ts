import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COLLECT_RETIREMENTS, RETIREMENT_TASK_QUEUE } from '../../workflows/retirement/contract.ts';
import { COURSE_UPDATE, TIMESLICES_TASK_QUEUE } from '../../workflows/timeslices/contract.ts';
import { checkDeployments } from '../../client/deployment/check.ts';
import { checkTemporal } from '../../client/doctor/temporal-checks.ts';
import { connectTemporal, type TemporalAccess } from '../../client/temporal.ts';
import { setRetirementStage, type RetirementStage } from '../support/retirement.ts';
import { beginErrored } from '../support/retirement-learner.ts';
import { waitFor } from '../support/wait.ts';
import { startServedWorker, type ServedWorker } from '../worker/served-worker.ts';
import { complaints, environmentOf, registrar, type Ran } from './command-line.ts';

const PATIENCE_MS = 300_000;

let stage: RetirementStage;
const stages: RetirementStage[] = [];
const workers: ServedWorker[] = [];

/** What follows uses it, until the next one is set. */
async function setStage(): Promise<void> {
  stage = await setRetirementStage({ registrar: { retry_budget: 0 } });
  stages.push(stage);
}

beforeAll(setStage);
afterAll(async () => {
  for (const worker of workers) worker.signal('SIGKILL');
  await Promise.all(workers.map((worker) => worker.ended()));
  await Promise.all(stages.map((each) => each.close()));
}, PATIENCE_MS);

async function startWorker(env: Readonly<Record<string, string>> = {}): Promise<ServedWorker> {
  const worker = await startServedWorker({
    databaseUrl: stage.databaseUrl,
    temporalAddress: stage.temporal.address,
    namespace: stage.temporal.namespace,
    configurationPath: stage.configurationPath,
    env,
  });
  workers.push(worker);
  await worker.ready();
  return worker;
}

function startBuild(buildId: string, more: Readonly<Record<string, string>> = {}): Promise<ServedWorker> {
  return startWorker({ TEMPORAL_DEPLOYMENT_NAME: 'registrar', TEMPORAL_WORKER_BUILD_ID: buildId, ...more });
}

function deployment(...argv: readonly string[]): Promise<Ran> {
  return registrar(['deployment', ...argv], { env: environmentOf(stage) });
}

/** Processes that made the workflow's steps, in order. */
async function pidsOf(workflowId: string): Promise<readonly number[]> {
  const { events } = await stage.temporal.client.workflow.getHandle(workflowId).fetchHistory();
  return (events ?? []).flatMap(({ workflowTaskCompletedEventAttributes: completed }) =>
    completed == null ? [] : [Number.parseInt(completed.identity ?? '', 10)],
  );
}

/** What `doctor` says about builds. */
async function checks(): Promise<readonly string[]> {
  const temporal = await connectTemporal(environmentOf(stage));
  try {
    return (await checkDeployments(temporal)).map(({ outcome, message }) => `${outcome} ${message}`);
  } finally {
    await temporal.close();
  }
}

/** The task queues that Temporal is asked about, by kind, while `work` lasts. */
async function askedAbout(work: (temporal: TemporalAccess) => Promise<unknown>): Promise<readonly string[]> {
  const temporal = await connectTemporal(environmentOf(stage));
  const asked: string[] = [];
  const { workflowService } = temporal.connection;
  const ask = workflowService.describeTaskQueue.bind(workflowService);
  workflowService.describeTaskQueue = ((...args: Parameters<typeof ask>) => {
    const [request] = args;
    asked.push(`${request.taskQueue?.name} ${request.taskQueueType}`);
    return ask(...args);
  }) as typeof ask;
  try {
    await work(temporal);
    return asked.sort();
  } finally {
    await temporal.close();
  }
}

let runs = 0;

/** Who runs a workflow that begins now. */
async function whoWorks(): Promise<readonly number[]> {
  const workflowId = `who-works-${(runs += 1)}`;
  await stage.temporal.client.workflow.execute(COLLECT_RETIREMENTS, {
    workflowId,
    taskQueue: RETIREMENT_TASK_QUEUE,
    args: [],
  });
  return [...new Set(await pidsOf(workflowId))];
}

describe('before any worker has a build', () => {
  it('has nothing to show but that workers without versioning get the work', async () => {
    const ran = await deployment('show', '--json');
    expect(ran.json()).toEqual({
      deployment: 'registrar',
      current: null,
      builds: [expect.objectContaining({ buildId: null, status: 'current' })],
    });
  });

  it('refuses a build that nobody polls for', async () => {
    const ran = await deployment('promote', '--build-id', '9.9.9', '--wait', '0s');
    expect(ran.status).toBe(4);
    expect(complaints(ran)).toEqual([
      expect.stringMatching(
        /^registrar: no worker of build 9\.9\.9 of registrar polls any task queue: start/,
      ),
    ]);
  });

  it('has nothing to check', async () => {
    expect(await checks()).toEqual([]);
  });

  it('has nowhere to roll back to', async () => {
    expect(await deployment('rollback')).toMatchObject({
      status: 3,
      stderr: expect.stringContaining('no build of registrar was current before') as string,
    });
  });

  it.each([
    [['promote'], 'which build?'],
    [['promote', '--build-id', 'a', '--unversioned'], 'say one of'],
    [['promote', '--build-id', 'a', '--wait', 'soon'], '--wait soon is no duration'],
    [['show', '--deployment', ''], '--deployment is empty: name the deployment'],
    [['promote', '--deployment', '', '--build-id', 'a'], '--deployment is empty: name the deployment'],
    [['rollback', '--deployment', ' '], '--deployment is empty: name the deployment'],
  ])('refuses %j', async (argv, why) => {
    const ran = await deployment(...argv);
    expect(ran).toMatchObject({ status: 2, stdout: '', stderr: expect.stringContaining(why) as string });
    expect(complaints(ran)).toHaveLength(1);
  });
});

describe('from workers without versioning to a build and back', () => {
  let old: ServedWorker;
  let first: ServedWorker;

  it(
    'gives a build nothing before it is promoted',
    async () => {
      old = await startWorker();
      first = await startBuild('1');
      expect(await whoWorks()).toEqual([old.pid]);
      expect(await checks()).toEqual(['ok registrar: a worker without a build is current']);
      const shown = (await deployment('show', '--json')).json();
      expect(shown).toMatchObject({
        current: null,
        builds: [
          { buildId: '1', status: 'inactive', unpolled: [] },
          { buildId: null, status: 'current', unpolled: [] },
        ],
      });
    },
    PATIENCE_MS,
  );

  it(
    'gives a promoted build what begins, and what waits',
    async () => {
      const waiting = await beginErrored(stage, 'waits-for-an-operator');
      const workflowId = stage.workflow(waiting.user_id).workflowId;
      expect(new Set(await pidsOf(workflowId))).toEqual(new Set([old.pid]));

      const promoted = await deployment('promote', '--build-id', '1', '--json');
      expect(promoted, promoted.stderr).toMatchObject({ status: 0 });
      expect(promoted.json()).toEqual({
        deployment: 'registrar',
        before: null,
        current: '1',
        changed: true,
      });
      expect(await whoWorks()).toEqual([first.pid]);
      await stage.workflow(waiting.user_id).signal('resume', 'ENROLLMENTS_COMPLETE');
      expect(await stage.workflow(waiting.user_id).result()).toMatchObject({ outcome: 'COMPLETE' });
      expect((await pidsOf(workflowId)).at(-1)).toBe(first.pid);
    },
    PATIENCE_MS,
  );

  it('does nothing when the build is current already', async () => {
    expect(await deployment('promote', '--build-id', '1')).toMatchObject({
      status: 0,
      stdout: 'registrar: build 1 is current already\n',
    });
  });

  it(
    'refuses a build that lacks workers for some task queue, and names it',
    async () => {
      await startBuild('2', { TEST_TASK_QUEUES: 'retirement' });
      const ran = await deployment('promote', '--build-id', '2', '--wait', '1s');
      expect(ran.status).toBe(4);
      expect(ran.stderr).toContain(
        'no worker of build 2 of registrar polls timeslices (workflows), timeslices (activities), wiki (activities)',
      );
      expect((await deployment('show', '--json')).json()).toMatchObject({ current: '1' });
    },
    PATIENCE_MS,
  );

  it(
    'waits for the workers that are missing, and then promotes',
    async () => {
      const promoting = deployment('promote', '--build-id', '2', '--wait', '4m');
      const second = await startBuild('2', { TEST_TASK_QUEUES: 'timeslices,wiki' });
      expect(await promoting).toMatchObject({
        status: 0,
        stdout: 'registrar: build 2 is current now, build 1 was before\n',
      });
      expect(await whoWorks()).not.toContain(first.pid);
      expect(second.isRunning()).toBe(true);
    },
    PATIENCE_MS,
  );

  it(
    'rolls back to the build that was current before, and from there to no build',
    async () => {
      expect(await deployment('rollback')).toMatchObject({
        status: 0,
        stdout: 'registrar: build 1 is current now, build 2 was before\n',
      });
      expect(await whoWorks()).toEqual([first.pid]);
      expect(await deployment('promote', '--unversioned')).toMatchObject({
        status: 0,
        stdout: 'registrar: unversioned is current now, build 1 was before\n',
      });
      expect(await whoWorks()).toEqual([old.pid]);
    },
    PATIENCE_MS,
  );

  it(
    'is found out when those who are to get the work are not there',
    async () => {
      expect(await deployment('promote', '--build-id', '1')).toMatchObject({ status: 0 });
      expect(await checks()).toEqual(['ok registrar: build 1 is current']);
      // As if its workers had never come: Temporal is told to give the work to a build that nobody runs.
      await stage.temporal.connection.workflowService.setWorkerDeploymentCurrentVersion({
        namespace: stage.temporal.namespace,
        deploymentName: 'registrar',
        buildId: 'nowhere',
        allowNoPollers: true,
        ignoreMissingTaskQueues: true,
      });
      expect(await checks()).toEqual([
        'FAILED registrar: build nowhere is to get the work, and none polls any task queue: start its workers, or run `registrar deployment promote --deployment registrar --build-id 2`',
      ]);
      expect(await deployment('promote', '--unversioned')).toMatchObject({ status: 0 });
    },
    PATIENCE_MS,
  );

  it('is looked for with one question about each task queue', async () => {
    const once = ['retirement 1', 'retirement 2', 'timeslices 1', 'timeslices 2', 'wiki 2'];
    expect(await askedAbout((temporal) => checkTemporal(() => Promise.resolve(temporal)))).toEqual(once);
  });

  it('shows people a table', async () => {
    const { stdout } = await deployment('show');
    expect(stdout).toMatch(/^BUILD +STATUS +LAST CURRENT +NOBODY POLLS$/m);
    expect(stdout).toMatch(/^\(unversioned\) +current/m);
  });
});

describe('where nobody does course statistics', () => {
  const onlyRetirement = { TEST_TASK_QUEUES: 'retirement' };
  const onlyCourses = { TEST_TASK_QUEUES: 'timeslices,wiki' };
  let first: ServedWorker;
  let second: ServedWorker;

  beforeAll(setStage);

  /** A run that only workers of courses can begin. */
  const beginUpdate = async (workflowId: string): Promise<string> => {
    await stage.temporal.client.workflow.start(COURSE_UPDATE, {
      workflowId,
      taskQueue: TIMESLICES_TASK_QUEUE,
      args: [{ courseId: 404 }],
    });
    return workflowId;
  };

  it(
    'promotes a build that does everything else, and finds nothing wrong',
    async () => {
      first = await startBuild('1', onlyRetirement);
      const early = await registrar(['retirement', 'collect'], { env: environmentOf(stage) });
      expect(early).toMatchObject({
        status: 1,
        stderr: expect.stringContaining(
          'run `registrar deployment promote --deployment registrar --build-id 1`',
        ) as string,
      });
      expect(await deployment('promote', '--build-id', '1')).toMatchObject({ status: 0, stderr: '' });
      expect(await checks()).toEqual(['ok registrar: build 1 is current']);
      expect((await deployment('show', '--json')).json()).toMatchObject({
        current: '1',
        builds: [{ buildId: '1', unpolled: [] }],
      });
      expect(await whoWorks()).toEqual([first.pid]);
    },
    PATIENCE_MS,
  );

  it(
    'rolls back, and forth again',
    async () => {
      const old = await startWorker(onlyRetirement);
      expect(await deployment('rollback')).toMatchObject({ status: 0, stderr: '' });
      expect(await checks()).toEqual(['ok registrar: a worker without a build is current']);
      expect(await whoWorks()).toEqual([old.pid]);
      expect(await deployment('promote', '--build-id', '1')).toMatchObject({ status: 0 });
    },
    PATIENCE_MS,
  );

  it('still refuses a build that nobody runs', async () => {
    const ran = await deployment('promote', '--build-id', '9.9.9', '--wait', '0s');
    expect(ran).toMatchObject({ status: 4, stderr: expect.stringContaining('any task queue') as string });
  });

  it(
    'gives the work of courses to workers of the build that come later, and the next build needs them too',
    async () => {
      const waiting = await beginUpdate('waits-for-workers-of-courses');
      const later = await startBuild('1', onlyCourses);
      await waitFor(async () => (await pidsOf(waiting)).includes(later.pid), { what: 'the update to begin' });
      second = await startBuild('2', onlyRetirement);
      const ran = await deployment('promote', '--build-id', '2', '--wait', '0s');
      expect(ran).toMatchObject({ status: 4, stderr: expect.stringContaining('timeslices') as string });
      later.signal('SIGTERM');
      await later.ended();
    },
    PATIENCE_MS,
  );

  it(
    'promotes once the last worker of courses is gone, though an update waits for one',
    async () => {
      await beginUpdate('waits-for-ever');
      expect(await deployment('promote', '--build-id', '2', '--wait', '4m')).toMatchObject({
        status: 0,
        stderr: '',
        stdout: 'registrar: build 2 is current now, build 1 was before\n',
      });
      expect(await checks()).toEqual(['ok registrar: build 2 is current']);
    },
    PATIENCE_MS,
  );

  it(
    'tells at once whoever asks for a run that the current build has no workers, though others poll',
    async () => {
      second.signal('SIGTERM');
      await second.ended();
      await waitFor(async () => (await checks()).some((line) => line.startsWith('FAILED')), {
        what: 'Temporal to forget the workers of build 2',
        timeoutMs: 120_000,
      });
      expect(first.isRunning()).toBe(true);
      for (const argv of [['collect'], ['rerun', '--all'], ['archive', '--dry-run'], ['report']]) {
        const ran = await registrar(['retirement', ...argv], { env: environmentOf(stage) });
        expect(ran).toMatchObject({ status: 1, stdout: '' });
        expect(complaints(ran)).toEqual([
          expect.stringMatching(
            /^registrar: no worker of build 2 of registrar, which is to get the work, polls the task queue retirement .*`registrar deployment promote`/,
          ),
        ]);
      }
    },
    PATIENCE_MS,
  );
});
