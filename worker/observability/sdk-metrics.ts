import { createServer } from 'node:net';
import { DefaultLogger, Runtime, type LogLevel, type RuntimeOptions } from '@temporalio/worker';
import type { Logger } from 'pino';

/** Temporal's own metrics of this process. */
export interface SdkMetrics {
  /** Prometheus' text format. */
  text(): Promise<string>;
}

const TRIES = 5;
const ANSWER_WITHIN_MS = 5_000;

/**
 * Installs Temporal's runtime of this process, once: its log goes to ours. With `metrics` its metrics are kept too; the SDK
 * serves them itself, at an address of its own, so that is the loopback address and any free port.
 */
export async function installRuntime(
  log: Logger,
  { metrics }: { readonly metrics: boolean },
): Promise<SdkMetrics | undefined> {
  if (!metrics) {
    Runtime.install(runtimeOptions(log));
    return undefined;
  }
  for (let tries = 1; ; tries += 1) {
    const port = await freePort();
    try {
      Runtime.install(runtimeOptions(log, `127.0.0.1:${port}`));
      return { text: () => scrape(port) };
    } catch (error) {
      // Somebody else may have taken the port meanwhile; the SDK does not say which one it chose by itself.
      if (tries === TRIES) throw error;
    }
  }
}

/** Info of the SDK's lifecycle is for whoever debugs. */
const levels: Readonly<Record<LogLevel, 'trace' | 'debug' | 'info' | 'warn' | 'error'>> = {
  TRACE: 'trace',
  DEBUG: 'debug',
  INFO: 'debug',
  WARN: 'warn',
  ERROR: 'error',
};

/**
 * What the SDK says again and again: at every poll while Temporal does not answer, which the readiness says once; and at every
 * heartbeat of a local activity, which has nobody to send it to.
 */
const repeated = /^(?:gRPC call \w+ retried \d+ times|Activity heartbeat failed\.$)/;

function runtimeOptions(log: Logger, bindAddress?: string): RuntimeOptions {
  return {
    logger: new DefaultLogger('INFO', ({ level, message, meta }) => {
      // On purpose: the task queue of calls to wikis has none.
      if (message.startsWith('No workflows registered')) return;
      const { workflowId, workflowType, activityType, attempt, taskQueue, sdkComponent } = meta ?? {};
      log[repeated.test(message) ? 'debug' : levels[level]](
        { workflowId, workflowType, activityType, attempt, taskQueue, sdkComponent },
        message,
      );
    }),
    telemetryOptions: {
      logging: { filter: { core: 'WARN', other: 'ERROR' }, forward: {} },
      ...(bindAddress === undefined
        ? {}
        : {
            metrics: {
              prometheus: {
                bindAddress,
                countersTotalSuffix: true,
                unitSuffix: true,
                useSecondsForDurations: true,
              },
            },
          }),
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

async function scrape(port: number): Promise<string> {
  const signal = AbortSignal.timeout(ANSWER_WITHIN_MS);
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`, { signal });
  if (!answer.ok) throw new Error(`the SDK answered ${answer.status} for its metrics`);
  return answer.text();
}
