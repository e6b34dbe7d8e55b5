import { closeSync, openSync } from 'node:fs';
import type { ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { findProcess } from '../../stack/processes.ts';
import { forkProcess, stopProcess } from '../processes.ts';
import type { Journal } from './journal.ts';
import type { Victim } from './step.ts';

/** A process that is killed and comes back. */
export interface KillableProcess {
  readonly name: Victim;
  /** SIGKILL, and a start after `downMs`; false when it was down already. */
  kill(downMs: number): boolean;
  /** Waits until it runs. */
  revive(): Promise<void>;
  /** Ends it for good. */
  stop(): Promise<void>;
}

/** A server that the stack started. */
export interface Server {
  readonly pid: number;
  stop(): Promise<void>;
}

const START_TRIES = 5;

/** `start` is given the server of before, whose port it is to take again. */
export async function superviseServer<Kind extends Server>(
  name: Victim,
  journal: Journal,
  start: (before: Kind | undefined) => Promise<Kind>,
): Promise<KillableProcess & { readonly first: Kind }> {
  const first = await start(undefined);
  let current = first;
  let coming: Promise<void> | undefined;

  const restart = async (downMs: number): Promise<void> => {
    // Whoever is killed is not gone at once, and its folder is free only when it is.
    while (findProcess(current.pid) !== undefined) await delay(10);
    await delay(downMs);
    await current.stop();
    for (let tries = 1; ; tries += 1) {
      try {
        current = await start(current);
        journal.note(null, `${name} is back`);
        return;
      } catch (error) {
        journal.note(null, `${name} did not start`, error instanceof Error ? error.message : String(error));
        if (tries === START_TRIES) throw error;
        await delay(1_000);
      }
    }
  };
  return {
    name,
    first,
    kill: (downMs) => {
      if (coming !== undefined) return false;
      process.kill(current.pid, 'SIGKILL');
      coming = restart(downMs).finally(() => (coming = undefined));
      // Told by `revive`.
      coming.catch(() => undefined);
      return true;
    },
    revive: async () => coming,
    stop: async () => {
      await coming?.catch(() => undefined);
      await current.stop();
    },
  };
}

export interface WorkerOptions {
  readonly name: Victim;
  readonly file: URL;
  readonly env: Readonly<Record<string, string>>;
  readonly logFile: string;
  readonly journal: Journal;
}

/** A worker process, which is started again also when it ended by itself. */
export function superviseWorker({ name, file, env, logFile, journal }: WorkerOptions): KillableProcess {
  let child: ChildProcess | undefined;
  let isReady = false;
  let downMs: number | undefined;
  let isStopping = false;

  const run = async (): Promise<void> => {
    while (!isStopping) {
      const stderr = openSync(logFile, 'a');
      const started = forkProcess(file, { env, stderr });
      closeSync(stderr);
      child = started;
      started.once('message', () => (isReady = true));
      const [code] = await new Promise<readonly [number | null, NodeJS.Signals | null]>((resolve) =>
        started.once('exit', (...how) => resolve(how)),
      );
      isReady = false;
      child = undefined;
      if (isStopping) return;
      if (downMs === undefined) journal.note(null, `${name} ended by itself`, `exit status ${code}`);
      await delay(downMs ?? 500);
      downMs = undefined;
    }
  };
  const running = run();
  return {
    name,
    kill: (wait) => {
      if (child?.pid === undefined || downMs !== undefined) return false;
      downMs = wait;
      child.kill('SIGKILL');
      return true;
    },
    revive: async () => {
      while (!isReady) await delay(50);
    },
    stop: async () => {
      isStopping = true;
      if (child !== undefined) await stopProcess(child);
      await running;
    },
  };
}
