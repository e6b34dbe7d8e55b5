import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { DefaultLogger, NativeConnection, Runtime, type LogLevel } from '@temporalio/worker';
import { pino, type Logger } from 'pino';
import { createPlatformSource } from '../activities/retirement/platform.ts';
import { configurationPath } from '../config/environment.ts';
import { createConfigurationSource } from '../config/watch.ts';
import { openDatabase } from '../db/database.ts';
import { RETIREMENT_TASK_QUEUE } from '../workflows/retirement/contract.ts';
import { untilPolling } from './polling.ts';
import { createRetirementWorker, type WorkflowCode } from './retirement.ts';
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
  const platform = createPlatformSource(createConfigurationSource({ path: configurationPath(env), env }));
  try {
    const worker = await createRetirementWorker({
      connection,
      namespace: namespace ?? 'default',
      database,
      platform,
      log,
      workflowCode: workflowCode(),
    });
    const running = worker.run();
    await Promise.race([running, untilPolling(connection, namespace ?? 'default', worker)]);
    log.info({ taskQueue: RETIREMENT_TASK_QUEUE, namespace: namespace ?? 'default' }, 'worker ready');
    onReady?.();
    await running;
  } finally {
    await Promise.allSettled([connection.close(), platform.close(), database.close()]);
  }
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
