import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { defineSearchAttributeKey } from '@temporalio/common';
import { describe, expect, onTestFinished, test } from 'vitest';
import { registrarHome } from '../../stack/home.ts';
import { anyFreePort } from '../../stack/ports.ts';
import { findProcess } from '../../stack/processes.ts';
import { findTemporal } from '../../stack/temporal-binary.ts';
import { startTemporal, type RunningTemporal, type TemporalOptions } from '../../stack/temporal-server.ts';
import { temporaryFolder } from '../support/folder.ts';
import { occupyPort } from '../support/port.ts';
import { startScript } from '../support/script.ts';
import { waitFor } from '../support/wait.ts';

describe('startTemporal', () => {
  test('finds its workflows and search attributes again after kill -9, on the same address', async () => {
    const directory = temporaryFolder();
    const first = await start(directory, { port: await anyFreePort() });
    await withClient(first, (client) =>
      client.workflow.start('retireUser', {
        taskQueue: 'nobody-listens',
        workflowId: 'retirement-42',
        typedSearchAttributes: [{ key: defineSearchAttributeKey('CourseId', 'INT'), value: 7 }],
      }),
    );
    process.kill(first.pid, 'SIGKILL');
    await first.stop();

    const second = await start(directory);
    expect(second.address).toBe(first.address);
    await withClient(second, async (client) => {
      const { status } = await client.workflow.getHandle('retirement-42').describe();
      expect(status.name).toBe('RUNNING');
      await waitFor(async () => (await client.workflow.count('CourseId = 7')).count === 1, {
        what: 'it to be listed',
      });
    });
    expect(statSync(path.join(directory, 'temporal.db')).size).toBeGreaterThan(0);
  });

  test('stops the server that a killed process left behind and starts its own', async () => {
    const directory = temporaryFolder();
    const owner = startScript(new URL('./hold-temporal.ts', import.meta.url), [await binary(), directory]);
    const left = JSON.parse(await owner.line()) as { readonly pid: number; readonly address: string };
    await owner.kill('SIGKILL');
    expect(findProcess(left.pid)).toBeDefined();

    const temporal = await start(directory);
    expect(findProcess(left.pid)).toBeUndefined();
    expect(temporal.address).toBe(left.address);
  });

  test('leaves a process alone that has the pid of a server long gone', async () => {
    const directory = temporaryFolder();
    const other = spawn('sleep', ['600'], { stdio: 'ignore', detached: true });
    onTestFinished(() => void other.kill());
    writeFileSync(path.join(directory, 'server.pid'), `${other.pid}@1`);
    await start(directory, { inMemory: true });
    expect(other.exitCode ?? other.signalCode).toBeNull();
  });

  test('takes other ports where the wished ones are taken, and serves its UI', async () => {
    const [port, uiPort] = [await occupyPort(), await occupyPort()];
    const temporal = await start(temporaryFolder(), { inMemory: true, headless: false, port, uiPort });
    expect(temporal.address).not.toBe(`127.0.0.1:${port}`);
    expect(temporal.uiUrl).not.toBe(`http://127.0.0.1:${uiPort}`);
    const page = await waitFor(() => fetch(temporal.uiUrl ?? ''), { what: 'the UI to answer' });
    expect(page.status).toBe(200);
  });

  test('refuses a folder that a living process uses, and names it', async () => {
    const directory = temporaryFolder();
    await start(directory, { inMemory: true });
    await expect(start(directory, { inMemory: true })).rejects.toThrow(`in use by process ${process.pid}`);
  });

  test('shows the end of the log when the server does not start', async () => {
    const folder = temporaryFolder();
    const broken = path.join(folder, 'temporal');
    writeFileSync(broken, '#!/bin/sh\necho the database is from the future >&2\nexit 3\n');
    chmodSync(broken, 0o755);
    mkdirSync(path.join(folder, 'data'));
    const starting = start(path.join(folder, 'data'), { binary: broken });
    await expect(starting).rejects.toThrow(
      /did not start.*the database is from the future.*it ended with 3/s,
    );
  });
});

async function start(directory: string, options: Partial<TemporalOptions> = {}): Promise<RunningTemporal> {
  const defaults = { binary: options.binary ?? (await binary()), headless: true, log: () => undefined };
  const temporal = await startTemporal({ directory, ...defaults, ...options });
  onTestFinished(() => temporal.stop());
  return temporal;
}

async function binary(): Promise<string> {
  const cacheDirectories = registrarHome(process.env).binaries;
  return (await findTemporal({ env: process.env, cacheDirectories, log: () => undefined })).path;
}

async function withClient<Result>(
  temporal: RunningTemporal,
  work: (client: Client) => Promise<Result>,
): Promise<Result> {
  const connection = await Connection.connect({ address: temporal.address });
  try {
    return await work(new Client({ connection }));
  } finally {
    await connection.close();
  }
}
