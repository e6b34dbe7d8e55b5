import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export interface WorkerProcessOptions {
  readonly databaseUrl: string;
  readonly temporalAddress: string;
  readonly namespace: string;
  /** `REGISTRAR_CONFIG` */
  readonly configurationPath: string;
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
  const loader = new URL('./typescript.mjs', import.meta.url).href;
  const entry = fileURLToPath(new URL('../../bin/worker-process.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', loader, entry], {
    // Nothing of the surroundings but what Node needs: the worker reads its environment.
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      DATABASE_URL: options.databaseUrl,
      TEMPORAL_ADDRESS: options.temporalAddress,
      TEMPORAL_NAMESPACE: options.namespace,
      REGISTRAR_CONFIG: options.configurationPath,
      REGISTRAR_LOG_LEVEL: options.logLevel ?? 'info',
    },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const { pid } = child;
  if (pid === undefined) throw new Error('the worker process cannot be started');
  const said: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => said.push(chunk));
  }
  const text = (): string => Buffer.concat(said).toString('utf8');

  const ended = once(child, 'exit');
  const ready = await Promise.race([once(child, 'message').then(() => true), ended.then(() => false)]);
  if (!ready) throw new Error(`the worker process ended: ${text()}`);
  return {
    pid,
    said: text,
    kill: async (signal) => {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      await ended;
    },
  };
}
