import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** A process that runs now. */
export interface RunningProcess {
  readonly pid: number;
  /** Pid and start time: two processes never share it, also when the pid is used again. */
  readonly identity: string;
  /** The command with its arguments, separated by spaces. */
  readonly command: string;
}

export interface StopStep {
  readonly signal: NodeJS.Signals;
  /** How long the signal may take to work before the next one is sent. */
  readonly waitMs: number;
}

/**
 * The process with this pid, or undefined when there is none. A zombie counts as none: in a container whose first
 * process reaps nothing, a killed orphan stays one for ever, and `kill(pid, 0)` still finds it.
 */
export function findProcess(pid: number): RunningProcess | undefined {
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined;
  return process.platform === 'linux' ? fromProc(pid) : fromPs(pid);
}

/** True while the very process that had this identity runs. */
export function isRunning(target: Pick<RunningProcess, 'pid' | 'identity'>): boolean {
  return findProcess(target.pid)?.identity === target.identity;
}

/**
 * Sends the signals in turn until the process is gone; `group` sends them to the whole process group that it leads.
 * Throws when it survives the last one.
 */
export async function stopProcess(
  target: Pick<RunningProcess, 'pid' | 'identity'>,
  steps: readonly StopStep[],
  options: { readonly group?: boolean } = {},
): Promise<void> {
  for (const step of steps) {
    if (!isRunning(target)) return;
    signalProcess(options.group ? -target.pid : target.pid, step.signal);
    if (await goneWithin(target, step.waitMs)) return;
  }
  if (isRunning(target))
    throw new Error(`process ${target.pid} does not end; stop it by hand: kill -9 ${target.pid}`);
}

/** Sends one signal, to a process group if `pid` is negative; one that is gone already is no error. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!isNodeError(error, 'ESRCH')) throw error;
  }
}

/** True for the error of a system call with this code, `ENOENT` for one. */
export function isNodeError(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

async function goneWithin(
  target: Pick<RunningProcess, 'pid' | 'identity'>,
  waitMs: number,
): Promise<boolean> {
  const deadline = Date.now() + waitMs;
  while (isRunning(target)) {
    if (Date.now() >= deadline) return false;
    await delay(20);
  }
  return true;
}

function fromProc(pid: number): RunningProcess | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field, the name, may hold spaces and brackets: count from its last bracket.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, startTime] = [fields[0], fields[19]];
    if (state === undefined || startTime === undefined || state === 'Z' || state === 'X') return undefined;
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    return { pid, identity: `${pid}@${startTime}`, command };
  } catch (error) {
    if (isNodeError(error, 'ENOENT') || isNodeError(error, 'ESRCH')) return undefined;
    throw error;
  }
}

function fromPs(pid: number): RunningProcess | undefined {
  try {
    const line = execFileSync('/bin/ps', ['-o', 'stat=,lstart=,command=', '-p', String(pid)], {
      encoding: 'utf8',
      env: { LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
    const parts = /^(\S+)\s+(\S+\s+\S+\s+\S+\s+\S+\s+\S+)\s+(.*)$/.exec(line);
    const [, state = 'Z', startTime = '', command = ''] = parts ?? [];
    return state.startsWith('Z') ? undefined : { pid, identity: `${pid}@${startTime}`, command };
  } catch {
    return undefined; // ps ends with status 1 when there is no such process
  }
}
