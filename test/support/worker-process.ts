import { once } from 'node:events';
import { spawnWorkerFile, type WorkerSurroundings } from './spawned-process.ts';

export interface WorkerProcessOptions extends WorkerSurroundings {
  /** Default `info`. */
  readonly logLevel?: string;
}

/** The product's worker in a process of its own, as `registrar up` runs it. */
export interface WorkerProcess {
  readonly pid: number;
  /** Everything that it has written to standard output and standard error so far. */
  said(): string;
  /** Sends the signal and waits for the end. */
  kill(signal: NodeJS.Signals): Promise<void>;
}

/** Starts the worker and answers once it polls. Throws with what it said when it ends before that. */
export async function startWorkerProcess(options: WorkerProcessOptions): Promise<WorkerProcess> {
  const { child, pid, said, ended, isRunning } = spawnWorkerFile(
    new URL('../../bin/worker-process.ts', import.meta.url),
    { ...options, env: { REGISTRAR_LOG_LEVEL: options.logLevel ?? 'info', ...options.env } },
  );
  const ready = await Promise.race([once(child, 'message').then(() => true), ended.then(() => false)]);
  if (!ready) throw new Error(`the worker process ended: ${said()}`);
  return {
    pid,
    said,
    kill: async (signal) => {
      if (isRunning()) child.kill(signal);
      await ended;
    },
  };
}
