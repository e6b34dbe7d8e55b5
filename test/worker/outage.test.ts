import path from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { expect, onTestFinished, test } from 'vitest';
import { migrate } from '../../db/migrate.ts';
import { anyFreePort } from '../../stack/ports.ts';
import { startPostgres, type RunningPostgres } from '../../stack/postgres.ts';
import { startTemporal, type RunningTemporal } from '../../stack/temporal-server.ts';
import { temporaryFolder } from '../support/folder.ts';
import { temporalBinary } from '../support/own-temporal.ts';
import { setRetirementStage } from '../support/retirement.ts';
import { waitFor } from '../support/wait.ts';
import { startServedWorker, type ServedWorker } from './served-worker.ts';

/** Servers that may be killed and come back with what they held, at the same ports. */
async function startServers(): Promise<{
  readonly postgres: () => Promise<RunningPostgres>;
  readonly temporal: () => Promise<RunningTemporal>;
}> {
  const folder = temporaryFolder();
  const [postgresPort, temporalPort, binary] = [
    await anyFreePort(),
    await anyFreePort(),
    await temporalBinary(),
  ];
  const log = (): void => undefined;
  return {
    postgres: async () => {
      const directory = path.join(folder, 'postgres');
      const server = await startPostgres({ directory, port: postgresPort, fast: true, log });
      onTestFinished(() => server.stop());
      return server;
    },
    temporal: async () => {
      const directory = path.join(folder, 'temporal');
      const server = await startTemporal({ binary, directory, port: temporalPort, headless: true, log });
      onTestFinished(() => server.stop());
      return server;
    },
  };
}

async function unready(worker: ServedWorker, reason: string): Promise<void> {
  await waitFor(
    async () => {
      const { status, text } = await worker.ask('/readyz');
      return status === 503 && text.includes(reason);
    },
    { what: `the worker to say that ${reason}`, timeoutMs: 60_000 },
  );
  expect((await worker.ask('/livez')).status).toBe(200);
}

test(
  'a worker whose database and then Temporal server are killed says so once, and goes on when they are back',
  { timeout: 300_000 },
  async () => {
    const servers = await startServers();
    const postgres = await servers.postgres();
    const temporal = await servers.temporal();
    const url = postgres.url('registrar');
    await migrate(url);
    const connection = await Connection.connect({ address: temporal.address });
    onTestFinished(() => connection.close());
    const namespace = {
      address: temporal.address,
      namespace: 'default',
      client: new Client({ connection }),
      connection,
      close: () => Promise.resolve(),
    };
    const stage = await setRetirementStage(
      { registrar: { retry_budget: '5m' } },
      { temporal: namespace, database: { url, drop: () => Promise.resolve() } },
    );
    onTestFinished(() => stage.close());
    const worker = await startServedWorker({
      databaseUrl: url,
      temporalAddress: temporal.address,
      namespace: 'default',
      configurationPath: stage.configurationPath,
    });
    onTestFinished(async () => {
      worker.signal('SIGKILL');
      await worker.ended();
    });
    await worker.ready();
    const lines = (text: string): number => worker.log().filter(({ msg }) => msg === text).length;

    const [learner] = await stage.ask([{ username: 'patient' }]);
    if (learner === undefined) throw new Error('the sandbox created nobody');
    await stage.fault({ path: '/api/discussion', username: learner.username, delay_ms: 6_000, times: 1 });
    await stage.collect();
    await waitFor(async () => (await stage.row(learner.user_id)).currentState === 'RETIRING_FORUMS', {
      what: 'the slow stage to be under way',
    });

    process.kill(postgres.pid, 'SIGKILL');
    await postgres.stop();
    await unready(worker, 'the database does not answer');
    // Metrics are served all the same, without what only the database knows.
    expect((await worker.ask('/metrics')).status).toBe(200);
    await servers.postgres();
    await worker.ready();
    await waitFor(() => lines('the database answers again') === 1, { what: 'the log to say so' });

    process.kill(temporal.pid, 'SIGKILL');
    await temporal.stop();
    await unready(worker, 'Temporal does not answer');
    await servers.temporal();
    await worker.ready();

    expect(await stage.workflow(learner.user_id).result()).toMatchObject({ outcome: 'COMPLETE' });
    expect(worker.isRunning()).toBe(true);
    for (const text of [
      'the database does not answer',
      'the database answers again',
      'Temporal does not answer',
      'Temporal answers again',
    ]) {
      expect([text, lines(text)]).toEqual([text, 1]);
    }
    // What the libraries say meanwhile is no flood either.
    const counts = new Map<string, number>();
    for (const { level, msg } of worker.log()) {
      const said = msg.replaceAll(/\d+/g, 'N');
      if (level >= 40) counts.set(said, (counts.get(said) ?? 0) + 1);
    }
    expect([...counts].filter(([, count]) => count > 10)).toEqual([]);
  },
);
