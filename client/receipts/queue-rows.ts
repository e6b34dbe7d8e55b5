import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { insertRetirement } from '../../activities/retirement/store.ts';
import { deadlinesOf } from '../../domain/retirement/deadlines.ts';
import { statesInOrder } from '../../domain/retirement/pipeline.ts';
import { ERRORED } from '../../domain/retirement/states.ts';
import { RETIRE_USER, RETIREMENT_TASK_QUEUE, retirementStart } from '../../workflows/retirement/contract.ts';
import { withLms } from '../lms.ts';
import { refused } from '../operation-error.ts';
import type { TemporalAccess } from '../temporal.ts';
import type { ReceiptContext } from './context.ts';
import { listKnown, listOpenRows, type OpenRow } from './replay-store.ts';

export interface Settled {
  /** Learners of the LMS's queue who had no row here. */
  readonly takenIn: number;
  /** Rows under way here whose learners the LMS's queue does not have, and which no workflow looked after. */
  readonly lookedAfter: number;
}

/**
 * Makes our rows and the LMS's queue agree after either was restored. Who is in the queue gets a row: their workflow may be open
 * already, and then the collector would take nobody in. Who is not in it any more, cancelled or completed since the backup, gets a
 * workflow, which asks the LMS and closes the row. Safe to repeat.
 */
export async function settleQueue(
  context: ReceiptContext & { temporal(): Promise<TemporalAccess> },
): Promise<Settled> {
  const { database } = context;
  const configuration = await context.configuration();
  return withLms(configuration, async ({ queue }) => {
    const answer = await queue.list([...statesInOrder(configuration.pipeline), ERRORED]);
    if (answer.kind === 'refused') {
      throw refused('the LMS does not know a state of the pipeline: run `registrar doctor`');
    }
    const ids = answer.learners.map(({ userId }) => userId);
    const known = await listKnown(database, ids);
    const newer = answer.learners.filter(({ userId }) => !known.has(userId));
    for (const status of newer) {
      await insertRetirement(database, status, deadlinesOf(status.requestedAt, configuration.registrar));
    }
    const temporal = await context.temporal();
    let lookedAfter = 0;
    for (const row of await listOpenRows(database, ids)) {
      if (await lookAfter(temporal, row)) lookedAfter += 1;
    }
    return { takenIn: newer.length, lookedAfter };
  });
}

/** False when a workflow does so already. */
async function lookAfter({ client }: TemporalAccess, row: OpenRow): Promise<boolean> {
  const { userId, currentState: state, dueAt } = row;
  try {
    await client.workflow.start(RETIRE_USER, {
      ...retirementStart({ userId }, { state, dueAt }),
      taskQueue: RETIREMENT_TASK_QUEUE,
      workflowIdConflictPolicy: 'FAIL',
    });
    return true;
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return false;
    throw error;
  }
}
