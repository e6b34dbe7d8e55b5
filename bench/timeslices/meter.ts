import { cpuMs } from '../cpu.ts';

/** Milliseconds. */
export interface Cost {
  readonly timeMs: number;
  /** Of PostgreSQL and all its processes: on a busy machine the steadier figure. Absent where there is no /proc. */
  readonly cpuMs: number | undefined;
}

export type Meter = <Result>(work: () => Promise<Result>) => Promise<Cost & { readonly result: Result }>;

export function createMeter(postgresPid: number): Meter {
  return async (work) => {
    const cpuBefore = cpuMs(postgresPid);
    const began = performance.now();
    const result = await work();
    const timeMs = performance.now() - began;
    const cpuAfter = cpuMs(postgresPid);
    return {
      result,
      timeMs,
      cpuMs: cpuBefore === undefined || cpuAfter === undefined ? undefined : cpuAfter - cpuBefore,
    };
  };
}

export function sum(costs: readonly Cost[]): Cost {
  return {
    timeMs: costs.reduce((total, cost) => total + cost.timeMs, 0),
    cpuMs: costs.reduce<number | undefined>(
      (total, cost) => (total === undefined || cost.cpuMs === undefined ? undefined : total + cost.cpuMs),
      0,
    ),
  };
}

/** The cost with the median time. */
export function median(costs: readonly Cost[]): Cost {
  const sorted = [...costs].sort((left, right) => left.timeMs - right.timeMs);
  const middle = sorted[Math.floor(sorted.length / 2)];
  if (!middle) throw new Error('nothing was measured');
  return { timeMs: middle.timeMs, cpuMs: middle.cpuMs };
}

/** By CPU time where it is known. */
export function ratio(cost: Cost, to: Cost): number {
  const value =
    cost.cpuMs === undefined || to.cpuMs === undefined ? cost.timeMs / to.timeMs : cost.cpuMs / to.cpuMs;
  return Number(value.toFixed(2));
}

export function inWhole({ timeMs, cpuMs: cpu }: Cost): Cost {
  return { timeMs: Math.round(timeMs), cpuMs: cpu === undefined ? undefined : Math.round(cpu) };
}
