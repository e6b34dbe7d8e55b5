import type { NativeConnection, Worker, WorkerInterceptors } from '@temporalio/worker';
import { Gauge, Registry } from 'prom-client';
import type { Logger } from 'pino';
import type { WikiSource } from '../../activities/timeslices/wiki-access.ts';
import type { ConfigurationSource } from '../../config/watch.ts';
import { openDatabase } from '../../db/database.ts';
import { createDatabaseGauges } from './database-gauges.ts';
import { readHttpAddress } from './http-address.ts';
import { startObservabilityServer } from './http-server.ts';
import { keptFor } from './kept.ts';
import { createMetrics } from './metrics.ts';
import { createReadiness, type Readiness } from './readiness.ts';
import { installRuntime } from './sdk-metrics.ts';
import { findLastCollection, lookAtQueues } from './temporal-watch.ts';
import { startTracing } from './tracing.ts';
import { createWatchActivities } from './watch-activities.ts';
import { watchWikis } from './watch-wikis.ts';

export interface ObservationOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly databaseUrl: string;
  readonly configuration: ConfigurationSource;
  readonly log: Logger;
}

export interface Running {
  readonly connection: NativeConnection;
  readonly namespace: string;
  readonly workers: readonly Worker[];
}

/** How the process is watched from outside: metrics, traces, health. */
export interface Observation {
  /** To come before a worker's own, so that they see what those let through. */
  readonly interceptors: Pick<WorkerInterceptors, 'activity' | 'client'>;
  watchWikis(source: WikiSource): WikiSource;
  /** Before the workers can be made. */
  readonly waitsFor: Readiness['waitsFor'];
  /** Once the workers poll. Resolves when their surroundings have been looked at for the first time. */
  watch(running: Running): Promise<void>;
  /** Before the connections are closed. */
  close(): Promise<void>;
}

const COLLECTION_KEPT_FOR_MS = 30_000;
const ANSWER_WITHIN_MS = 5_000;

/**
 * Installs Temporal's runtime and serves what `REGISTRAR_HTTP_ADDRESS` and `OTEL_EXPORTER_OTLP_ENDPOINT` ask for; readiness is
 * looked after in any case, for the log. Throws an Error of one line when the address is none or is taken.
 */
export async function startObservation(options: ObservationOptions): Promise<Observation> {
  const { env, databaseUrl, configuration, log } = options;
  const address = readHttpAddress(env['REGISTRAR_HTTP_ADDRESS']);
  const sdk = await installRuntime(log, { metrics: address !== undefined });
  const metrics = createMetrics();
  const readiness = createReadiness(log, metrics);
  const tracing = startTracing(env);
  // Its own connections: those of the activities may all be in use.
  const database = openDatabase({
    url: databaseUrl,
    maxConnections: 2,
    queryTimeoutMs: ANSWER_WITHIN_MS,
    applicationName: 'registrar worker, health',
  });
  const gauges = createDatabaseGauges(database, configuration);
  let collection: () => Promise<string> = async () => '';

  const server =
    address &&
    (await startObservabilityServer(
      address,
      {
        metrics: async () => {
          const parts = await Promise.all([metrics.text(), gauges.text(), collection(), sdk?.text() ?? '']);
          return parts.map((part) => (part === '' || part.endsWith('\n') ? part : `${part}\n`)).join('');
        },
        notLive: readiness.notLive,
        notReady: readiness.notReady,
      },
      log,
    ));

  return {
    interceptors: {
      activity: [...(tracing?.activity ?? []), () => ({ inbound: createWatchActivities(metrics) })],
      ...(tracing === undefined ? {} : { client: { workflow: [tracing.client] } }),
    },
    watchWikis: (source) => watchWikis(source, metrics),
    waitsFor: readiness.waitsFor,
    watch: async ({ connection, namespace, workers }) => {
      const soon = <Answer>(ask: () => Promise<Answer>): Promise<Answer> =>
        connection.withDeadline(Date.now() + ANSWER_WITHIN_MS, ask);
      collection = keptFor(COLLECTION_KEPT_FOR_MS, async () =>
        renderCollection(await soon(() => findLastCollection(connection, namespace)).catch(() => undefined)),
      );
      await readiness.watch({
        workers,
        askDatabase: () => database.query('select 1'),
        askTemporal: () => soon(() => lookAtQueues(connection, namespace, workers)),
      });
    },
    close: async () => {
      await readiness.stop();
      await Promise.allSettled([server?.close(), tracing?.close(), database.close()]);
    },
  };
}

function renderCollection(seconds: number | undefined): Promise<string> {
  if (seconds === undefined) return Promise.resolve('');
  const registry = new Registry();
  new Gauge({
    name: 'registrar_last_collection_timestamp_seconds',
    help: 'When the last collection of the queue ended well; absent while Temporal keeps none',
    registers: [registry],
  }).set(seconds);
  return registry.metrics();
}
