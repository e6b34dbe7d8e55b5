import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** What a worker process of a test is told; nothing else of the surroundings reaches it but what Node needs. */
export interface WorkerSurroundings {
  readonly databaseUrl: string;
  readonly temporalAddress: string;
  readonly namespace: string;
  /** `REGISTRAR_CONFIG` */
  readonly configurationPath: string;
  /** More of its environment. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface SpawnedProcess {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Everything that it has written to standard output and standard error so far. */
  readonly said: () => string;
  /** Its exit status, or the signal that ended it. */
  readonly ended: Promise<number | string>;
  readonly isRunning: () => boolean;
}

/** Runs a TypeScript file of the sources, as its URL says, in a process of its own with an IPC channel. */
export function spawnWorkerFile(file: URL, surroundings: WorkerSurroundings): SpawnedProcess {
  const loader = new URL('./typescript.mjs', import.meta.url).href;
  const child = spawn(process.execPath, ['--import', loader, fileURLToPath(file)], {
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      DATABASE_URL: surroundings.databaseUrl,
      TEMPORAL_ADDRESS: surroundings.temporalAddress,
      TEMPORAL_NAMESPACE: surroundings.namespace,
      REGISTRAR_CONFIG: surroundings.configurationPath,
      ...surroundings.env,
    },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const { pid } = child;
  if (pid === undefined) throw new Error('the worker process cannot be started');
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => (said += chunk));
  }
  return {
    child,
    pid,
    said: () => said,
    ended: once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string),
    isRunning: () => child.exitCode === null && child.signalCode === null,
  };
}
