import { activityInfo, getClient } from '@temporalio/activity';
import { WorkflowNotFoundError } from '@temporalio/common';
import type { Database } from '../../../db/database.ts';
import { retryLater } from '../../failures.ts';
import { findHolder, replaceHolder, type Run } from './run-store.ts';

/** The run that an activity works for. */
export function callingRun(): Run {
  const { workflowExecution } = activityInfo();
  if (workflowExecution === undefined) throw new Error('only a workflow can make a partner report');
  return workflowExecution;
}

/**
 * Makes `mine` the only run that works on reports: the schedule's and an operator's may meet. Throws `UpdateUnderWay`, to be tried
 * again, while another one is open.
 */
export async function claimReports(database: Database, mine: Run): Promise<void> {
  for (;;) {
    const holder = await findHolder(database);
    if (holder?.runId === mine.runId) return;
    if (holder !== undefined && (await isOpen(holder))) {
      throw retryLater(
        'UpdateUnderWay',
        `a partner report is under way as ${holder.workflowId}: this one waits for its end`,
      );
    }
    if (await replaceHolder(database, mine, holder)) return;
  }
}

async function isOpen({ workflowId, runId }: Run): Promise<boolean> {
  try {
    const { status } = await getClient().workflow.getHandle(workflowId, runId).describe();
    return status.name === 'RUNNING';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}
