import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Worker } from '@temporalio/worker';
import { pino, type Logger } from 'pino';
import { createPlatformSource } from '../activities/retirement/platform.ts';
import { createWikiSource } from '../activities/timeslices/wiki-access.ts';
import { configurationPath } from '../config/environment.ts';
import { describeProblem } from '../config/problem.ts';
import { readVariable } from '../config/secret-files.ts';
import { readTemporalSettings } from '../config/temporal-settings.ts';
import { createConfigurationSource } from '../config/watch.ts';
import { openDatabase } from '../db/database.ts';
import { RETIREMENT_TASK_QUEUE } from '../workflows/retirement/contract.ts';
import { TIMESLICES_TASK_QUEUE, WIKI_TASK_QUEUE } from '../workflows/timeslices/contract.ts';
import { awaitTables } from './awaiting-tables.ts';
import { connectToTemporal } from './connecting.ts';
import { keepHeapsSmall } from './heap.ts';
import { startObservation } from './observability/observation.ts';
import { untilPolling } from './polling.ts';
import { createRetirementWorker, type WorkflowCode } from './retirement.ts';
import { createCourseWorker, createWikiWorker } from './timeslices.ts';
import { tuning } from './tuning.ts';
import { readWorkerVersion } from './versioning.ts';

export interface RunWorkerOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Those to work for; default all. */
  readonly taskQueues?: readonly string[];
  /** Called once the worker polls. */
  readonly onReady?: () => void;
  /** Default: the bundle that the build made, or the sources where there is none. */
  readonly workflowCode?: WorkflowCode;
}

/**
 * The worker process: reads the environment, connects, runs until SIGINT or SIGTERM, then lets activities end and closes
 * everything. What outlasts that is left behind: the process is to end when this resolves. Throws an Error of one line when
 * something that it needs is missing or cannot be reached.
 */
export async function runWorker({
  env,
  taskQueues = [RETIREMENT_TASK_QUEUE, TIMESLICES_TASK_QUEUE, WIKI_TASK_QUEUE],
  onReady,
  workflowCode = builtWorkflows(),
}: RunWorkerOptions): Promise<void> {
  keepHeapsSmall();
  const databaseUrl = readVariable(env, 'DATABASE_URL');
  if (databaseUrl === undefined) {
    throw new Error(
      'DATABASE_URL is not set: name the PostgreSQL database in it or in DATABASE_URL_FILE, or run `registrar up` for an embedded one',
    );
  }
  const { connectionOptions, namespace } = readTemporalSettings(env);
  const workerDeploymentOptions = readWorkerVersion(env);
  const log = pino({ level: readLogLevel(env), base: { process: 'worker' } }, pino.destination(2));
  const configuration = createConfigurationSource({ path: configurationPath(env), env });
  // First of all: whoever asks about this process while it starts gets an answer.
  const observation = await startObservation({ env, databaseUrl, configuration, log });
  let isDrained = true;
  const closing: (() => Promise<void>)[] = [];
  const closedAtTheEnd = <Resource extends { close(): Promise<void> }>(resource: Resource): Resource => {
    closing.push(() => resource.close());
    return resource;
  };
  try {
    const database = closedAtTheEnd(
      openDatabase({
        url: databaseUrl,
        maxConnections: tuning.databaseConnections,
        applicationName: 'registrar worker',
      }),
    );
    const timeslicesDatabase = closedAtTheEnd(
      openDatabase({
        url: databaseUrl,
        maxConnections: tuning.timeslicesConnections,
        queryTimeoutMs: tuning.timeslicesQueryTimeoutMs,
        applicationName: 'registrar worker, timeslices',
      }),
    );
    const loaded = await configuration.current();
    if (loaded.kind === 'invalid') {
      const problems = loaded.problems.map(describeProblem);
      log.error({ problems }, 'the configuration is not valid: nothing begins before it is mended');
    }
    const { waitsFor } = observation;
    const connection = await untilAskedToStop(async (stop) => {
      const onFailure = (reason: string): void => waitsFor('temporal', reason);
      const connected = await connectToTemporal({ options: connectionOptions, namespace, stop, onFailure });
      if (connected === undefined) return undefined;
      closedAtTheEnd(connected);
      waitsFor('temporal', undefined);
      return (await awaitTables({ database, stop, onChange: waitsFor })) ? connected : undefined;
    });
    if (connection === undefined) return;
    const platform = closedAtTheEnd(createPlatformSource(configuration));
    const wikis = closedAtTheEnd(observation.watchWikis(createWikiSource(configuration)));
    const { interceptors } = observation;
    const shared = { connection, namespace, log, workflowCode, interceptors, workerDeploymentOptions };
    const creators: Readonly<Record<string, () => Promise<Worker>>> = {
      [RETIREMENT_TASK_QUEUE]: () => createRetirementWorker({ ...shared, database, platform }),
      [TIMESLICES_TASK_QUEUE]: () => createCourseWorker({ ...shared, database: timeslicesDatabase }),
      [WIKI_TASK_QUEUE]: () => createWikiWorker({ ...shared, database: timeslicesDatabase, wikis }),
    };
    const workers = await Promise.all(
      Object.entries(creators).flatMap(([taskQueue, create]) =>
        taskQueues.includes(taskQueue) ? [create()] : [],
      ),
    );
    const polling = workers.map((worker) => untilPolling(connection, namespace, worker));
    const running = runTogether(workers, log);
    const watched = Promise.all(polling).then(() => observation.watch({ connection, namespace, workers }));
    await Promise.race([running, watched]);
    const { version } = workerDeploymentOptions ?? {};
    log.info({ taskQueues, namespace, ...version }, 'worker ready');
    onReady?.();
    ({ isDrained } = await running);
  } finally {
    await observation.close();
    const closed = Promise.allSettled(closing.map((close) => close()));
    // What was given up still waits for an answer, and closing waits for it.
    if (isDrained) await closed;
  }
}

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

function readLogLevel(env: RunWorkerOptions['env']): string {
  const level = env['REGISTRAR_LOG_LEVEL'] || 'info';
  if (LOG_LEVELS.includes(level)) return level;
  throw new Error(`REGISTRAR_LOG_LEVEL is ${level}; it must be one of: ${LOG_LEVELS.join(', ')}`);
}

/** Those that the SDK takes for a wish to end. */
const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGQUIT', 'SIGUSR2'] as const;

/** Before there are workers, a signal to end has nobody else who hears it. */
async function untilAskedToStop<Result>(work: (stop: AbortSignal) => Promise<Result>): Promise<Result> {
  const stopping = new AbortController();
  const stop = (): void => stopping.abort();
  for (const signal of STOP_SIGNALS) process.once(signal, stop);
  try {
    return await work(stopping.signal);
  } finally {
    for (const signal of STOP_SIGNALS) process.removeListener(signal, stop);
  }
}

/**
 * Until all have ended. One that fails takes the others along: a process that does half of its work looks healthy. What outlasts
 * the time for the end is given up, which is no failure: it is as safe as a death, and the next worker takes it up.
 */
async function runTogether(
  workers: readonly Worker[],
  log: Logger,
): Promise<{ readonly isDrained: boolean }> {
  let isAskedToStop = false;
  const note = (): void => void (isAskedToStop = true);
  for (const signal of STOP_SIGNALS) process.once(signal, note);
  const endings = await Promise.allSettled(
    workers.map(async (worker) => {
      try {
        await worker.run();
      } finally {
        for (const other of workers) if (other.getState() === 'RUNNING') other.shutdown();
      }
    }),
  );
  for (const signal of STOP_SIGNALS) process.removeListener(signal, note);
  const failed = endings.filter((ending) => ending.status === 'rejected');
  for (const { reason } of failed) {
    // The SDK says that the time is over, or, where an activity ends after that, what it stumbled over then.
    if (!isAskedToStop) throw reason;
    log.warn('activities that outlasted the shutdown were given up; the next worker takes them up');
  }
  return { isDrained: failed.length === 0 };
}

function builtWorkflows(): WorkflowCode {
  const codePath = fileURLToPath(new URL('../workflow-bundle.js', import.meta.url));
  if (existsSync(codePath)) return { workflowBundle: { codePath } };
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return { workflowsPath: fileURLToPath(new URL(`../workflows/index.${extension}`, import.meta.url)) };
}
