import type { RetirementDependencies } from '../dependencies.ts';
import { deleteForgotten, oneStanding, type BatchStanding } from './progress-store.ts';
import { doubtOf } from './settings.ts';
import type { BatchInput } from './writing.ts';

/**
 * Deletes our own rows of the batch's learners whom the LMS has given up and no partner report needs; the next run tries again with
 * the others. Ids, times and receipts stay. Safe to run twice: a row that is gone is not looked for again.
 */
export function createForgetBatch({
  database,
  platform,
}: RetirementDependencies): (input: BatchInput) => Promise<BatchStanding> {
  return async ({ batchId }) => {
    const doubt = doubtOf(await platform.current());
    await database.transaction((tx) => deleteForgotten(tx, batchId, doubt));
    return oneStanding(database, batchId);
  };
}
