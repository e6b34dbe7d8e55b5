import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import type { RegistrarHome } from './home.ts';
import { findProcess, isNodeError, isRunning } from './processes.ts';

const stackSchema = z
  .object({
    /** Of the `up` that runs the stack. */
    pid: z.number().int().positive(),
    identity: z.string(),
    startedAt: z.iso.datetime(),
    /** True once the worker takes tasks. */
    ready: z.boolean(),
    /** What other processes need to reach the stack, `DATABASE_URL` and so on. */
    environment: z.record(z.string(), z.string()).readonly(),
    /** Pids of the servers and the worker by name. */
    processes: z.record(z.string(), z.number()).readonly(),
  })
  .readonly();

/** The running stack of a home, as `up` last wrote it down. */
export type StackState = z.infer<typeof stackSchema>;

/** What `up` says about its stack; whose stack it is is added. */
export type StackReport = Omit<StackState, 'pid' | 'identity'>;

/** Writes down this process's stack. Readers see the old or the new text, never a part; only the owner may read it. */
export function writeStack(home: RegistrarHome, report: StackReport): void {
  const own = findProcess(process.pid);
  if (own === undefined) throw new Error('this process cannot find itself in the process list');
  const state: StackState = { pid: own.pid, identity: own.identity, ...report };
  const draft = `${home.state}.${own.pid}`;
  writeFileSync(draft, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
  renameSync(draft, home.state);
}

/** The home's stack, or undefined when none runs: none written down, or its process has ended, however it ended. */
export function readRunningStack(home: RegistrarHome): StackState | undefined {
  const parsed = stackSchema.safeParse(readJson(home.state));
  return parsed.success && isRunning(parsed.data) ? parsed.data : undefined;
}

export function removeStack(home: RegistrarHome): void {
  rmSync(home.state, { force: true });
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if (isNodeError(error, 'ENOENT') || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
