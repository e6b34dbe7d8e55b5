import { activityInfo, getClient } from '@temporalio/activity';
import { WorkflowNotFoundError } from '@temporalio/common';
import type { Database } from '../../../db/database.ts';
import { findHolder, replaceHolder, type ClaimedWork, type WorkflowRun } from './store.ts';

/** The run that an activity works for. */
export function callingRun(): WorkflowRun {
  const { workflowExecution } = activityInfo();
  if (workflowExecution === undefined) throw new Error('only a workflow can claim a work for itself');
  return workflowExecution;
}

/**
 * Makes the calling workflow the only run that does the work: the schedule's and an operator's may meet. Safe to run twice: the
 * claim is this run's already. Returns the run that has it, when another one is open.
 */
export async function claim(database: Database, work: ClaimedWork): Promise<WorkflowRun | undefined> {
  const mine = callingRun();
  for (;;) {
    const before = await findHolder(database, work);
    if (before?.runId === mine.runId) return undefined;
    if (before !== undefined && (await isOpen(before.workflowId, before.runId))) return before;
    if (await replaceHolder(database, work, { mine, before })) return undefined;
  }
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
