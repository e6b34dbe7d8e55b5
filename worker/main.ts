import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { DefaultLogger, NativeConnection, Runtime, type LogLevel, type Worker } from '@temporalio/worker';
import { pino, type Logger } from 'pino';
import { createPlatformSource } from '../activities/retirement/platform.ts';
import { createWikiSource } from '../activities/timeslices/wiki-access.ts';
import { configurationPath } from '../config/environment.ts';
import { createConfigurationSource } from '../config/watch.ts';
import { openDatabase } from '../db/database.ts';
import { untilPolling } from './polling.ts';
import { createRetirementWorker, type WorkflowCode } from './retirement.ts';
import { createTimeslicesWorkers } from './timeslices.ts';
import { tuning } from './tuning.ts';

export interface RunWorkerOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Called once the worker polls. */
  readonly onReady?: () => void;
}

/**
 * The worker process: reads the environment, connects, runs until SIGINT or SIGTERM, then lets activities end and closes
 * everything. Throws an Error of one line when something that it needs is missing or cannot be reached.
 */
export async function runWorker({ env, onReady }: RunWorkerOptions): Promise<void> {
  const databaseUrl = env['DATABASE_URL'];
  if (databaseUrl === undefined || databaseUrl === '') {
    throw new Error(
      'DATABASE_URL is not set: name the PostgreSQL database, or run `registrar up` for an embedded one',
    );
  }
  const log = pino(
    { level: env['REGISTRAR_LOG_LEVEL'] ?? 'info', base: { process: 'worker' } },
    pino.destination(2),
  );
  installRuntime(log);

  const { connectionOptions, namespace } = loadClientConnectConfig({ overrideEnvVars: definedOnly(env) });
  const connection = await NativeConnection.connect(connectionOptions).catch((cause: unknown) => {
    throw new Error(
      `cannot reach Temporal at ${connectionOptions.address ?? 'localhost:7233'}: check TEMPORAL_ADDRESS`,
      {
        cause,
      },
    );
  });
  const database = openDatabase({
    url: databaseUrl,
    maxConnections: tuning.databaseConnections,
    applicationName: 'registrar worker',
  });
  const timeslicesDatabase = openDatabase({
    url: databaseUrl,
    maxConnections: tuning.timeslicesConnections,
    queryTimeoutMs: tuning.timeslicesQueryTimeoutMs,
    applicationName: 'registrar worker, timeslices',
  });
  const configuration = createConfigurationSource({ path: configurationPath(env), env });
  const platform = createPlatformSource(configuration);
  const wikis = createWikiSource(configuration);
  const shared = { connection, namespace: namespace ?? 'default', log, workflowCode: workflowCode() };
  try {
    const workers = [
      await createRetirementWorker({ ...shared, database, platform }),
      ...(await createTimeslicesWorkers({ ...shared, database: timeslicesDatabase, wikis })),
    ];
    const polling = workers.map((worker) => untilPolling(connection, shared.namespace, worker));
    const running = runTogether(workers);
    await Promise.race([running, Promise.all(polling)]);
    const taskQueues = workers.map((worker) => worker.options.taskQueue);
    log.info({ taskQueues, namespace: shared.namespace }, 'worker ready');
    onReady?.();
    await running;
  } finally {
    await Promise.allSettled([
      connection.close(),
      platform.close(),
      wikis.close(),
      database.close(),
      timeslicesDatabase.close(),
    ]);
  }
}

/** Until all have ended. One that fails takes the others along: a process that does half of its work looks healthy. */
async function runTogether(workers: readonly Worker[]): Promise<void> {
  const endings = await Promise.allSettled(
    workers.map(async (worker) => {
      try {
        await worker.run();
      } finally {
        for (const other of workers) if (other.getState() === 'RUNNING') other.shutdown();
      }
    }),
  );
  for (const ending of endings) if (ending.status === 'rejected') throw ending.reason;
}

/** The bundle that the build made, or the sources where there is none. */
function workflowCode(): WorkflowCode {
  const codePath = fileURLToPath(new URL('../workflow-bundle.js', import.meta.url));
  if (existsSync(codePath)) return { workflowBundle: { codePath } };
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return { workflowsPath: fileURLToPath(new URL(`../workflows/index.${extension}`, import.meta.url)) };
}

function installRuntime(log: Logger): void {
  const levels: Readonly<Record<LogLevel, 'trace' | 'debug' | 'info' | 'warn' | 'error'>> = {
    TRACE: 'trace',
    DEBUG: 'debug',
    INFO: 'debug',
    WARN: 'warn',
    ERROR: 'error',
  };
  Runtime.install({
    logger: new DefaultLogger('INFO', ({ level, message, meta }) => {
      // On purpose: the task queue of calls to wikis has none.
      if (message.startsWith('No workflows registered')) return;
      const { workflowId, workflowType, activityType, attempt, taskQueue, sdkComponent } = meta ?? {};
      log[levels[level]](
        { workflowId, workflowType, activityType, attempt, taskQueue, sdkComponent },
        message,
      );
    }),
    telemetryOptions: { logging: { filter: { core: 'WARN', other: 'ERROR' }, forward: {} } },
  });
}

function definedOnly(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
