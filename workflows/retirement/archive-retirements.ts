import { defineQuery, proxyActivities, setHandler, workflowInfo } from '@temporalio/workflow';
import type { ArchiveActivities } from '../../activities/retirement/archive/index.ts';
import {
  addRefused,
  type ArchivedBatch,
  type ArchivedResult,
  type ArchiveInput,
  type ArchiveResult,
  type RefusedTally,
} from '../../domain/retirement/archive.ts';
import { insist, readInput } from '../input.ts';
import { STATUS } from './contract.ts';

const activities = proxyActivities<ArchiveActivities>({
  startToCloseTimeout: '1 hour',
  heartbeatTimeout: '1 minute',
  // A run that cannot reach the LMS or the archive ends before long; the next one goes on where it stopped.
  retry: { initialInterval: '1 second', maximumInterval: '1 minute', maximumAttempts: 8 },
});

const statusQuery = defineQuery<ArchiveResult>(STATUS);

/**
 * Archives COMPLETE learners whose waiting time is over, batch by batch: the file first, then the clean-up of the LMS, then our own
 * rows. Batches that an earlier run left unfinished come first.
 */
export async function archiveRetirements(input: ArchiveInput = {}): Promise<ArchiveResult> {
  const { dryRun = false } = readInput(input, 'nothing, or {"dryRun": true}');
  insist(typeof dryRun === 'boolean', 'dryRun', 'true or false');
  const batches: ArchivedBatch[] = [];
  let refused: RefusedTally = { refused: [], refusedCount: 0 };
  setHandler(statusQuery, () => sumUp(batches, refused), { description: 'What has been archived so far.' });
  if (dryRun) return activities.countArchivable();
  await activities.beginArchive();
  let cursor = { batchId: 0, retirementId: 0 };
  while (!workflowInfo().continueAsNewSuggested) {
    const next = await activities.nextBatch(cursor);
    if (next.kind === 'none') return { ...sumUp(batches, refused), held: next.held };
    cursor = next.cursor;
    refused = addRefused(refused, next.refused);
    if (!next.isPlanned) continue;
    const { batchId } = cursor;
    const written = await activities.writeBatch({ batchId });
    refused = addRefused(refused, await activities.cleanUpBatch({ batchId }));
    batches.push({ batchId, ...written, ...(await activities.forgetBatch({ batchId })) });
  }
  return { ...sumUp(batches, refused), left: true };
}

function sumUp(batches: readonly ArchivedBatch[], refused: RefusedTally): ArchivedResult {
  const sum = (key: 'learners' | 'cleaned' | 'forgotten'): number =>
    batches.reduce((total, batch) => total + batch[key], 0);
  return {
    kind: 'archived',
    learners: sum('learners'),
    cleaned: sum('cleaned'),
    forgotten: sum('forgotten'),
    batches: [...batches],
    ...refused,
    held: [],
    left: false,
  };
}
