import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { askAll } from './asks.ts';
import { runBatch, type Batch, type BatchOptions } from './batch.ts';
import { measured, rounded } from './cost.ts';
import { importCourses, runHour, updateHistories, type Hour, type Import } from './courses.ts';
import type { HistoryCost } from './histories.ts';
import { runParked } from './parked.ts';
import { drawLoad } from './plot.ts';
import { startSeries, type Sample, type Series } from './series.ts';
import { onLoadStage, type LoadStage } from './stage.ts';
import { listBiggestRelations } from './store.ts';

export interface LoadBenchOptions {
  /** Waiting at once in the biggest batch; those before and after it are a tenth of it. 0: none. */
  readonly learners: number;
  /** 0: none. */
  readonly courses: number;
  /** Whether the courses are updated, or only have their schedules. */
  readonly updates: boolean;
  /** ERRORED at once; 0: leaves that out. */
  readonly parked: number;
  /** Every answer of the LMS takes so much longer. */
  readonly lmsDelayMs: number;
  /** Folder for `load.svg` and `load.json`, which has the series too. */
  readonly out: string | undefined;
  /** Folder for CPU profiles of the worker. */
  readonly profile: string | undefined;
}

const SAMPLE_EVERY_MS = 5_000;
const HISTORIES = 20;

/**
 * Thousands of retirements waiting at once and a thousand courses with schedules, on servers of its own: what that takes of
 * memory, databases and time, and how fast it is worked off. `ratio`: the rate of the biggest drain to that of a tenth of it.
 */
export async function benchLoad(options: LoadBenchOptions): Promise<Record<string, unknown>> {
  const log = (line: string): void =>
    void process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`);
  const { profile } = options;
  const workerOptions =
    profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${path.resolve(profile)}`];
  return onLoadStage({ workerOptions, log }, async (stage) => {
    const series = startSeries(stage, SAMPLE_EVERY_MS);
    try {
      const result = await runAll(stage, series, options);
      await series.stop();
      const { samples } = series;
      if (options.out !== undefined) keep(options.out, { ...result, samples }, drawLoad(samples));
      return { ...result, peakMiB: peaksOf(samples) };
    } finally {
      // When it cannot look at the stack any more, what is under way fails too, and tells why.
      await series.stop().catch(() => undefined);
    }
  });
}

async function runAll(
  stage: LoadStage,
  series: Series,
  options: LoadBenchOptions,
): Promise<Record<string, unknown>> {
  const { learners, courses, updates, parked, lmsDelayMs } = options;
  if (lmsDelayMs > 0) await stage.lms('POST', '/_sandbox/faults', { path: '/', delay_ms: lmsDelayMs });
  const empty = await measured(stage, () => askAll(stage, 0));
  const told = courses === 0 ? undefined : await runCourses(stage, series, { courses, updates });
  const { batches, crowdedHour } = await runBatches(stage, series, {
    learners,
    courses,
    hour: told?.updates?.quietHour,
    askingSeconds: empty.seconds,
  });
  return {
    benchmark: 'load',
    learners,
    courses,
    ratio: ratioOf(batches),
    asked: [empty.result, ...batches.map(({ asked }) => asked)],
    batches,
    ...told,
    crowdedHour,
    ...(parked === 0
      ? {}
      : { parked: await runParked(stage, series, { learners: parked, perSecond: slowest(batches) }) }),
    relations: await listBiggestRelations(stage.database, 8),
  };
}

interface Courses {
  readonly imported: Import;
  readonly updates: Updates | undefined;
}

interface Updates {
  readonly firstHour: Hour;
  readonly quietHour: Hour;
  readonly histories: Readonly<Record<string, HistoryCost>>;
}

async function runCourses(
  stage: LoadStage,
  series: Series,
  { courses, updates }: { readonly courses: number; readonly updates: boolean },
): Promise<Courses> {
  const imported = await importCourses(stage, series, courses);
  stage.log(JSON.stringify(imported));
  return { imported, updates: updates ? await runUpdates(stage, series, courses) : undefined };
}

async function runUpdates(stage: LoadStage, series: Series, courses: number): Promise<Updates> {
  const firstHour = await runHour(stage, series, { name: 'the first hour', courses });
  stage.log(JSON.stringify(firstHour));
  const quietHour = await runHour(stage, series, { name: 'an hour without edits', courses });
  stage.log(JSON.stringify(quietHour));
  return { firstHour, quietHour, histories: await updateHistories(stage, HISTORIES) };
}

/** As fast as the collector is on a busy machine; later batches go by what those before them showed. */
const FIRST_GUESS_PER_SECOND = 12;

/** Whether it is the size of a batch that tells, or the age of the servers: the small one comes once more. */
const SHARES = [0.1, 1, 0.1];

interface BatchesOptions {
  readonly learners: number;
  readonly courses: number;
  /** What an hour of updates took; undefined: there are no courses. */
  readonly hour: Hour | undefined;
  readonly askingSeconds: number;
}

/** One batch after the other; an hour of updates falls into the wait of the biggest. */
async function runBatches(
  stage: LoadStage,
  series: Series,
  { learners, courses, hour, askingSeconds }: BatchesOptions,
): Promise<{ readonly batches: readonly Batch[]; readonly crowdedHour: Hour | undefined }> {
  const batches: Batch[] = [];
  let crowdedHour: Hour | undefined;
  for (const [index, share] of (learners === 0 ? [] : SHARES).entries()) {
    const isBiggest = share === 1;
    const work = async (): Promise<void> => {
      crowdedHour = await runHour(stage, series, { name: 'an hour while all wait', courses });
    };
    const options: BatchOptions = {
      name: `batch-${index + 1}`,
      learners: Math.ceil(learners * share),
      askingSeconds,
      expectedPerSecond: batches.at(-1)?.collected.settledPerSecond ?? FIRST_GUESS_PER_SECOND,
      ...(isBiggest && hour !== undefined ? { meanwhile: { seconds: hour.seconds, work } } : {}),
    };
    const batch = await runBatch(stage, series, options);
    stage.log(JSON.stringify(batch));
    batches.push(batch);
  }
  return { batches, crowdedHour };
}

/** The rate of the biggest drain to that of a tenth of it, before and after; null when one of them was not measured. */
function ratioOf(batches: readonly Batch[]): number | null {
  const [before, big, after] = batches;
  if (!before?.waitedAtOnce || !big?.waitedAtOnce || !after?.waitedAtOnce) return null;
  const small = (before.drained.perSecond + after.drained.perSecond) / 2;
  return rounded(big.drained.perSecond / small, 3);
}

/** Learners a second, collected and drained one after the other. */
function slowest(batches: readonly Batch[]): number {
  return Math.min(
    FIRST_GUESS_PER_SECOND,
    ...batches.map(({ collected, drained }) => Math.min(collected.perSecond, drained.perSecond)),
  );
}

function peaksOf(samples: readonly Sample[]): Readonly<Record<string, number>> {
  const peak = (value: (sample: Sample) => number | undefined): number =>
    Math.max(...samples.map((sample) => value(sample) ?? 0));
  return {
    worker: peak(({ worker }) => worker),
    workerHeap: peak(({ workerHeap }) => workerHeap),
    temporal: peak(({ temporal }) => temporal),
    postgres: peak(({ postgres }) => postgres),
  };
}

function keep(folder: string, result: unknown, plot: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'load.json'), `${JSON.stringify(result)}\n`);
  writeFileSync(path.join(folder, 'load.svg'), plot);
}
