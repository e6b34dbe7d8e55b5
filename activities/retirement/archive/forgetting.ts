import type { RetirementDependencies } from '../dependencies.ts';
import { deleteForgotten, oneStanding, type BatchStanding } from './progress-store.ts';
import type { BatchInput } from './writing.ts';

/**
 * Deletes our own rows of the batch's learners whom the LMS has given up. Ids, times and receipts stay. Safe to run twice: a
 * row that is gone is not looked for again.
 */
export function createForgetBatch({
  database,
}: RetirementDependencies): (input: BatchInput) => Promise<BatchStanding> {
  return async ({ batchId }) => {
    await database.transaction((tx) => deleteForgotten(tx, batchId));
    return oneStanding(database, batchId);
  };
}
