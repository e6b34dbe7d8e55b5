import { WithStartWorkflowOperation, WorkflowUpdateFailedError } from '@temporalio/client';
import { rootCause, WorkflowNotFoundError, type Workflow } from '@temporalio/common';
import {
  RETIRE_USER,
  RETIREMENT_TASK_QUEUE,
  retirementWorkflowId,
  type CANCEL,
  type MessageAnswer,
  type RESUME,
  type retirementStart,
} from '../../workflows/retirement/contract.ts';
import { refused } from '../operation-error.ts';
import type { TemporalAccess } from '../temporal.ts';
import { requireWorker } from '../worker-presence.ts';
import { answerTimeoutMs, type RetirementContext } from './context.ts';

export interface Update {
  readonly name: typeof RESUME | typeof CANCEL;
  readonly argument: unknown;
}

/** The answer of the learner's open workflow, or undefined when there is none. Throws what the workflow refuses. */
export async function updateOpen(
  context: RetirementContext,
  userId: number,
  update: Update,
): Promise<MessageAnswer | undefined> {
  const temporal = await context.temporal();
  const handle = temporal.client.workflow.getHandle(retirementWorkflowId(userId));
  try {
    const { status } = await handle.describe();
    if (status.name !== 'RUNNING') return undefined;
    await requireWorker(temporal, RETIREMENT_TASK_QUEUE);
    return await answered(context, temporal, () =>
      handle.executeUpdate<MessageAnswer, [unknown]>(update.name, { args: [update.argument] }),
    );
  } catch (error) {
    // Never started, or closed a moment ago.
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

/** Starts the learner's workflow, unless somebody else just did, and gives it the update in the same request. */
export async function startAndUpdate(
  context: RetirementContext,
  start: ReturnType<typeof retirementStart>,
  update: Update,
): Promise<MessageAnswer> {
  const temporal = await context.temporal();
  const startWorkflowOperation = new WithStartWorkflowOperation(RETIRE_USER, {
    ...start,
    taskQueue: RETIREMENT_TASK_QUEUE,
    workflowIdConflictPolicy: 'USE_EXISTING',
  });
  return answered(context, temporal, () =>
    temporal.client.workflow.executeUpdateWithStart<Workflow, MessageAnswer, [unknown]>(update.name, {
      args: [update.argument],
      startWorkflowOperation,
    }),
  );
}

async function answered(
  context: RetirementContext,
  { client }: TemporalAccess,
  send: () => Promise<MessageAnswer>,
): Promise<MessageAnswer> {
  try {
    return await client.withDeadline(Date.now() + answerTimeoutMs(context), send);
  } catch (error) {
    if (error instanceof WorkflowUpdateFailedError) {
      throw refused(rootCause(error.cause) ?? error.message);
    }
    throw error;
  }
}
