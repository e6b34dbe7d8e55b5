import { getClient } from '@temporalio/activity';
import { WorkflowNotFoundError } from '@temporalio/common';
import { createLimiter } from '../../../platform/concurrency.ts';
import { retirementWorkflowId } from '../../../workflows/retirement/contract.ts';

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

/** Whether a workflow, or a certain run of it, is under way. */
export async function isOpen(workflowId: string, runId?: string): Promise<boolean> {
  try {
    const { status } = await getClient().workflow.getHandle(workflowId, runId).describe();
    return status.name === 'RUNNING';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}
