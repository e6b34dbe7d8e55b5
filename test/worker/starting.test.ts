import { expect, inject, onTestFinished, test } from 'vitest';
import { migrate } from '../../db/migrate.ts';
import { anyFreePort } from '../../stack/ports.ts';
import { startTemporal } from '../../stack/temporal-server.ts';
import { createDatabase, createMigratedDatabase } from '../support/database.ts';
import { temporaryFolder } from '../support/folder.ts';
import { temporalBinary } from '../support/own-temporal.ts';
import type { WorkerSurroundings } from '../support/spawned-process.ts';
import { createNamespace } from '../support/temporal.ts';
import { waitFor } from '../support/wait.ts';
import { startServedWorker, type ServedWorker } from './served-worker.ts';

async function startWorker(options: Partial<WorkerSurroundings>): Promise<ServedWorker> {
  const worker = await startServedWorker({
    databaseUrl: inject('adminDatabaseUrl'),
    temporalAddress: inject('temporalAddress'),
    namespace: 'default',
    configurationPath: 'registrar.example.yml',
    ...options,
  });
  onTestFinished(async () => {
    worker.signal('SIGKILL');
    await worker.ended();
  });
  return worker;
}

async function waitsForTemporal(worker: ServedWorker, port: number): Promise<void> {
  await waitFor(
    async () => {
      const { status, text } = await worker.ask('/readyz');
      const reason = `cannot reach Temporal at 127.0.0.1:${port} (ECONNREFUSED): `;
      return status === 503 && text.startsWith(`starting\n${reason}`);
    },
    { what: 'the worker to say what it waits for' },
  );
  expect((await worker.ask('/livez')).status).toBe(200);
}

function saidOfTemporal(worker: ServedWorker): readonly string[] {
  return worker
    .log()
    .map(({ msg }) => msg)
    .filter((msg) => msg.startsWith('Temporal '));
}

test(
  'a worker that starts before Temporal waits for it, says so once, and then takes up its work',
  { timeout: 120_000 },
  async () => {
    const port = await anyFreePort();
    const database = await createMigratedDatabase();
    onTestFinished(() => database.drop());
    const worker = await startWorker({ databaseUrl: database.url, temporalAddress: `127.0.0.1:${port}` });
    await waitsForTemporal(worker, port);
    expect(saidOfTemporal(worker)).toEqual(['Temporal does not answer']);

    const binary = await temporalBinary();
    const log = (): void => undefined;
    const server = await startTemporal({
      binary,
      directory: temporaryFolder(),
      port,
      inMemory: true,
      headless: true,
      log,
    });
    onTestFinished(() => server.stop());
    await worker.ready();
    expect(saidOfTemporal(worker).at(-1)).toBe('Temporal answers again');
  },
);

test.each(['SIGTERM', 'SIGINT'] as const)('%s ends a worker that waits for Temporal', async (signal) => {
  const port = await anyFreePort();
  const worker = await startWorker({ temporalAddress: `127.0.0.1:${port}` });
  await waitsForTemporal(worker, port);
  worker.signal(signal);
  expect(await worker.ended()).toBe(0);
});

test('a worker that starts before `registrar setup` waits for it, and then takes up its work', async () => {
  const [database, temporal] = await Promise.all([createDatabase(), createNamespace()]);
  const worker = await startWorker({ databaseUrl: database.url, namespace: temporal.namespace });
  onTestFinished(async () => {
    worker.signal('SIGKILL');
    await worker.ended();
    await Promise.all([database.drop(), temporal.close()]);
  });
  await waitFor(
    async () =>
      /^the database lacks 0001_\S+, .+: run `registrar setup`$/m.test((await worker.ask('/readyz')).text),
    { what: 'the worker to say what it waits for' },
  );
  await migrate(database.url);
  await worker.ready();
});

test('a worker whose namespace is missing waits for it, and says how to make it', async () => {
  const worker = await startWorker({ namespace: 'nowhere' });
  await waitFor(
    async () =>
      (await worker.ask('/readyz')).text.includes(
        'Temporal has no namespace nowhere: create it (`temporal operator namespace create -n nowhere`)',
      ),
    { what: 'the worker to say what it waits for' },
  );
});

test.each([
  ['REGISTRAR_LOG_LEVEL', 'loud', 'REGISTRAR_LOG_LEVEL is loud; it must be one of: trace, debug'],
  ['TEMPORAL_ADDRESS', 'localhost:99999', 'TEMPORAL_ADDRESS is no address of a Temporal server'],
])('ends at once when %s is %s', async (name, value, message) => {
  await expect(startWorker({ env: { [name]: value } })).rejects.toThrow(message);
});

test('a worker without a valid configuration says so and what is wrong', async () => {
  const port = await anyFreePort();
  const worker = await startWorker({
    temporalAddress: `127.0.0.1:${port}`,
    configurationPath: '/nonexistent/registrar.yml',
  });
  const line = await waitFor(
    () => worker.log().find(({ msg }) => msg.startsWith('the configuration is not valid')),
    { what: 'the log to say so' },
  );
  expect(JSON.stringify(line)).toContain('cannot read /nonexistent/registrar.yml');
});

test('works only for the task queues that it is given', async () => {
  const [database, temporal] = await Promise.all([createMigratedDatabase(), createNamespace()]);
  const worker = await startWorker({
    databaseUrl: database.url,
    namespace: temporal.namespace,
    env: { TEST_TASK_QUEUES: 'timeslices,wiki' },
  });
  onTestFinished(async () => {
    worker.signal('SIGKILL');
    await worker.ended();
    await Promise.all([database.drop(), temporal.close()]);
  });
  await worker.ready();
  const polled = await Promise.all(
    ['retirement', 'timeslices', 'wiki'].map(async (name) => {
      const { pollers } = await temporal.connection.workflowService.describeTaskQueue({
        namespace: temporal.namespace,
        taskQueue: { name },
        taskQueueType: 2,
      });
      return pollers?.length;
    }),
  );
  expect(polled).toEqual([0, 1, 1]);
});

test.each([
  ['TEMPORAL_DEPLOYMENT_NAME', 'TEMPORAL_WORKER_BUILD_ID'],
  ['TEMPORAL_WORKER_BUILD_ID', 'TEMPORAL_DEPLOYMENT_NAME'],
])('refuses %s without %s', async (given, missing) => {
  await expect(startWorker({ env: { [given]: '0.2.0' } })).rejects.toThrow(
    `${missing} is not set: worker versioning needs both, or unset the other one too`,
  );
});
