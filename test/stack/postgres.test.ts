import { spawn } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import { databaseAccount } from '../../stack/account.ts';
import { startPostgres, type PostgresOptions, type RunningPostgres } from '../../stack/postgres.ts';
import { anyFreePort } from '../../stack/ports.ts';
import { findProcess } from '../../stack/processes.ts';
import { temporaryFolder } from '../support/folder.ts';
import { occupyPort } from '../support/port.ts';
import { startScript } from '../support/script.ts';
import { waitFor } from '../support/wait.ts';

describe('startPostgres', () => {
  test('finds its data, port and password again after a clean stop', async () => {
    const directory = path.join(temporaryFolder(), 'postgres');
    const first = await start(directory, { port: await anyFreePort() });
    await query(first, 'create table kept as select 42 as answer');
    await first.stop();
    const second = await start(directory);
    expect(await query(second, 'select answer from kept')).toEqual([{ answer: 42 }]);
    expect(second.url('registrar')).toBe(first.url('registrar'));
  });

  test('listens on the loopback address only, and only for who knows the password in its folder', async () => {
    const directory = path.join(temporaryFolder(), 'postgres');
    const postgres = await start(directory);
    expect(await query(postgres, 'show listen_addresses')).toEqual([{ listen_addresses: '127.0.0.1' }]);
    expect(statSync(path.join(directory, 'password')).mode & 0o777).toBe(0o600);
    const url = new URL(postgres.url('registrar'));
    url.password = 'wrong';
    await expect(new pg.Client({ connectionString: url.href }).connect()).rejects.toThrow(
      'password authentication failed',
    );
  });

  test('finds what was committed after kill -9, and waits for a backend that is still busy', async () => {
    const directory = path.join(temporaryFolder(), 'postgres');
    const first = await start(directory, { fast: false });
    await query(first, 'create table kept as select 42 as answer');
    const busy = new pg.Client({ connectionString: first.url('registrar') });
    busy.on('error', () => undefined);
    await busy.connect();
    const backend = await busy.query<{ pid: number }>('select pg_backend_pid() as pid');
    const statement = busy.query('select count(*) from generate_series(1, 12000000)').catch(() => undefined);
    await waitFor(() => isActive(first, backend.rows[0]?.pid ?? 0), { what: 'the statement to run' });
    process.kill(first.pid, 'SIGKILL');
    await first.stop();
    expect(findProcess(backend.rows[0]?.pid ?? 0)).toBeDefined();

    const second = await start(directory);
    expect(await query(second, 'select answer from kept')).toEqual([{ answer: 42 }]);
    await statement;
  });

  test('stops the server that a killed process left behind and starts its own', async () => {
    const directory = path.join(temporaryFolder(), 'postgres');
    const owner = startScript(new URL('./hold-postgres.ts', import.meta.url), [directory]);
    const left = JSON.parse(await owner.line()) as { readonly pid: number; readonly port: number };
    await owner.kill('SIGKILL');
    expect(findProcess(left.pid)).toBeDefined();

    const postgres = await start(directory);
    expect(findProcess(left.pid)).toBeUndefined();
    expect(postgres.port).toBe(left.port);
    expect(await query(postgres, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  test('is not barred by a process that has the pid of a killed server, and leaves that process alone', async () => {
    const directory = path.join(temporaryFolder(), 'postgres');
    const first = await start(directory);
    process.kill(first.pid, 'SIGKILL');
    await first.stop();
    const other = spawn('sleep', ['600'], { ...databaseAccount(), cwd: '/', stdio: 'ignore' });
    onTestFinished(() => void other.kill());
    const pidFile = path.join(directory, 'data', 'postmaster.pid');
    writeFileSync(pidFile, readFileSync(pidFile, 'utf8').replace(/^\d+/, String(other.pid)));

    const second = await start(directory);
    expect(await query(second, 'select 1 as one')).toEqual([{ one: 1 }]);
    expect(other.exitCode ?? other.signalCode).toBeNull();
  });

  test('refuses a folder that a living process uses, and names it', async () => {
    const directory = path.join(temporaryFolder(), 'postgres');
    const first = await start(directory);
    await expect(start(directory)).rejects.toThrow(`in use by process ${process.pid}`);
    expect(await query(first, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  test('takes another port where the wished one is taken, and asks for it again next time', async () => {
    const directory = path.join(temporaryFolder(), 'postgres');
    const taken = await occupyPort();
    const first = await start(directory, { port: taken });
    expect(first.port).not.toBe(taken);
    await first.stop();
    const second = await start(directory, { port: taken });
    expect(second.port).toBe(first.port);
  });

  test.runIf(process.getuid?.() === 0)('as root, works in a home that only root may enter', async () => {
    const closed = path.join(temporaryFolder(), 'closed');
    mkdirSync(closed);
    chmodSync(closed, 0o700);
    const directory = path.join(closed, 'postgres');
    const first = await start(directory);
    onTestFinished(() => {
      rmSync(realpathSync(directory), { recursive: true });
    });
    await query(first, 'create table kept as select 42 as answer');
    await first.stop();
    expect(lstatSync(directory).isSymbolicLink()).toBe(true);
    const second = await start(directory);
    expect(await query(second, 'select answer from kept')).toEqual([{ answer: 42 }]);
    await second.stop();
  });

  test('shows the end of the log when the server does not start', async () => {
    const directory = path.join(temporaryFolder(), 'postgres');
    const first = await start(directory);
    await first.stop();
    rmSync(path.join(directory, 'data', 'global', 'pg_control'));
    await expect(start(directory)).rejects.toThrow(/did not start .*pg_control/s);
  });
});

async function start(directory: string, options: Partial<PostgresOptions> = {}): Promise<RunningPostgres> {
  const postgres = await startPostgres({ directory, fast: true, log: () => undefined, ...options });
  onTestFinished(() => postgres.stop());
  return postgres;
}

async function query(postgres: RunningPostgres, statement: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: postgres.url('registrar') });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(statement)).rows;
  } finally {
    await client.end();
  }
}

async function isActive(postgres: RunningPostgres, pid: number): Promise<boolean> {
  const statement = `select 1 from pg_stat_activity where pid = ${pid} and state = 'active'`;
  return (await query(postgres, statement)).length > 0;
}
