import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { showElapsed, type ProgressOutput } from './elapsed.ts';
import { isLock, tryLock, type Lock } from './lock.ts';
import { BUILT_VERSION, buildTemporal, downloadTemporal } from './temporal-install.ts';
import type { Environment, InstallOptions } from './temporal-install.ts';

export interface FindTemporalOptions {
  /** `PATH` and what proxies and Go need. */
  readonly env: Environment;
  /** Searched in order; what is downloaded or built goes into the last, which several homes may share. */
  readonly cacheDirectories: readonly [string, ...string[]];
  readonly log: (line: string) => void;
  /** Default: standard error. */
  readonly output?: ProgressOutput;
}

export interface FoundTemporal {
  readonly path: string;
  /** Where it came from, for people: `PATH`, `cache`, `download`, `go install …`. */
  readonly origin: string;
}

/**
 * The `temporal` command: the first that runs of the `PATH`, the cache directories, a download, and a build with Go.
 * Throws one line that says what to do when none does.
 */
export async function findTemporal(options: FindTemporalOptions): Promise<FoundTemporal> {
  const onPath = findOnPath(options.env);
  if (onPath) return { path: onPath, origin: 'PATH' };
  const cached = findCached(options);
  if (cached) return cached;

  const folder = options.cacheDirectories.at(-1) ?? options.cacheDirectories[0];
  mkdirSync(folder, { recursive: true });
  const output = options.output ?? process.stderr;
  const lock = await waitForLock(path.join(folder, 'temporal.lock'), output);
  try {
    // Whoever had the lock before may have brought it.
    return (
      findCached(options) ?? (await install({ env: options.env, folder, output, log: options.log }, options))
    );
  } finally {
    lock.release();
  }
}

async function install(how: InstallOptions, options: FindTemporalOptions): Promise<FoundTemporal> {
  const binary = path.join(how.folder, 'temporal');
  const troubles: string[] = [];
  const ways = [
    { origin: 'download', get: downloadTemporal },
    { origin: `go install (${BUILT_VERSION})`, get: buildTemporal },
  ] as const;
  for (const { origin, get } of ways) {
    try {
      await get(how);
      if (runs(binary)) return { path: binary, origin };
      troubles.push(`${origin}: it does not run here`);
    } catch (error) {
      troubles.push(`${origin}: ${reason(error)}`);
    }
  }
  const places = ['the PATH', ...options.cacheDirectories].join(', ');
  throw new Error(
    `no Temporal server: no "temporal" that runs in ${places}; ${troubles.join('; ')}. ` +
      'Put the Temporal CLI on the PATH (https://docs.temporal.io/cli) or set TEMPORAL_ADDRESS to a running server.',
  );
}

/** The innermost message on one line: `fetch failed` alone says nothing. */
function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause !== undefined) return reason(error.cause);
  return (error.message || error.name).replaceAll(/\s+/g, ' ');
}

function findOnPath(env: Environment): string | undefined {
  const folders = (env['PATH'] ?? '').split(path.delimiter).filter((folder) => path.isAbsolute(folder));
  return folders.map((folder) => path.join(folder, 'temporal')).find(runs);
}

function findCached({ cacheDirectories }: FindTemporalOptions): FoundTemporal | undefined {
  const binary = cacheDirectories.map((folder) => path.resolve(folder, 'temporal')).find(runs);
  return binary === undefined ? undefined : { path: binary, origin: 'cache' };
}

function runs(binary: string): boolean {
  return spawnSync(binary, ['--version'], { stdio: 'ignore', timeout: 20_000 }).status === 0;
}

async function waitForLock(file: string, output: ProgressOutput): Promise<Lock> {
  const first = tryLock(file);
  if (isLock(first)) return first;
  return showElapsed(
    output,
    `waiting for process ${first.pid}, which fetches the Temporal server`,
    async () => {
      for (;;) {
        const lock = tryLock(file);
        if (isLock(lock)) return lock;
        await delay(250);
      }
    },
  );
}
