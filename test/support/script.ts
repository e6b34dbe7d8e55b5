import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A TypeScript module running in a process of its own. */
export interface RunningScript {
  readonly pid: number;
  /** The next line it prints. Throws, with what it said on standard error, when it ends without one. */
  line(): Promise<string>;
  /** Sends the signal and waits for the end. */
  kill(signal: NodeJS.Signals): Promise<void>;
}

/** Starts a module, given by its URL, with arguments. */
export function startScript(module: URL, args: readonly string[]): RunningScript {
  const loader = new URL('./typescript.mjs', import.meta.url).href;
  const child = spawn(process.execPath, ['--import', loader, fileURLToPath(module), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (child.pid === undefined) throw new Error(`${module.href} cannot be started`);
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    pid: child.pid,
    line: async () => {
      const next = await lines.next();
      if (next.done) throw new Error(`${module.href} ended: ${said}`);
      return next.value;
    },
    kill: (signal) => end(child, signal),
  };
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill(signal);
  await ended;
}
