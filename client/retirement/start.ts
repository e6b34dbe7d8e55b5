import { WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError } from '@temporalio/common';
import { ABORTED, COMPLETE, ERRORED } from '../../domain/retirement/states.ts';
import type { RetirementStatus } from '../../platform/lms/status.ts';
import {
  RETIRE_USER,
  RETIREMENT_TASK_QUEUE,
  retirementWorkflowId,
} from '../../workflows/retirement/contract.ts';
import { withLms } from '../lms.ts';
import { notFound, refused } from '../operation-error.ts';
import type { TemporalAccess } from '../temporal.ts';
import type { RetirementContext } from './context.ts';
import { requireFittingPipeline, takeIn } from './take-in.ts';

export interface Started {
  readonly userId: number;
  readonly workflowId: string;
  /** As the LMS had the learner. */
  readonly state: string;
}

/**
 * Starts one learner's workflow without waiting for the collector; the cooling-off is waited out all the same. A learner
 * who is ERRORED in the LMS is parked and waits for a resume. Refuses one who is COMPLETE, ABORTED or under way.
 */
export async function startRetirement(context: RetirementContext, username: string): Promise<Started> {
  const configuration = await context.configuration();
  const temporal = await context.temporal();
  return withLms(configuration, async ({ queue }) => {
    const status = await queue.find(username);
    if (status === undefined || status.originalUsername !== username) throw unknownTo(username, status);
    refuseClosed(status);
    await requireFittingPipeline(context, configuration, queue, [status.currentState, status.lastState]);
    // Before the row is written: a workflow that still looks after an older request of the same person relies on it.
    if (await isUnderWay(temporal, status.userId)) throw underWay(status.userId);
    const start = await takeIn(context, configuration, status);
    try {
      await temporal.client.workflow.start(RETIRE_USER, {
        ...start,
        taskQueue: RETIREMENT_TASK_QUEUE,
        workflowIdConflictPolicy: 'FAIL',
      });
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      throw underWay(status.userId);
    }
    return { userId: status.userId, workflowId: start.workflowId, state: status.currentState.name };
  });
}

async function isUnderWay({ client }: TemporalAccess, userId: number): Promise<boolean> {
  try {
    const { status } = await client.workflow.getHandle(retirementWorkflowId(userId)).describe();
    return status.name === 'RUNNING';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}

function underWay(userId: number): Error {
  return refused(
    `the learner's workflow ${retirementWorkflowId(userId)} runs already: see \`registrar retirement show ${userId}\``,
  );
}

function unknownTo(username: string, status: RetirementStatus | undefined): Error {
  return notFound(
    status === undefined
      ? `the LMS has no retirement of "${username}": the learner has not asked for deletion, or has cancelled`
      : `the LMS has no retirement of "${username}", but one of "${status.originalUsername}": write the username exactly so`,
  );
}

function refuseClosed({ currentState, userId }: RetirementStatus): void {
  if (currentState.name === COMPLETE) {
    throw refused(
      `the LMS has the learner as COMPLETE: use \`registrar retirement rerun ${userId}\` to go through the pipeline again`,
    );
  }
  if (currentState.name === ABORTED) {
    throw refused(
      'the LMS has the learner as ABORTED, which ends a retirement: move the row in its admin if that is wrong',
    );
  }
}

/** What people are told after a start. */
export function describeStarted({ userId, workflowId, state }: Started): string {
  const rest =
    state === ERRORED
      ? `parked in ERRORED: resume it with \`registrar retirement resume ${userId} --from STATE\``
      : `found in ${state}`;
  return `started ${workflowId || retirementWorkflowId(userId)}, ${rest}`;
}
