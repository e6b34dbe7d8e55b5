import { activityInfo, cancellationSignal } from '@temporalio/activity';
import type { Database } from '../../../db/database.ts';
import type { RefusedLearner } from '../../../domain/retirement/archive.ts';
import { COMPLETE } from '../../../domain/retirement/states.ts';
import { ServiceFailure } from '../../../platform/failure.ts';
import { beating } from '../../heartbeat.ts';
import type { RetirementDependencies } from '../dependencies.ts';
import { translating } from '../failing.ts';
import type { Platform } from '../platform.ts';
import { refuseHeld } from './holding-store.ts';
import { whyNotGone } from './locating.ts';
import { doubtOf } from './settings.ts';
import { listRefused, recordCleaned, recordRefused, refuseMissing } from './progress-store.ts';
import { findPlannedBatch, listBatchLearners, type BatchLearner } from './store.ts';
import type { BatchInput } from './writing.ts';

/** A 500 in so many attempts does not pass by itself: some learner's row may be what the LMS stumbles over. */
const PATIENT_ATTEMPTS = 3;

/** More learners than these who are answered 500 each are no odd ones: the LMS is broken. */
const MOST_ODD = 5;

/**
 * Has the LMS remove the rows of a batch whose file is written. The LMS removes all or none, so a refused group is halved until
 * the odd ones stand alone: one of whom it has no row was cleaned up before, by an attempt whose answer was lost; another
 * one is refused, says why, and is tried again by the next run. So is, unasked, whoever a partner report needs. Safe to run
 * twice: each group is noted as soon as it is gone.
 */
export function createCleanUpBatch({
  database,
  platform,
}: RetirementDependencies): (input: BatchInput) => Promise<readonly RefusedLearner[]> {
  return ({ batchId }) =>
    beating(async () => {
      const batch = await findPlannedBatch(database, batchId);
      if (batch?.content !== null) throw new Error(`the file of batch ${batchId} has not been written`);
      const connected = await platform.current();
      await refuseMissing(database, batchId, 'there is no row of the learner here any more');
      const learners = await listBatchLearners(database, batchId);
      for (const { retirementId, currentState } of learners) {
        if (currentState !== COMPLETE)
          await recordRefused(database, retirementId, `the learner is ${currentState} here`);
      }
      const held = new Set(await refuseHeld(database, batchId, doubtOf(connected)));
      const complete = learners.filter(
        ({ currentState, retirementId }) => currentState === COMPLETE && !held.has(retirementId),
      );
      await translating(() => cleanUp({ database, connected, batchId, stumbles: [] }, complete));
      return listRefused(database, batchId);
    });
}

interface Work {
  readonly database: Database;
  readonly connected: Platform;
  readonly batchId: number;
  /** Learners who were answered 500 each. */
  readonly stumbles: BatchLearner[];
}

async function cleanUp(work: Work, learners: readonly BatchLearner[]): Promise<void> {
  const [first] = learners;
  if (first === undefined) return;
  const outcome = await remove(work, learners);
  if (outcome === 'cleaned') return noteCleaned(work, learners);
  if (learners.length > 1) {
    const middle = Math.ceil(learners.length / 2);
    await cleanUp(work, learners.slice(0, middle));
    return cleanUp(work, learners.slice(middle));
  }
  const { queue } = work.connected;
  const found = await queue.find(first.originalUsername, cancellationSignal());
  const because = whyNotGone(first, found);
  if (because === undefined) return noteCleaned(work, learners);
  const told = outcome === 'stumbled' ? 'the LMS answers 500' : because;
  await recordRefused(work.database, first.retirementId, told);
}

async function remove(
  { connected, stumbles }: Work,
  learners: readonly BatchLearner[],
): Promise<'cleaned' | 'refused' | 'stumbled'> {
  const names = learners.map(({ originalUsername }) => originalUsername);
  try {
    return (await connected.cleanup.remove(names, cancellationSignal())).kind;
  } catch (error) {
    const isStumble = error instanceof ServiceFailure && error.exchange.status === 500;
    if (!isStumble || activityInfo().attempt <= PATIENT_ATTEMPTS) throw error;
    if (learners.length === 1) stumbles.push(...learners);
    if (stumbles.length > MOST_ODD) throw error;
    return 'stumbled';
  }
}

function noteCleaned({ database, batchId }: Work, learners: readonly BatchLearner[]): Promise<void> {
  return recordCleaned(
    database,
    batchId,
    learners.map(({ retirementId }) => retirementId),
  );
}
