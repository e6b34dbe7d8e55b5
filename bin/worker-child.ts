import { fork, type ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export interface WorkerChild {
  readonly pid: number | undefined;
  /** Ends it gently and waits; it is not started again. */
  stop(): Promise<void>;
}

export interface WorkerChildOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: (line: string) => void;
  /** Called each time that readiness or the process changes. */
  readonly onChange: (state: { readonly ready: boolean; readonly pid: number | undefined }) => void;
}

const LONGEST_PAUSE_MS = 30_000;
/** A worker that lived this long was not broken from the start. */
const HEALTHY_AFTER_MS = 60_000;

/** Runs the worker in a process of its own and starts it again whenever it ends by itself, after a growing pause. */
export function superviseWorker({ env, log, onChange }: WorkerChildOptions): WorkerChild {
  let child: ChildProcess | undefined;
  let stopping = false;
  let pauseMs = 500;

  const run = async (): Promise<void> => {
    while (!stopping) {
      const began = Date.now();
      child = fork(fileURLToPath(new URL('./worker-process.js', import.meta.url)), [], {
        env: { ...env },
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
        // Ctrl-C reaches the whole terminal; the worker is to end when `up` says so.
        detached: true,
      });
      const { pid } = child;
      onChange({ ready: false, pid });
      child.once('message', () => onChange({ ready: true, pid }));
      const how = await ended(child);
      onChange({ ready: false, pid: undefined });
      if (stopping) return;
      if (Date.now() - began > HEALTHY_AFTER_MS) pauseMs = 500;
      log(`the worker ended (${how}); starting it again in ${pauseMs / 1000} s`);
      await delay(pauseMs);
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
  };
  const supervision = run();

  return {
    get pid() {
      return child?.pid;
    },
    stop: async () => {
      stopping = true;
      child?.kill('SIGTERM');
      await supervision;
    },
  };
}

function ended(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal ?? `exit status ${code ?? 'unknown'}`));
  });
}
