import { setTimeout as delay } from 'node:timers/promises';
import { COMPLETE } from '../../domain/retirement/states.ts';
import { RETIRE_USER, retirementWorkflowId } from '../../workflows/retirement/contract.ts';
import { peakMiB } from '../timeslices/update-memory.ts';
import { askAll, runCommand, type Asked } from './asks.ts';
import { measured, ofEach, rounded, type Cpu } from './cost.ts';
import { readHistories, type HistoryCost } from './histories.ts';
import { makeLearners, takeRequestCount } from './learners.ts';
import { filesMiB } from './memory.ts';
import type { Series } from './series.ts';
import { COOL_OFF_DAYS, type LoadStage } from './stage.ts';
import { takeDearestStatements, type StatementCost } from './statements.ts';
import { countStates, databaseMiB, listNewestUserIds } from './store.ts';
import { countOpen, untilCount, untilNoneOpen, untilQuiet } from './waiting.ts';

/** So many learners who waited at once and were then erased, and what that took. */
export interface Batch {
  readonly learners: number;
  readonly collected: {
    readonly seconds: number;
    readonly perSecond: number;
    /** Until every workflow has come to its wait. */
    readonly settledPerSecond: number;
    readonly cpuMsOfEach: Cpu;
  };
  /** False: the cooling-off ended before everybody was collected, so the numbers of the drain are not what they seem. */
  readonly waitedAtOnce: boolean;
  /** A pass of the collector that finds nobody new; the command and all. */
  readonly idlePass: { readonly seconds: number; readonly cpuMs: Cpu };
  readonly asked: Asked;
  readonly drained: Drained;
  readonly history: HistoryCost;
  /** What each learner added, in KiB. */
  readonly keptKiBOfEach: { readonly database: number; readonly temporal: number };
  readonly workerPeakMiB: number | undefined;
  readonly statements: readonly StatementCost[];
}

export interface Drained {
  readonly seconds: number;
  readonly perSecond: number;
  readonly cpuMsOfEach: Cpu;
  readonly requestsOfEach: number;
}

export interface BatchOptions {
  readonly name: string;
  readonly learners: number;
  /** How fast the collector is, as far as is known: it decides when the cooling-off ends. */
  readonly expectedPerSecond: number;
  /** What asking for everything took with nobody there. */
  readonly askingSeconds: number;
  /** Done while everybody waits, as well; may last so long. */
  readonly meanwhile?: { readonly seconds: number; readonly work: () => Promise<void> };
}

/** Has learners asked, collected, measured as they wait, and drained when their cooling-off ends all at once. */
export async function runBatch(stage: LoadStage, series: Series, options: BatchOptions): Promise<Batch> {
  const { learners, name } = options;
  const before = await sizesOf(stage);
  const completeBefore = await countComplete(stage);
  const releaseAt = await prepare(stage, options);

  series.enter(`${name}: collecting ${learners}`);
  const began = performance.now();
  const collected = await measured(stage, () => runCommand(stage, ['retirement', 'collect', '--json']));
  await untilQuiet(stage);
  const settledPerSecond = rounded((learners * 1000) / (performance.now() - began), 1);
  series.enter(`${name}: ${learners} waiting`);
  const idlePass = await measured(stage, () => runCommand(stage, ['retirement', 'collect', '--json']));
  const asked = await askAll(stage, completeBefore + learners);
  await options.meanwhile?.work();
  const waitedAtOnce = Date.now() < releaseAt && (await countOpen(stage, RETIRE_USER)) === learners;
  if (!waitedAtOnce) stage.log(`${name}: the cooling-off ended before everything was measured`);
  stage.log(`${name}: ${Math.round((releaseAt - Date.now()) / 1000)} s until the cooling-off ends`);

  const drained = await drain(stage, series, { name, learners, releaseAt, completeBefore });
  await untilNoneOpen(stage, RETIRE_USER);
  const after = await sizesOf(stage);
  const ids = await listNewestUserIds(stage.database, HISTORIES);
  return {
    learners,
    collected: {
      seconds: collected.seconds,
      perSecond: rounded(learners / collected.seconds, 1),
      settledPerSecond,
      cpuMsOfEach: ofEach(collected.cpu, learners),
    },
    waitedAtOnce,
    idlePass: { seconds: idlePass.seconds, cpuMs: idlePass.cpu },
    asked,
    drained,
    history: await readHistories(stage, ids.map(retirementWorkflowId)),
    keptKiBOfEach: {
      database: rounded(((after.database - before.database) * 1024) / learners, 1),
      temporal: rounded(((after.temporal - before.temporal) * 1024) / learners, 1),
    },
    workerPeakMiB: peakMiB(stage.pids.worker[0] ?? 0),
    statements: await takeDearestStatements(stage.database, 8),
  };
}

const HISTORIES = 50;
const DAY_MS = 86_400_000;
/** Commands, and until the worker has come to rest. */
const FIXED_SECONDS = 20;
/** Too long a wait costs time, too short a one the measurement. */
const CAUTION = 1.6;

/** Makes the learners. Answers when their cooling-off will end. */
async function prepare(
  stage: LoadStage,
  { name, learners, expectedPerSecond, askingSeconds, meanwhile }: BatchOptions,
): Promise<number> {
  await takeDearestStatements(stage.database, 1);
  const expected = learners / expectedPerSecond + askingSeconds + (meanwhile?.seconds ?? 0);
  const seconds = FIXED_SECONDS + CAUTION * expected;
  const releaseAt = Date.now() + seconds * 1000;
  const requestedAt = new Date(releaseAt - COOL_OFF_DAYS * DAY_MS);
  await makeLearners(stage, { name, count: learners, requestedAt });
  return releaseAt;
}

async function drain(
  stage: LoadStage,
  series: Series,
  batch: {
    readonly name: string;
    readonly learners: number;
    readonly releaseAt: number;
    readonly completeBefore: number;
  },
): Promise<Drained> {
  const { name, learners, releaseAt, completeBefore } = batch;
  await takeRequestCount(stage);
  await delay(Math.max(0, releaseAt - Date.now()));
  series.enter(`${name}: draining ${learners}`);
  return drainTo(stage, { learners, complete: completeBefore + learners });
}

/** Waits until so many are COMPLETE, and answers what that took for each of `learners`. */
export async function drainTo(
  stage: LoadStage,
  { learners, complete }: { readonly learners: number; readonly complete: number },
): Promise<Drained> {
  const { seconds, cpu } = await measured(stage, () =>
    untilCount('learners to be COMPLETE', complete, () => countComplete(stage)),
  );
  return {
    seconds,
    perSecond: rounded(learners / seconds, 1),
    cpuMsOfEach: ofEach(cpu, learners),
    requestsOfEach: rounded((await takeRequestCount(stage)) / learners, 2),
  };
}

export async function countComplete({ database }: LoadStage): Promise<number> {
  return (await countStates(database))[COMPLETE] ?? 0;
}

async function sizesOf({ database, temporalDirectory }: LoadStage): Promise<{
  readonly database: number;
  readonly temporal: number;
}> {
  return { database: await databaseMiB(database), temporal: filesMiB(temporalDirectory) };
}
