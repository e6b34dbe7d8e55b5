import { spawnWorkerFile, type WorkerSurroundings } from '../support/spawned-process.ts';
import { waitFor } from '../support/wait.ts';
import { workflowBundle } from '../support/workflow-bundle.ts';

/** The product's worker in a process of its own, with its endpoints at a free port. */
export interface ServedWorker {
  readonly pid: number;
  readonly url: string;
  /** Lines of its log so far. */
  log(): readonly LogLine[];
  /** One request to its endpoints. */
  ask(path: string, accept?: string): Promise<{ readonly status: number; readonly text: string }>;
  /** Until `/readyz` says 200. */
  ready(): Promise<unknown>;
  signal(signal: NodeJS.Signals): void;
  /** Everything that it wrote. */
  said(): string;
  /** Its exit status, or the signal that ended it. */
  ended(): Promise<number | string>;
  isRunning(): boolean;
}

export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly url?: string;
  readonly reason?: string;
}

/** Starts the worker; answers once it serves, which is before it polls. Throws with what it said when it ends before that. */
export async function startServedWorker(surroundings: WorkerSurroundings): Promise<ServedWorker> {
  const { child, pid, said, ended, isRunning } = spawnWorkerFile(
    new URL('./bundled-worker.ts', import.meta.url),
    {
      ...surroundings,
      env: {
        REGISTRAR_HTTP_ADDRESS: '127.0.0.1:0',
        TEST_WORKFLOW_BUNDLE: workflowBundle().codePath,
        ...surroundings.env,
      },
    },
  );

  const log = (): readonly LogLine[] =>
    said()
      .split('\n')
      .slice(0, -1)
      .flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as LogLine] : []));
  const url = await waitFor(
    () => {
      if (!isRunning()) return 'ended';
      return log().find(({ msg }) => msg.startsWith('serving '))?.url ?? false;
    },
    { what: 'the worker to serve', timeoutMs: 100_000 },
  ).catch((error: unknown) => {
    child.kill('SIGKILL');
    throw error;
  });
  if (url === 'ended') {
    await ended;
    throw new Error(`the worker process ended: ${said()}`);
  }
  const ask: ServedWorker['ask'] = async (path, accept = 'text/plain') => {
    const answer = await fetch(url + path, { headers: { accept } });
    return { status: answer.status, text: await answer.text() };
  };
  return {
    pid,
    url,
    log,
    ask,
    ready: () =>
      waitFor(async () => (await ask('/readyz')).status === 200, {
        what: 'the worker to be ready',
        timeoutMs: 100_000,
      }),
    said,
    signal: (signal) => void child.kill(signal),
    ended: () => ended,
    isRunning,
  };
}
