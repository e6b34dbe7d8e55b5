import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { findProcess, isNodeError, isRunning } from './processes.ts';

/** Held until `release`, or until the process that took it ends. */
export interface Lock {
  readonly release: () => void;
}

/** Who holds a lock file. */
export interface LockHolder {
  readonly pid: number;
  readonly identity: string;
}

/** Takes the lock file; when a living process has it (this one included), answers who. */
export function tryLock(file: string): Lock | LockHolder {
  const own = findProcess(process.pid);
  if (own === undefined) throw new Error('this process cannot find itself in the process list');
  // Written whole under another name and then linked, so that nobody ever reads half a lock file.
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, JSON.stringify({ pid: own.pid, identity: own.identity }), { mode: 0o600 });
  try {
    for (;;) {
      if (linked(draft, file))
        return {
          release: () => {
            rmSync(file, { force: true });
          },
        };
      const holder = lockHolder(file);
      if (holder) return holder;
      rmSync(file, { force: true });
    }
  } finally {
    rmSync(draft, { force: true });
  }
}

/** True when `tryLock` got the lock. */
export function isLock(result: Lock | LockHolder): result is Lock {
  return 'release' in result;
}

/** The living process that holds the lock file; undefined when nobody does. */
export function lockHolder(file: string): LockHolder | undefined {
  const holder = readHolder(file);
  return holder !== undefined && isRunning(holder) ? holder : undefined;
}

function linked(draft: string, file: string): boolean {
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if (isNodeError(error, 'EEXIST')) return false;
    throw error;
  }
}

function readHolder(file: string): LockHolder | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof value !== 'object' || value === null) return undefined;
    if (!('pid' in value) || typeof value.pid !== 'number') return undefined;
    if (!('identity' in value) || typeof value.identity !== 'string') return undefined;
    return { pid: value.pid, identity: value.identity };
  } catch (error) {
    if (isNodeError(error, 'ENOENT') || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
