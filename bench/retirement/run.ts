import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { insertRetirement } from '../../activities/retirement/store.ts';
import { migrate } from '../../db/migrate.ts';
import { openDatabase, type Database } from '../../db/database.ts';
import { createLimiter } from '../../domain/concurrency.ts';
import { createLmsClient } from '../../platform/lms/client.ts';
import { createRetirementQueue } from '../../platform/lms/retirement.ts';
import { createSandboxControl } from '../../sandbox/control/client.ts';
import { sandboxConfigurationYaml, sandboxPipeline } from '../../sandbox/lms/pipeline.ts';
import { registrarHome } from '../../stack/home.ts';
import { startPostgres } from '../../stack/postgres.ts';
import { findTemporal } from '../../stack/temporal-binary.ts';
import { startTemporal } from '../../stack/temporal-server.ts';
import {
  RETIRE_USER,
  retirementWorkflowId,
  RETIREMENT_TASK_QUEUE,
} from '../../workflows/retirement/contract.ts';
import { cpuMs } from '../cpu.ts';
import { startProcess } from '../processes.ts';
import { credentials } from './credentials.ts';

export interface RetirementBenchOptions {
  readonly learners: number;
  readonly rounds: number;
  /** Stronger than the embedded server's own settings: for comparing them. */
  readonly dynamicConfig: Readonly<Record<string, unknown>>;
}

const STARTS_AT_ONCE = 20;

/**
 * Rounds of N empty workflows and N retirements, one after the other on one embedded server, worker and sandbox as
 * `registrar up --sandbox` runs them. Returns rates a second, their ratio, and milliseconds of one retirement.
 */
export async function benchRetirement(options: RetirementBenchOptions): Promise<Record<string, unknown>> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'registrar-bench-'));
  // PostgreSQL does not run as root: its own account must reach its data here.
  chmodSync(folder, 0o711);
  const log = (line: string): void => void process.stderr.write(`${line}\n`);
  const undo: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  try {
    const postgres = await startPostgres({ directory: path.join(folder, 'postgres'), fast: true, log });
    undo.push(() => postgres.stop());
    const { path: binary } = await findTemporal({
      env: process.env,
      cacheDirectories: registrarHome(process.env).binaries,
      log,
    });
    const { dynamicConfig } = options;
    const temporal = await startTemporal({
      binary,
      directory: path.join(folder, 'temporal'),
      dynamicConfig,
      log,
    });
    undo.push(() => temporal.stop());
    const databaseUrl = postgres.url('registrar');
    await migrate(databaseUrl);

    const sandbox = await startProcess(new URL('./sandbox-process.js', import.meta.url), {
      args: [databaseUrl],
    });
    undo.push(() => sandbox.stop());
    const lmsUrl = String(sandbox.message);
    const configurationPath = path.join(folder, 'registrar.yml');
    writeFileSync(configurationPath, sandboxConfigurationYaml({ lmsUrl, ...credentials, coolOffDays: 0 }));
    const worker = await startProcess(new URL('./worker-process.js', import.meta.url), {
      args: [temporal.address, databaseUrl, configurationPath],
    });
    undo.push(() => worker.stop());

    const connection = await Connection.connect({ address: temporal.address });
    undo.push(() => connection.close());
    const database = openDatabase({ url: databaseUrl });
    undo.push(() => database.close());
    const processes = {
      worker: worker.pid,
      sandbox: sandbox.pid,
      temporal: temporal.pid,
      postgres: postgres.pid,
    };
    return await measure(options, { client: new Client({ connection }), database, lmsUrl, processes });
  } finally {
    for (const step of undo.reverse()) await step();
  }
}

interface Bench {
  readonly client: Client;
  readonly database: Database;
  readonly lmsUrl: string;
  readonly processes: Readonly<Record<string, number | undefined>>;
}

async function measure(options: RetirementBenchOptions, bench: Bench): Promise<Record<string, unknown>> {
  const { learners, rounds } = options;
  // Once round for both, so that no side pays for what the first use of everything costs.
  await emptyRound(bench, 30, 'warm-up');
  await retirementRound(bench, 30);

  const emptyCpu = createCpuAccount(bench.processes);
  const retirementCpu = createCpuAccount(bench.processes);
  const empty: number[] = [];
  const retirement: number[] = [];
  const lasting: number[] = [];
  let requests = 0;
  for (let round = 0; round < rounds; round += 1) {
    empty.push((await emptyCpu.during(() => emptyRound(bench, learners, String(round)))).perSecond);
    const measured = await retirementCpu.during(() => retirementRound(bench, learners));
    retirement.push(measured.perSecond);
    lasting.push(...measured.lastingMs);
    requests += measured.requests;
    process.stderr.write(
      `round ${round}: empty ${empty.at(-1)?.toFixed(1)}/s, retirements ${retirement.at(-1)?.toFixed(1)}/s\n`,
    );
  }
  const alone: number[] = [];
  const emptyAlone: number[] = [];
  for (let index = 0; index < 20; index += 1) {
    emptyAlone.push(1000 / (await emptyRound(bench, 1, `alone-${index}`)).perSecond);
    alone.push(...(await retirementRound(bench, 1)).lastingMs);
  }
  return {
    benchmark: 'retirement',
    learners,
    rounds,
    stages: sandboxPipeline.length,
    ratio: rounded(mean(retirement) / mean(empty), 3),
    ratios: retirement.map((rate, index) => rounded(rate / (empty[index] ?? Number.NaN), 3)),
    retirementsPerSecond: rounded(mean(retirement), 1),
    emptyPerSecond: rounded(mean(empty), 1),
    requestsPerLearner: rounded(requests / (learners * rounds), 2),
    requestsAllowed: 3 * sandboxPipeline.length + 2,
    cpuMsOfEach: {
      retirement: retirementCpu.ofEach(learners * rounds),
      empty: emptyCpu.ofEach(learners * rounds),
    },
    inBatchMs: { p50: percentile(lasting, 0.5), p95: percentile(lasting, 0.95) },
    aloneMs: { p50: percentile(alone, 0.5), p95: percentile(alone, 0.95) },
    emptyAloneMs: { p50: percentile(emptyAlone, 0.5), p95: percentile(emptyAlone, 0.95) },
  };
}

interface CpuAccount {
  during<Result>(work: () => Promise<Result>): Promise<Result>;
  /** CPU milliseconds by process, for one of `count`. */
  ofEach(count: number): Readonly<Record<string, number>>;
}

/** On two busy cores a rate follows from the CPU time that each workflow takes, and that is the steadier figure. */
function createCpuAccount(processes: Bench['processes']): CpuAccount {
  const read = (): readonly number[] => Object.values(processes).map((pid) => cpuMs(pid) ?? Number.NaN);
  const used = read().map(() => 0);
  return {
    during: async (work) => {
      const before = read();
      const result = await work();
      read().forEach((after, index) => {
        used[index] = (used[index] ?? 0) + after - (before[index] ?? 0);
      });
      return result;
    },
    ofEach: (count) => {
      const each = Object.keys(processes).map(
        (name, index) => [name, rounded((used[index] ?? 0) / count, 1)] as const,
      );
      const all = used.reduce((sum, value) => sum + value, 0) / count;
      return Object.fromEntries([...each, ['all', rounded(all, 1)]]);
    },
  };
}

async function emptyRound(
  { client }: Bench,
  count: number,
  name: string,
): Promise<{ readonly perSecond: number }> {
  const limited = createLimiter(STARTS_AT_ONCE);
  const began = performance.now();
  const handles = await Promise.all(
    Array.from({ length: count }, (_, index) =>
      limited(() =>
        client.workflow.start('emptyRetirement', {
          workflowId: `empty-${name}-${index}`,
          taskQueue: 'empty',
          args: [{ userId: index, stages: sandboxPipeline.length }],
        }),
      ),
    ),
  );
  await Promise.all(handles.map((handle) => handle.result()));
  return { perSecond: count / ((performance.now() - began) / 1000) };
}

async function retirementRound(
  { client, database, lmsUrl }: Bench,
  count: number,
): Promise<{ readonly perSecond: number; readonly lastingMs: readonly number[]; readonly requests: number }> {
  const control = createSandboxControl(lmsUrl);
  await control('POST', '/_sandbox/learners', { count });
  const lms = createLmsClient({ baseUrl: lmsUrl, ...credentials, concurrency: 1, timeoutMs: 60_000 });
  const listed = await createRetirementQueue(lms).list(['PENDING']);
  await lms.close();
  const learners = listed.kind === 'listed' ? listed.learners : [];
  const now = new Date();
  for (const learner of learners)
    await insertRetirement(database, learner, { coolOffUntil: now, dueAt: now });
  await control('DELETE', '/_sandbox/requests');

  const limited = createLimiter(STARTS_AT_ONCE);
  const began = performance.now();
  const started = await Promise.all(
    learners.map((learner) =>
      limited(async () => ({
        at: performance.now(),
        handle: await client.workflow.start(RETIRE_USER, {
          workflowId: retirementWorkflowId(learner.userId),
          taskQueue: RETIREMENT_TASK_QUEUE,
          args: [{ userId: learner.userId, found: { state: 'PENDING', lastState: 'PENDING' } }],
        }),
      })),
    ),
  );
  const lastingMs = await Promise.all(
    started.map(async ({ at, handle }) => {
      const result: unknown = await handle.result();
      if (!isComplete(result)) throw new Error(`${handle.workflowId} did not end COMPLETE`);
      return performance.now() - at;
    }),
  );
  const perSecond = learners.length / ((performance.now() - began) / 1000);
  const requests = (await control('GET', '/_sandbox/requests')) as Record<string, number>;
  return { perSecond, lastingMs, requests: learnersRequests(requests) };
}

/** Token and queue are not a learner's. */
function learnersRequests(requests: Readonly<Record<string, number>>): number {
  return Object.entries(requests)
    .filter(([key]) => !key.includes('/oauth2/') && !key.includes('/retirement_queue/'))
    .reduce((sum, [, count]) => sum + count, 0);
}

function isComplete(result: unknown): boolean {
  return (
    typeof result === 'object' && result !== null && 'outcome' in result && result.outcome === 'COMPLETE'
  );
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN);
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
