import { readdirSync, readFileSync } from 'node:fs';

const SAMPLE_EVERY_MS = 250;

/** The most memory that a living process has ever had resident, in MiB; undefined where there is no /proc. */
export function peakMiB(pid: number): number | undefined {
  return readMiB(pid, 'VmHWM');
}

/**
 * Watches the processes that `pid` has started, and answers the most private memory that one of them was seen with, in MiB:
 * a backend of PostgreSQL also has the shared buffers resident that it ever touched.
 */
export function watchLargestChild(pid: number): { stop(): number | undefined } {
  let largest: number | undefined;
  const timer = setInterval(() => {
    for (const child of listChildren(pid)) {
      const mib = readMiB(child, 'RssAnon');
      if (mib !== undefined && mib > (largest ?? 0)) largest = mib;
    }
  }, SAMPLE_EVERY_MS).unref();
  return {
    stop: () => {
      clearInterval(timer);
      return largest;
    },
  };
}

function listChildren(pid: number): readonly number[] {
  try {
    return readdirSync('/proc')
      .map(Number)
      .filter((candidate) => Number.isInteger(candidate) && parentOf(candidate) === pid);
  } catch {
    return [];
  }
}

function parentOf(pid: number): number | undefined {
  return readStatus(pid, 'PPid');
}

function readMiB(pid: number, field: string): number | undefined {
  const kib = readStatus(pid, field);
  return kib === undefined ? undefined : Math.round(kib / 1024);
}

/** The number of a line of /proc/PID/status; undefined when the process is gone or has no such line. */
function readStatus(pid: number, field: string): number | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/status`, 'utf8');
    const value = new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(text)?.[1];
    return value === undefined ? undefined : Number(value);
  } catch {
    return undefined;
  }
}
