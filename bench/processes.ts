import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** A process of ours that said it is ready. */
export interface OtherProcess {
  readonly pid: number;
  /** The first that it said. */
  readonly message: unknown;
  /** Lets go of it, upon which it ends by itself, and waits for that. */
  stop(): Promise<void>;
}

export interface ProcessOptions {
  readonly args?: readonly string[];
  /** Beside what Node needs: nothing else of the surroundings reaches it. */
  readonly env?: Readonly<Record<string, string>>;
  /** For Node, as they would stand before the module. */
  readonly nodeOptions?: readonly string[];
}

/** Starts a module as a process that ends when whoever started it is gone, and waits until it says that it is ready. */
export async function startProcess(file: URL, options: ProcessOptions = {}): Promise<OtherProcess> {
  const child = forkProcess(file, options);
  const message = await new Promise<unknown>((resolve, reject) => {
    child.once('message', resolve);
    child.once('error', reject);
    child.once('exit', (code) =>
      reject(new Error(`${file.pathname} ended with ${code} before it was ready`)),
    );
  });
  if (child.pid === undefined) throw new Error(`${file.pathname} has no process`);
  return { pid: child.pid, message, stop: () => stopProcess(child) };
}

/** The process as it is, ready or not. What it writes goes nowhere but to `stderr`, a file descriptor; default ours. */
export function forkProcess(
  file: URL,
  { args = [], env = {}, nodeOptions = [], stderr }: ProcessOptions & { readonly stderr?: number } = {},
): ChildProcess {
  return fork(fileURLToPath(file), args, {
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
    execArgv: [...(process.env['BENCH_EXEC_ARGV']?.split(' ') ?? []), ...nodeOptions],
    // The benchmark's own output is its result.
    stdio: ['ignore', 'ignore', stderr ?? 'inherit', 'ipc'],
  });
}

/** Lets go of a process that ends with whoever started it, and waits for its end. */
export async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  if (child.connected) child.disconnect();
  await ended;
}
