import { cpuMs } from '../cpu.ts';
import type { LoadStage, Party } from './stage.ts';

/** CPU milliseconds by who used them; not a number where there is no /proc. */
export type Cpu = Readonly<Record<Party, number>>;

export interface Measured<Result> {
  readonly result: Result;
  readonly seconds: number;
  readonly cpu: Cpu;
}

/** What `work` took, by the clock and of the processors. */
export async function measured<Result>(
  { pids }: Pick<LoadStage, 'pids'>,
  work: () => Promise<Result>,
): Promise<Measured<Result>> {
  const before = readCpu(pids);
  const began = performance.now();
  const result = await work();
  const seconds = rounded((performance.now() - began) / 1000, 2);
  const after = readCpu(pids);
  return { result, seconds, cpu: mapped((party) => after[party] - before[party]) };
}

/** CPU milliseconds of one of `count`. */
export function ofEach(cpu: Cpu, count: number): Cpu {
  return mapped((party) => rounded(cpu[party] / count, 1));
}

/** The share of one processor that was used. */
export function shareOf({ cpu, seconds }: Measured<unknown>): Cpu {
  return mapped((party) => rounded(cpu[party] / seconds / 1000, 3));
}

export function readCpu(pids: LoadStage['pids']): Cpu {
  return mapped((party) => pids[party].reduce((sum, pid) => sum + (cpuMs(pid) ?? Number.NaN), 0));
}

export function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

function mapped(value: (party: Party) => number): Cpu {
  return {
    worker: value('worker'),
    temporal: value('temporal'),
    postgres: value('postgres'),
    sandboxes: value('sandboxes'),
  };
}
