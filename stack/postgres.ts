import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { databaseAccount, type Account } from './account.ts';
import { isLock, tryLock, type Lock } from './lock.ts';
import { anyFreePort, choosePort, rememberedPort, rememberPort } from './ports.ts';
import { findPostgresBinaries } from './postgres-binaries.ts';
import { DATABASE_ROLE, prepareCluster, preparePlace } from './postgres-place.ts';
import { findProcess, isNodeError, signalProcess, stopProcess } from './processes.ts';
import type { RunningProcess, StopStep } from './processes.ts';
import { closeServerLog, logSince, openServerLog, sizeOf } from './server-log.ts';

export interface PostgresOptions {
  /** Holds the cluster, its password, its log and its last port; made when missing. */
  readonly directory: string;
  /** Asked for before the port of the last start and the usual one. */
  readonly port?: number;
  /** Gives up surviving a crash of the machine for speed: for tests only. */
  readonly fast?: boolean;
  readonly log: (line: string) => void;
}

export interface RunningPostgres {
  url(database: string): string;
  readonly port: number;
  readonly pid: number;
  /** Ends connections, writes everything down and waits for the server's end. May be called twice. */
  stop(): Promise<void>;
}

const USUAL_PORT = 5432;
const MAIN_DATABASE = 'registrar';

/** Backends outlive a killed postmaster until their statement ends, and PostgreSQL does not start before. */
const START_PATIENCE_MS = 20_000;
const READY_WITHIN_MS = 60_000;

/** Fast shutdown, then immediate shutdown (recovery at the next start), then the hard way. */
const STOP_STEPS: readonly StopStep[] = [
  { signal: 'SIGINT', waitMs: 10_000 },
  { signal: 'SIGQUIT', waitMs: 5_000 },
  { signal: 'SIGKILL', waitMs: 5_000 },
];

const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  timezone: 'UTC',
  log_timezone: 'UTC',
  lc_messages: 'C',
  max_connections: '200',
  // Statements here are short and the machine small: compiling them, or sharing one among processes, costs more than it saves.
  jit: 'off',
  max_parallel_workers_per_gather: '0',
  random_page_cost: '1.1',
  work_mem: '16MB',
  // Waits of the log for readers cost nothing here; checkpoints while a course is imported do.
  max_wal_size: '2GB',
  wal_compression: 'pglz',
};

// Commits still reach the system before they are answered: a killed server loses nothing in either mode.
const FAST_SETTINGS: Readonly<Record<string, string>> = {
  fsync: 'off',
  full_page_writes: 'off',
  wal_level: 'minimal',
  max_wal_senders: '0',
};

/**
 * Starts PostgreSQL on the loopback address and answers when it takes connections and has the database `registrar`.
 * A server that a killed process left behind on the same directory is stopped first.
 * Throws when a living process holds the directory, or with the end of the server's log when it does not start.
 */
export async function startPostgres(options: PostgresOptions): Promise<RunningPostgres> {
  const account = databaseAccount();
  const binaries = findPostgresBinaries(account, options.log);
  const folder = preparePlace(options.directory, account, options.log);
  const lock = lockPlace(folder, options.directory);
  try {
    const fast = options.fast ?? false;
    const { data, password } = prepareCluster(folder, account, binaries, fast);
    await stopLeftoverPostgres(folder, options.log);
    disownPid(data);
    const server = { binary: binaries.postgres, account, folder, data, fast };
    const { process: postmaster, port } = await startPatiently(server, options);
    const url = (database: string): string =>
      `postgres://${DATABASE_ROLE}:${password}@127.0.0.1:${port}/${encodeURIComponent(database)}`;
    const stop = stopper(postmaster, lock);
    try {
      await ensureDatabase(url('postgres'), MAIN_DATABASE);
    } catch (error) {
      await stop();
      throw error;
    }
    return { url, port, pid: postmaster.pid, stop };
  } catch (error) {
    lock.release();
    throw error;
  }
}

function lockPlace(folder: string, directory: string): Lock {
  const lock = tryLock(path.join(folder, 'owner'));
  if (isLock(lock)) return lock;
  throw new Error(`the PostgreSQL in ${directory} is in use by process ${lock.pid}; stop that one first`);
}

function stopper(postmaster: RunningProcess, lock: Lock): () => Promise<void> {
  // The server has its own process group, so that Ctrl-C reaches only us: whoever ends must end the server too.
  const onExit = (): void => {
    signalProcess(postmaster.pid, 'SIGINT');
  };
  process.once('exit', onExit);
  return async () => {
    await stopProcess(postmaster, STOP_STEPS);
    process.removeListener('exit', onExit);
    lock.release();
  };
}

/** Stops the server that a killed process left running in this directory, if its pid still is that server. */
export async function stopLeftoverPostgres(directory: string, log: (line: string) => void): Promise<void> {
  const data = path.join(directory, 'data');
  const leftover = findProcess(readPid(data)?.pid ?? 0);
  if (!leftover?.command.includes(data)) return;
  log(`stopping PostgreSQL ${leftover.pid}, left over from a process that was killed`);
  await stopProcess(leftover, STOP_STEPS);
}

/**
 * Keeps a pid that now belongs to something else from barring the start: PostgreSQL takes any process with that number,
 * even a zombie, for its own. Only the number is replaced, by one that no system gives out: the rest of the file tells
 * PostgreSQL which shared memory must be unused before it starts.
 */
function disownPid(data: string): void {
  const recorded = readPid(data);
  if (recorded) writeFileSync(recorded.file, recorded.text.replace(/^\S+/, '99999999'));
}

function readPid(
  data: string,
): { readonly file: string; readonly text: string; readonly pid: number } | undefined {
  const file = path.join(data, 'postmaster.pid');
  try {
    const text = readFileSync(file, 'utf8');
    return { file, text, pid: Number.parseInt(text, 10) };
  } catch (error) {
    if (isNodeError(error, 'ENOENT')) return undefined;
    throw error;
  }
}

interface Server {
  readonly binary: string;
  readonly account: Account;
  readonly folder: string;
  readonly data: string;
  readonly fast: boolean;
}

async function startPatiently(
  server: Server,
  options: PostgresOptions,
): Promise<{ readonly process: RunningProcess; readonly port: number }> {
  const portFile = path.join(server.folder, 'port');
  let port = await choosePort([options.port, rememberedPort(portFile), USUAL_PORT]);
  const deadline = Date.now() + START_PATIENCE_MS;
  for (let waitMs = 100; ; waitMs = Math.min(waitMs * 2, 2_000)) {
    const outcome = await launch(server, port);
    if (outcome.kind === 'ready') {
      rememberPort(portFile, port);
      return { process: outcome.process, port };
    }
    if (Date.now() > deadline || !isPassing(outcome.log)) {
      throw new Error(
        `PostgreSQL did not start in ${options.directory}; the end of its log:\n${outcome.log}`,
      );
    }
    if (isPortTaken(outcome.log)) port = await anyFreePort([port]);
    else options.log('waiting for the processes of a PostgreSQL that was killed');
    await delay(waitMs);
  }
}

function isPortTaken(log: string): boolean {
  return /could not bind|could not create any TCP\/IP sockets/i.test(log);
}

/** True for troubles that another try may not meet. */
function isPassing(log: string): boolean {
  return isPortTaken(log) || /pre-existing shared memory block|lock file .* already exists/i.test(log);
}

type Launch =
  | { readonly kind: 'ready'; readonly process: RunningProcess }
  | { readonly kind: 'failed'; readonly log: string };

async function launch(server: Server, port: number): Promise<Launch> {
  const logFile = path.join(server.folder, 'postgres.log');
  const descriptor = openServerLog(logFile);
  const logStart = sizeOf(logFile);
  const settings = { ...SETTINGS, ...(server.fast ? FAST_SETTINGS : {}), port: String(port) };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const child = spawn(server.binary, ['-D', server.data, ...flags], {
    ...server.account,
    cwd: '/',
    env: { LC_ALL: 'C' },
    detached: true,
    stdio: ['ignore', 'ignore', descriptor],
  });
  closeServerLog(descriptor);
  let ended = false;
  child.once('exit', () => (ended = true));
  child.once('error', () => (ended = true));
  child.unref();

  const deadline = Date.now() + READY_WITHIN_MS;
  while (!ended) {
    const running = child.pid === undefined ? undefined : findProcess(child.pid);
    if (running && isReady(server.data, running.pid)) return { kind: 'ready', process: running };
    if (running && Date.now() > deadline) await stopProcess(running, STOP_STEPS);
    await delay(20);
  }
  return { kind: 'failed', log: logSince(logFile, logStart) };
}

/** The postmaster writes its state into the eighth line of its pid file. */
function isReady(data: string, pid: number): boolean {
  const recorded = readPid(data);
  return recorded?.pid === pid && recorded.text.split('\n')[7]?.trim() === 'ready';
}

async function ensureDatabase(adminUrl: string, name: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1::text', [name]);
    if (rowCount === 0) await client.query(`create database ${client.escapeIdentifier(name)}`);
  } finally {
    await client.end();
  }
}
