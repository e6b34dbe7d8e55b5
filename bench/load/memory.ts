import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';

/** Memory that a process has resident, in MiB; undefined when it is gone, or where there is no /proc. */
export function residentMiB(pid: number | undefined): number | undefined {
  return readMiB(`/proc/${pid}/status`, 'VmRSS');
}

/** Memory of a process and those that it started, in MiB; pages that several of them have are counted once. */
export function familyMiB(pid: number | undefined): number | undefined {
  if (pid === undefined) return undefined;
  const shares = [pid, ...listChildren(pid)].flatMap(
    (each) => readMiB(`/proc/${each}/smaps_rollup`, 'Pss') ?? [],
  );
  return shares.length === 0 ? undefined : shares.reduce((sum, share) => sum + share, 0);
}

/** What a directory's files take on the disk, in MiB. */
export function filesMiB(directory: string): number {
  const bytes = readdirSync(directory).reduce(
    (sum, file) => sum + statSync(path.join(directory, file)).size,
    0,
  );
  return Math.round(bytes / 1024 / 1024);
}

function listChildren(pid: number): readonly number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

function readMiB(file: string, field: string): number | undefined {
  try {
    const kib = new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(readFileSync(file, 'utf8'))?.[1];
    return kib === undefined ? undefined : Math.round(Number(kib) / 1024);
  } catch {
    return undefined;
  }
}
