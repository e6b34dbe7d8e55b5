import { createLimiter } from '../../../domain/concurrency.ts';
import { retirementWorkflowId } from '../../../workflows/retirement/contract.ts';
import { isOpen } from '../claiming/claiming.ts';

const ASKED_AT_ONCE = 10;

/** Of these learners, the LMS user ids of those whose workflow is open. Asks each one, because lists of workflows lag. */
export async function listBusy(userIds: readonly number[]): Promise<ReadonlySet<number>> {
  const limited = createLimiter(ASKED_AT_ONCE);
  const busy = await Promise.all(
    userIds.map((userId) =>
      limited(async () => ((await isOpen(retirementWorkflowId(userId))) ? [userId] : [])),
    ),
  );
  return new Set(busy.flat());
}
