import { listRetirements, type ListedRetirement } from '../../activities/retirement/store.ts';
import type { Errored } from '../../domain/retirement/bulk.ts';
import { PENDING } from '../../domain/retirement/states.ts';
import type { RetirementQueue } from '../../platform/lms/retirement.ts';
import type { RetirementStatus } from '../../platform/lms/status.ts';
import { failed } from '../operation-error.ts';
import { isWithin, type Period } from './bulk-period.ts';
import type { RetirementContext } from './context.ts';

/** Somebody who is in a state: by our row, by the LMS, or by both. */
export type BulkLearner =
  | { readonly row: ListedRetirement; readonly status: RetirementStatus | undefined }
  | { readonly row: undefined; readonly status: RetirementStatus };

/** Everybody who is in `state` here or in the LMS and asked for deletion within the period, by LMS user id. */
export async function listBulkLearners(
  { database }: RetirementContext,
  queue: RetirementQueue,
  { state, period }: { readonly state: string; readonly period: Period | undefined },
): Promise<readonly BulkLearner[]> {
  // The LMS after our rows, which are written after it: whoever is COMPLETE here is so there, or was cleaned up.
  const rows = await listRetirements(database, { state });
  const listed = await queue.list([state]);
  if (listed.kind === 'refused') {
    throw failed(`the LMS does not know the state ${state}: see \`registrar doctor\``);
  }
  const statuses = new Map(listed.learners.map((status) => [status.userId, status]));
  const known = rows.map((row): BulkLearner => ({ row, status: statuses.get(row.userId) }));
  for (const { userId } of rows) statuses.delete(userId);
  const others = [...statuses.values()].map((status): BulkLearner => ({ row: undefined, status }));
  return [...known, ...others]
    .filter((learner) => isWithin(period, personOf(learner).requestedAt))
    .sort((one, other) => personOf(one).userId - personOf(other).userId);
}

export function personOf(
  learner: BulkLearner,
): Pick<RetirementStatus, 'userId' | 'originalUsername' | 'requestedAt'> {
  return learner.row ?? learner.status;
}

/** Where an ERRORED learner failed, as far as somebody noted it. */
export function failureOf({ row, status }: BulkLearner): Errored {
  if (row === undefined) return { lastState: status.lastState.name };
  return { failedStage: row.lastFailure?.stage, lastState: row.lastState };
}

/** True when some stage of a PENDING learner has begun already, so that there is no cancelling. */
export function hasBegun({ row, status }: BulkLearner): boolean {
  return row === undefined ? status.lastState.name !== PENDING : row.firstStageAt !== null;
}
