import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { rounded } from './cost.ts';
import { scrape } from './metrics.ts';
import type { LoadStage } from './stage.ts';

const COMMAND = fileURLToPath(new URL('../../bin/registrar.js', import.meta.url));
const MOST_OUTPUT = 256 * 1024 * 1024;

/** Runs `registrar …` as a process, as an operator does. Answers its standard output and how long it took. */
export async function runCommand(
  { env }: LoadStage,
  args: readonly string[],
): Promise<{ readonly stdout: string; readonly ms: number }> {
  const began = performance.now();
  const { stdout } = await promisify(execFile)(process.execPath, [COMMAND, ...args], {
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
    maxBuffer: MOST_OUTPUT,
  });
  return { stdout, ms: Math.round(performance.now() - began) };
}

/** Milliseconds of what people and machines ask again and again, at the median unless it says otherwise. */
export interface Asked {
  /** Learners known when it was asked. */
  readonly learners: number;
  /** A page of 100 of the Temporal UI's list, `RetirementState="PENDING"`. */
  readonly uiPage: number;
  readonly uiPageP95: number;
  readonly uiCount: number;
  /** Such pages a second, eight asked for at once. */
  readonly uiPagesPerSecond: number;
  /** What Prometheus gets from a worker; the first waits for the statement behind the gauges. */
  readonly metrics: number;
  readonly gauges: number;
  /** Whole commands, their start included. */
  readonly listCommand: number;
  readonly overdueCommand: number;
  readonly doctorCommand: number;
}

const QUERY = 'RetirementState="PENDING"';
const PAGE = 100;
const TIMES = 30;
const AT_ONCE = 8;

/** Asks for everything, one after the other. */
export async function askAll(stage: LoadStage, learners: number): Promise<Asked> {
  const { connection, namespace } = stage.temporal;
  const service = connection.workflowService;
  const page = (): Promise<unknown> =>
    service.listWorkflowExecutions({ namespace, pageSize: PAGE, query: QUERY });
  const pages = await timesOf(TIMES, page);
  const counts = await timesOf(TIMES, () => service.countWorkflowExecutions({ namespace, query: QUERY }));
  const scrapes = await timesOf(5, () => scrape(stage.metricsUrl));
  const began = performance.now();
  await Promise.all(Array.from({ length: AT_ONCE }, () => timesOf(TIMES, page)));
  const uiPagesPerSecond = (AT_ONCE * TIMES) / ((performance.now() - began) / 1000);
  return {
    learners,
    uiPage: quantile(pages, 0.5),
    uiPageP95: quantile(pages, 0.95),
    uiCount: quantile(counts, 0.5),
    uiPagesPerSecond: rounded(uiPagesPerSecond, 1),
    metrics: quantile(scrapes, 0.5),
    gauges: Math.round(scrapes[0] ?? Number.NaN),
    listCommand: (await runCommand(stage, ['retirement', 'list', '--json'])).ms,
    overdueCommand: (await runCommand(stage, ['retirement', 'list', '--overdue', '--json'])).ms,
    doctorCommand: (await runCommand(stage, ['doctor', '--json'])).ms,
  };
}

async function timesOf(count: number, ask: () => Promise<unknown>): Promise<readonly number[]> {
  const times: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const began = performance.now();
    await ask();
    times.push(performance.now() - began);
  }
  return times;
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  return rounded(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN, 1);
}
