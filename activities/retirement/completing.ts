import { cancellationSignal } from '@temporalio/activity';
import type { Configuration } from '../../config/configuration.ts';
import type { Queryable } from '../../db/database.ts';
import { COMPLETE } from '../../domain/retirement/states.ts';
import type { RetirementDependencies } from './dependencies.ts';
import { failStage, type EarlierAttempts } from './failing.ts';
import { moveTo, prepare, talking } from './talking.ts';
import type { Platform } from './platform.ts';
import { probeStages, stagesToProbe, type Probed } from './probing.ts';
import { issueErasureReceipt } from './receipts/issuing.ts';
import { newestErasureOf } from './receipts/store.ts';
import { changeState, findRetirement, lockRetirement, type StoredRetirement } from './store.ts';
import { line } from './wording.ts';

export interface CompleteInput {
  readonly userId: number;
  /** What was tried before Temporal began to count the attempts. */
  readonly earlier?: EarlierAttempts;
}

export interface Completed {
  /** Sequence of the erasure's receipt. */
  readonly receipt: number;
  /** Present when services are to be asked once more after that long. */
  readonly probeAfterMs?: number;
}

const DAY_MS = 86_400_000;

/**
 * Writes COMPLETE to the LMS, asks the services whether the learner is gone, then writes COMPLETE to our row together with the
 * receipt. Safe to run again: a refused move is no failure when the LMS has COMPLETE already, and a row that is COMPLETE
 * has its receipt.
 */
export function createComplete(
  dependencies: RetirementDependencies,
): (input: CompleteInput) => Promise<Completed> {
  return async ({ userId, earlier }) => {
    const { learner, platform } = await prepare(dependencies, userId);
    const signal = cancellationSignal();
    await talking(
      () => completeInLms(platform, learner, signal),
      (error) =>
        failStage(dependencies, {
          userId,
          stage: moveTo(COMPLETE),
          error,
          ...(earlier === undefined ? {} : { earlier }),
        }),
    );
    const found =
      learner.currentState === COMPLETE ? [] : await probeStages(platform, learner, { signal, earlier });
    const receipt = await completeHere(dependencies, platform, learner, found);
    const { probeAfterDays } = platform.configuration.registrar;
    const again = probeAfterDays !== undefined && stagesToProbe(platform, learner).length > 0;
    return { receipt, ...(again ? { probeAfterMs: Math.round(probeAfterDays * DAY_MS) } : {}) };
  };
}

async function completeInLms(
  { queue }: Platform,
  { originalUsername: username }: StoredRetirement,
  signal: AbortSignal,
): Promise<void> {
  const outcome = await queue.move(
    { username, state: COMPLETE, response: 'Learner retirement complete.' },
    signal,
  );
  if (outcome.kind === 'moved') return;
  if (outcome.kind === 'gone') throw outcome.failure;
  const status = await queue.find(username, signal);
  if (status?.currentState.name !== COMPLETE) throw outcome.failure;
}

/** One transaction: nobody is COMPLETE here without a receipt. Returns the receipt's sequence. */
async function completeHere(
  { database, receiptKeys }: RetirementDependencies,
  { configuration }: Platform,
  learner: StoredRetirement,
  found: readonly Probed[],
): Promise<number> {
  const { userId } = learner;
  const keys = await receiptKeys.current(configuration.registrar.receipts);
  return database.transaction(async (tx) => {
    const completedAt = new Date();
    // Held against an attempt that was given up for dead, and does the same at this moment.
    const current = await lockRetirement(tx, userId);
    const known = current === COMPLETE ? await receiptOf(tx, learner) : undefined;
    if (known !== undefined) return known;
    if (current !== COMPLETE) {
      const text = `${COMPLETE}: every stage of the pipeline is done${describe(found)}`;
      await changeState(tx, { userId, state: COMPLETE, line: line(completedAt, text) });
    }
    const { sequence } = await issueErasureReceipt(tx, keys, {
      learner,
      pipeline: configuration.pipeline,
      completedAt,
      probes: found.map(({ stage, result }) => ({
        stage: stage.startState,
        result,
        at: completedAt.toISOString(),
      })),
    });
    return sequence;
  });
}

/**
 * Writes that another driver completed the learner, with a receipt that says so of every stage that we did not see. Safe to
 * run again: a row that is COMPLETE and has its receipt stays as it is.
 */
export async function completeElsewhere(
  { database, receiptKeys }: Pick<RetirementDependencies, 'database' | 'receiptKeys'>,
  { pipeline, registrar }: Configuration,
  { userId, text }: { readonly userId: number; readonly text: string },
): Promise<void> {
  const keys = await receiptKeys.current(registrar.receipts);
  await database.transaction(async (tx) => {
    const completedAt = new Date();
    const current = await lockRetirement(tx, userId);
    const learner = await findRetirement(tx, userId);
    if (learner === undefined) return;
    if (current === COMPLETE && (await receiptOf(tx, learner)) !== undefined) return;
    if (current !== COMPLETE)
      await changeState(tx, { userId, state: COMPLETE, line: line(completedAt, text) });
    const completedStages = [
      ...new Set([...learner.completedStages, ...pipeline.map(({ endState }) => endState)]),
    ];
    await issueErasureReceipt(tx, keys, {
      learner: { ...learner, completedStages },
      pipeline,
      completedAt,
      probes: [],
    });
  });
}

/** Undefined for a learner who was COMPLETE before there were receipts. */
async function receiptOf(
  db: Queryable,
  { userId, retirementId }: StoredRetirement,
): Promise<number | undefined> {
  const newest = await newestErasureOf(db, userId);
  return newest?.retirementId === retirementId ? newest.sequence : undefined;
}

function describe(found: readonly Probed[]): string {
  if (found.length === 0) return '';
  return `; asked again: ${found.map(({ stage, result }) => `${stage.startState} ${result}`).join(', ')}`;
}
