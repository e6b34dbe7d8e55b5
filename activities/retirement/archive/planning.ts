import type { Configuration } from '../../../config/configuration.ts';
import type { Database } from '../../../db/database.ts';
import {
  archiveFileKey,
  type HeldLearners,
  type RefusedLearner,
} from '../../../domain/retirement/archive.ts';
import { COMPLETE } from '../../../domain/retirement/states.ts';
import type { StoredReceipt } from '../../../receipts/stored-receipt.ts';
import { retryLater } from '../../failures.ts';
import { beating } from '../../heartbeat.ts';
import { completeElsewhere } from '../completing.ts';
import type { RetirementDependencies } from '../dependencies.ts';
import { translating } from '../failing.ts';
import type { Platform } from '../platform.ts';
import { listReceiptsOf } from '../receipts/store.ts';
import { countHeld } from './holding-store.ts';
import { identityLine, packFile, tokenLine } from './lines.ts';
import { locateInLms, type LmsTimes } from './locating.ts';
import { listBusy } from './open-workflows.ts';
import { cutoffOf, doubtOf, requireArchive } from './settings.ts';
import {
  deleteBatch,
  deleteFromBatch,
  findUnfinishedBatch,
  fixBatch,
  insertBatch,
  listBatchLearners,
  lockUnplannedBatch,
  type BatchLearner,
} from './store.ts';

/** Where a run is: batches and learners up to here have been looked at. */
export interface ArchiveCursor {
  readonly batchId: number;
  readonly retirementId: number;
}

export type NextBatch =
  | { readonly kind: 'none'; readonly held: readonly HeldLearners[] }
  | {
      readonly kind: 'batch';
      readonly cursor: ArchiveCursor;
      /** False when none of its learners can be archived now, and there is no such batch. */
      readonly isPlanned: boolean;
      readonly refused: readonly RefusedLearner[];
    };

/**
 * The next batch to work on: one that was left unfinished, or else a new one. When it returns, the batch's learners, key and bytes
 * are fixed. Safe to run twice: a batch that an attempt before has claimed or planned is the next unfinished one.
 */
export function createNextBatch(
  dependencies: RetirementDependencies,
): (after: ArchiveCursor) => Promise<NextBatch> {
  const { database, platform } = dependencies;
  return (after) =>
    beating(async () => {
      const connected = await platform.current();
      const settings = requireArchive(connected);
      const unfinished = await findUnfinishedBatch(database, after.batchId);
      if (unfinished !== undefined) {
        const cursor = { ...after, batchId: unfinished.batchId };
        if (unfinished.isPlanned) return { kind: 'batch', cursor, isPlanned: true, refused: [] };
        return { kind: 'batch', cursor, ...(await plan(dependencies, connected, unfinished.batchId)) };
      }
      const archivable = { before: cutoffOf(settings), doubt: doubtOf(connected) };
      const claimed = await insertBatch(database, {
        ...archivable,
        afterRetirementId: after.retirementId,
        size: settings.batchSize,
      });
      if (claimed === undefined) return { kind: 'none', held: await countHeld(database, archivable) };
      const cursor = { batchId: claimed.batchId, retirementId: claimed.lastRetirementId };
      return { kind: 'batch', cursor, ...(await plan(dependencies, connected, claimed.batchId)) };
    });
}

/** Gives back the learners who cannot be archived now, and fixes the file of the others. */
async function plan(
  dependencies: RetirementDependencies,
  connected: Platform,
  batchId: number,
): Promise<{ readonly isPlanned: boolean; readonly refused: readonly RefusedLearner[] }> {
  const { database } = dependencies;
  const claimed = await listBatchLearners(database, batchId);
  // Looked at after the claim: whoever starts a workflow from now on sees the claim, or is seen here.
  const busy = await listBusy(claimed.map(({ userId }) => userId));
  const idle = claimed.filter(({ userId, currentState }) => currentState === COMPLETE && !busy.has(userId));
  const located = await translating(() => locateInLms(connected, idle));
  const learners = idle.flatMap((learner) => {
    const where = located.get(learner.retirementId);
    return where?.kind === 'archivable' ? [{ ...learner, ...where.times }] : [];
  });
  const refused = idle.flatMap(({ userId, retirementId }) => {
    const where = located.get(retirementId);
    return where?.kind === 'elsewhere' ? [{ userId, because: where.because }] : [];
  });
  const isPlanned = await fix(database, batchId, {
    learners: learners.map(({ retirementId }) => retirementId),
    lines: await linesOf(dependencies, connected, learners),
  });
  return { isPlanned, refused };
}

async function linesOf(
  dependencies: RetirementDependencies,
  { configuration }: Platform,
  learners: readonly (BatchLearner & LmsTimes)[],
): Promise<readonly string[]> {
  const receipts = await receiptsOf(dependencies, configuration, learners);
  if (configuration.registrar.archive?.identity === 'keep') return learners.map(identityLine);
  return learners.map((learner) => {
    const own = receipts.filter(({ retirementId }) => retirementId === learner.retirementId);
    return tokenLine(learner, own);
  });
}

/** Everybody who is archived has a receipt, also who was COMPLETE before there were any. */
async function receiptsOf(
  dependencies: RetirementDependencies,
  configuration: Configuration,
  learners: readonly BatchLearner[],
): Promise<readonly StoredReceipt[]> {
  const { database } = dependencies;
  const userIds = learners.map(({ userId }) => userId);
  const had = new Set((await listReceiptsOf(database, userIds)).map(({ retirementId }) => retirementId));
  for (const { userId, retirementId } of learners) {
    if (had.has(retirementId)) continue;
    await completeElsewhere(dependencies, configuration, { userId, text: 'found COMPLETE' });
  }
  return listReceiptsOf(database, userIds);
}

/** True when the batch has a file. One transaction: a file's learners are the batch's. */
async function fix(
  database: Database,
  batchId: number,
  { learners, lines }: { readonly learners: readonly number[]; readonly lines: readonly string[] },
): Promise<boolean> {
  const file = packFile(lines);
  return database.transaction(async (tx) => {
    const members = await lockUnplannedBatch(tx, batchId);
    if (members === undefined) throw changedMeanwhile(batchId);
    const kept = new Set(learners);
    await deleteFromBatch(
      tx,
      batchId,
      members.filter((retirementId) => !kept.has(retirementId)),
    );
    if (learners.some((retirementId) => !members.includes(retirementId))) throw changedMeanwhile(batchId);
    if (learners.length === 0) {
      await deleteBatch(tx, batchId);
      return false;
    }
    const plannedAt = new Date();
    await fixBatch(tx, batchId, { plannedAt, key: archiveFileKey(plannedAt, batchId), ...file });
    return true;
  });
}

/** An attempt that was given up for dead does the same at this moment. */
function changedMeanwhile(batchId: number): Error {
  return retryLater('Unexpected', `batch ${batchId} of the archive was planned by somebody else meanwhile`);
}
