import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks a second in /proc, on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** CPU milliseconds that a process and its living descendants have used, or undefined where there is no /proc. */
export function cpuMs(pid: number | undefined): number | undefined {
  if (pid === undefined) return undefined;
  try {
    const all = new Map(
      readdirSync('/proc')
        .filter((name) => /^\d+$/.test(name))
        .flatMap((name) => readStat(Number(name))),
    );
    let ticks = 0;
    for (const [candidate, stat] of all) if (descends(candidate, pid, all)) ticks += stat.ticks;
    return (ticks * 1000) / TICKS_PER_SECOND;
  } catch {
    return undefined;
  }
}

interface Stat {
  readonly parent: number;
  readonly ticks: number;
}

function readStat(pid: number): readonly (readonly [number, Stat])[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    // Own time, and that of children that have ended.
    const ticks = [11, 12, 13, 14].reduce((sum, index) => sum + (fields[index] ?? 0), 0);
    return [[pid, { parent: fields[1] ?? 0, ticks }]];
  } catch {
    return [];
  }
}

function descends(pid: number, ancestor: number, all: ReadonlyMap<number, Stat>): boolean {
  for (
    let current: number | undefined = pid;
    current !== undefined && current > 1;
    current = all.get(current)?.parent
  ) {
    if (current === ancestor) return true;
  }
  return false;
}
