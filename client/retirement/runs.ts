import { createHash } from 'node:crypto';
import { isClaimed } from '../../activities/retirement/archive/store.ts';
import type { Configuration } from '../../config/configuration.ts';
import { COMPLETE } from '../../domain/retirement/states.ts';
import {
  COLLECT_RETIREMENTS,
  RERUN_RETIREMENTS,
  RETIREMENT_TASK_QUEUE,
  type CollectResult,
  type RerunInput,
  type RerunKind,
  type RerunResult,
} from '../../workflows/retirement/contract.ts';
import { withLms } from '../lms.ts';
import { refused } from '../operation-error.ts';
import { resultOf, runNow, startNow } from '../workflow-result.ts';
import type { RetirementContext } from './context.ts';
import { findInQueue, findWho, unknownWho } from './who.ts';

/** One pass of the collector, now and beside the schedule's. Throws what the pass failed with. */
export async function collectNow(context: RetirementContext): Promise<CollectResult> {
  return runNow<CollectResult>(await context.temporal(), COLLECT_RETIREMENTS, {
    workflowId: `${COLLECT_RETIREMENTS}-${new Date().toISOString()}-${process.pid}`,
    taskQueue: RETIREMENT_TASK_QUEUE,
    summary: 'Collection asked for by an operator',
  });
}

/** Sends COMPLETE learners through the pipeline again: everybody, or `who`. Throws when `who` is not COMPLETE. */
export async function rerunRetirements(
  context: RetirementContext,
  { who, kind }: { readonly who?: string | undefined; readonly kind: RerunKind },
): Promise<RerunResult> {
  const configuration = await context.configuration();
  const userId = who === undefined ? undefined : await completeUserId(context, configuration, who);
  return (await runAgain(context, { kind, ...(userId === undefined ? {} : { userId }) })).result;
}

export interface RunAgain {
  readonly result: RerunResult;
  /** When it was asked for, by Temporal's clock. */
  readonly askedAt: Date;
}

/** Starts the workflow of reruns, or joins the same one, and waits for its end. */
export async function runAgain(context: RetirementContext, input: RerunInput): Promise<RunAgain> {
  const temporal = await context.temporal();
  const handle = await startNow(temporal, RERUN_RETIREMENTS, {
    workflowId: rerunWorkflowId(input),
    taskQueue: RETIREMENT_TASK_QUEUE,
    args: [input],
    summary: 'Rerun asked for by an operator',
  });
  const { startTime: askedAt } = await handle.describe();
  return {
    result: await resultOf<RerunResult>(temporal, { handle, taskQueue: RETIREMENT_TASK_QUEUE }),
    askedAt,
  };
}

/** Somebody COMPLETE here, or completed in the LMS by another driver: the rerun takes those in by itself. */
async function completeUserId(
  context: RetirementContext,
  configuration: Configuration,
  who: string,
): Promise<number> {
  const row = await findWho(context.database, who);
  if (row === undefined) {
    const status = await withLms(configuration, ({ queue }) => findInQueue(queue, COMPLETE, who));
    return status?.userId ?? unknownWho(who);
  }
  if (await isClaimed(context.database, row.retirementId))
    throw refused('the learner is being archived: nothing can be run again');
  if (row.currentState === COMPLETE) return row.userId;
  throw refused(`the retirement is ${row.currentState}, only a COMPLETE one can be run again`);
}

/** The same request has the same id, so that somebody who asks twice waits for the first. */
function rerunWorkflowId({ userId, userIds, kind }: RerunInput): string {
  return [
    'rerun-retirements',
    ...(kind === 'only-new' ? [kind] : []),
    ...(userId === undefined ? [] : [userId]),
    ...(userIds === undefined ? [] : [`of-${userIds.length}`, digestOf(userIds)]),
  ].join('-');
}

/** Stands for a list that is too long for an id: the same learners, the same digest. */
function digestOf(userIds: readonly number[]): string {
  const sorted = [...userIds].sort((one, other) => one - other);
  return createHash('sha256').update(sorted.join()).digest('hex').slice(0, 16);
}
