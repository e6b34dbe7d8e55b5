import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { isLock, tryLock, type Lock } from './lock.ts';
import { anyFreePort, choosePort, rememberedPort, rememberPort } from './ports.ts';
import { findProcess, isNodeError, signalProcess, stopProcess } from './processes.ts';
import type { RunningProcess, StopStep } from './processes.ts';
import { closeServerLog, logSince, openServerLog, sizeOf } from './server-log.ts';
import { DYNAMIC_CONFIG, SEARCH_ATTRIBUTES, SQLITE_PRAGMAS } from './temporal-settings.ts';
import type { SearchAttributeTypeName } from './temporal-settings.ts';

export interface TemporalOptions {
  /** The `temporal` command. */
  readonly binary: string;
  /** Holds the database file, the log and the last ports; made when missing. */
  readonly directory: string;
  /** Forgets everything at its end: for tests. */
  readonly inMemory?: boolean;
  /** Asked for before the port of the last start and the usual one. */
  readonly port?: number;
  readonly uiPort?: number;
  /** Without the UI. */
  readonly headless?: boolean;
  /** Beside `default`. */
  readonly namespaces?: readonly string[];
  /** Default: those of this product. */
  readonly searchAttributes?: Readonly<Record<string, SearchAttributeTypeName>>;
  /** Added to, and stronger than, the product's own; values are sent as JSON. */
  readonly dynamicConfig?: Readonly<Record<string, unknown>>;
  readonly log: (line: string) => void;
}

export interface RunningTemporal {
  /** `127.0.0.1:7233`. */
  readonly address: string;
  /** Absent without the UI. */
  readonly uiUrl?: string;
  readonly pid: number;
  /** Ends the server and waits for its end. May be called twice. */
  stop(): Promise<void>;
}

const USUAL_PORT = 7233;
const USUAL_UI_PORT = 8233;
const READY_WITHIN_MS = 60_000;
const START_TRIES = 5;

const GENTLY: readonly StopStep[] = [
  { signal: 'SIGTERM', waitMs: 10_000 },
  { signal: 'SIGKILL', waitMs: 5_000 },
];
/** What is only in memory needs no good-bye, which takes the server more than a second. */
const AT_ONCE: readonly StopStep[] = [{ signal: 'SIGKILL', waitMs: 5_000 }];

/**
 * Starts Temporal's development server on the loopback address and answers when its namespaces take requests.
 * A server that a killed process left behind on the same directory is stopped first.
 * Throws when a living process holds the directory, or with the end of the server's log when it does not start.
 */
export async function startTemporal(options: TemporalOptions): Promise<RunningTemporal> {
  mkdirSync(options.directory, { recursive: true });
  const lock = tryLock(path.join(options.directory, 'owner'));
  if (!isLock(lock)) {
    throw new Error(
      `the Temporal server in ${options.directory} is in use by process ${lock.pid}; stop that one first`,
    );
  }
  try {
    await stopLeftoverTemporal(options.directory, options.log);
    return await startPatiently(options, lock);
  } catch (error) {
    lock.release();
    throw error;
  }
}

interface Ports {
  readonly port: number;
  readonly uiPort: number | undefined;
}

async function startPatiently(options: TemporalOptions, lock: Lock): Promise<RunningTemporal> {
  let ports = await choosePorts(options);
  for (let tries = 1; ; tries += 1) {
    const outcome = await launch(options, ports);
    if (outcome.kind === 'ready') {
      remember(options, ports);
      const { port, uiPort } = ports;
      const stop = stopper(outcome.process, options, lock);
      const uiUrl = uiPort === undefined ? {} : { uiUrl: `http://127.0.0.1:${uiPort}` };
      return { address: `127.0.0.1:${port}`, ...uiUrl, pid: outcome.process.pid, stop };
    }
    // The server takes four more ports for itself, and any of the six may be gone by the time it binds it.
    if (tries >= START_TRIES || !/address already in use|can't set port/i.test(outcome.log)) {
      throw new Error(`the Temporal server did not start; the end of ${logFile(options)}:\n${outcome.log}`);
    }
    const port = await anyFreePort([ports.port]);
    ports = { port, uiPort: options.headless ? undefined : await anyFreePort([port, ports.uiPort ?? 0]) };
  }
}

async function choosePorts(options: TemporalOptions): Promise<Ports> {
  const port = await choosePort([options.port, rememberedPort(portFile(options)), USUAL_PORT]);
  if (options.headless) return { port, uiPort: undefined };
  const wished = [options.uiPort, rememberedPort(uiPortFile(options)), USUAL_UI_PORT];
  return { port, uiPort: await choosePort(wished.filter((wish) => wish !== port)) };
}

function remember(options: TemporalOptions, { port, uiPort }: Ports): void {
  rememberPort(portFile(options), port);
  if (uiPort !== undefined) rememberPort(uiPortFile(options), uiPort);
}

const portFile = ({ directory }: Pick<TemporalOptions, 'directory'>): string => path.join(directory, 'port');
const uiPortFile = ({ directory }: Pick<TemporalOptions, 'directory'>): string =>
  path.join(directory, 'ui-port');
const pidFile = ({ directory }: Pick<TemporalOptions, 'directory'>): string =>
  path.join(directory, 'server.pid');
const logFile = ({ directory }: Pick<TemporalOptions, 'directory'>): string =>
  path.join(directory, 'temporal.log');

function stopper(server: RunningProcess, options: TemporalOptions, lock: Lock): () => Promise<void> {
  // The server has its own process group, so that Ctrl-C reaches only us: whoever ends must end the server too.
  const onExit = (): void => {
    signalProcess(-server.pid, options.inMemory ? 'SIGKILL' : 'SIGTERM');
  };
  process.once('exit', onExit);
  return async () => {
    await stopProcess(server, options.inMemory ? AT_ONCE : GENTLY, { group: true });
    process.removeListener('exit', onExit);
    rmSync(pidFile(options), { force: true });
    lock.release();
  };
}

/** Stops the server that a killed process left running in this directory, if its pid still is that server. */
export async function stopLeftoverTemporal(directory: string, log: (line: string) => void): Promise<void> {
  const identity = readIdentity(pidFile({ directory }));
  const leftover = identity === undefined ? undefined : findProcess(Number.parseInt(identity, 10));
  if (leftover === undefined || leftover.identity !== identity) return;
  log(`stopping the Temporal server ${leftover.pid}, left over from a process that was killed`);
  await stopProcess(leftover, GENTLY, { group: true });
}

function readIdentity(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    if (isNodeError(error, 'ENOENT')) return undefined;
    throw error;
  }
}

type Launch =
  | { readonly kind: 'ready'; readonly process: RunningProcess }
  | { readonly kind: 'failed'; readonly log: string };

async function launch(options: TemporalOptions, ports: Ports): Promise<Launch> {
  const file = logFile(options);
  const descriptor = openServerLog(file);
  const logStart = sizeOf(file);
  const child = spawn(options.binary, serverArguments(options, ports), {
    cwd: options.directory,
    // Its own home: the settings that people keep for their other servers are not for this one.
    env: { HOME: options.directory, PATH: '/usr/local/bin:/usr/bin:/bin' },
    detached: true,
    stdio: ['ignore', descriptor, descriptor],
  });
  closeServerLog(descriptor);
  let trouble: string | undefined;
  child.once('exit', (code, signal) => (trouble ??= `it ended with ${code ?? signal ?? 'an error'}`));
  child.once('error', (error) => (trouble ??= error.message));
  child.unref();
  const server = child.pid === undefined ? undefined : findProcess(child.pid);
  if (server) writeFileSync(pidFile(options), server.identity);

  const deadline = Date.now() + READY_WITHIN_MS;
  let lastAnswer = '';
  while (trouble === undefined && Date.now() < deadline) {
    const answer = await unready(options, ports.port);
    if (answer === undefined && server) return { kind: 'ready', process: server };
    lastAnswer = answer ?? lastAnswer;
    await delay(50);
  }
  if (server) await stopProcess(server, AT_ONCE, { group: true });
  return { kind: 'failed', log: `${logSince(file, logStart)}\n${trouble ?? lastAnswer}`.trim() };
}

function serverArguments(options: TemporalOptions, { port, uiPort }: Ports): string[] {
  const dynamicConfig = { ...DYNAMIC_CONFIG, ...options.dynamicConfig };
  const storage = options.inMemory ? [] : ['--db-filename', path.join(options.directory, 'temporal.db')];
  const pragmas = options.inMemory ? [] : SQLITE_PRAGMAS.flatMap((pragma) => ['--sqlite-pragma', pragma]);
  return [
    ...['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(port), '--log-level', 'error'],
    ...(uiPort === undefined ? ['--headless'] : ['--ui-ip', '127.0.0.1', '--ui-port', String(uiPort)]),
    ...storage,
    ...pragmas,
    ...(options.namespaces ?? []).flatMap((name) => ['--namespace', name]),
    ...Object.entries(searchAttributes(options)).flatMap(([name, type]) => [
      '--search-attribute',
      `${name}=${type}`,
    ]),
    ...Object.entries(dynamicConfig).flatMap(([key, value]) => [
      '--dynamic-config-value',
      `${key}=${JSON.stringify(value)}`,
    ]),
  ];
}

function searchAttributes(options: TemporalOptions): Readonly<Record<string, SearchAttributeTypeName>> {
  return options.searchAttributes ?? SEARCH_ATTRIBUTES;
}

/** Why the server cannot be used yet; undefined once every namespace knows every search attribute. */
async function unready(options: TemporalOptions, port: number): Promise<string | undefined> {
  let connection: Connection | undefined;
  try {
    connection = await Connection.connect({ address: `127.0.0.1:${port}`, connectTimeout: 2_000 });
    for (const namespace of ['default', ...(options.namespaces ?? [])]) {
      const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
      const missing = Object.keys(searchAttributes(options)).filter(
        (name) => !(name in (customAttributes ?? {})),
      );
      if (missing.length > 0) return `namespace ${namespace} does not know ${missing.join(', ')} yet`;
    }
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    await connection?.close();
  }
}
