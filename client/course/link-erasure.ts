import { findArchived } from '../../activities/retirement/archive/store.ts';
import { findRetirement } from '../../activities/retirement/store.ts';
import type { Configuration } from '../../config/configuration.ts';
import type { Database } from '../../db/database.ts';
import { locate, type Pipeline } from '../../domain/retirement/pipeline.ts';
import { ABORTED, COMPLETE, ERRORED } from '../../domain/retirement/states.ts';
import {
  ERASE_COURSE_USER,
  eraseCourseUserId,
  RETIREMENT_TASK_QUEUE,
  type EraseCourseUserResult,
} from '../../workflows/retirement/contract.ts';
import { failed } from '../operation-error.ts';
import type { TemporalAccess } from '../temporal.ts';
import { runNow } from '../workflow-result.ts';
import { findLinkedUser } from './link-store.ts';

/** What a link is given that may come too late. Temporal and the configuration are asked for only where they are needed. */
export interface LinkContext {
  readonly database: Database;
  temporal(): Promise<TemporalAccess>;
  configuration(): Promise<Configuration>;
}

/**
 * True when the learner's retirement is past the statistics, or there now: archived, COMPLETE, or under way and beyond the row of
 * `REGISTRAR`. To be asked after the link is committed: a stage that begins later finds it. Of somebody whom another driver
 * completed nothing is known here.
 */
export async function isPastStatistics(context: LinkContext, lmsUserId: number): Promise<boolean> {
  const { database } = context;
  const row = await findRetirement(database, lmsUserId);
  if (row === undefined) return (await findArchived(database, lmsUserId)) !== undefined;
  if (row.currentState === COMPLETE) return true;
  if (row.currentState === ABORTED || row.firstStageAt === null) return false;
  const { pipeline } = await context.configuration();
  const state = row.currentState === ERRORED ? row.lastState : row.currentState;
  return pipeline.some(
    ({ service, endState }, index) =>
      service === 'REGISTRAR' && (row.completedStages.includes(endState) || hasBegun(pipeline, state, index)),
  );
}

/** True in the stage's start state and in any that a learner reaches after it. */
function hasBegun(pipeline: Pipeline, state: string, index: number): boolean {
  const position = locate(pipeline, state);
  if (position.kind === 'unknown') return false;
  return position.kind === 'inside' ? position.index >= index : position.index > index;
}

/**
 * Takes a linked learner out of the statistics, and waits until every course was rebuilt without them; who is being taken out already
 * is waited for. Throws what it failed with, and when no worker would do it.
 */
export async function eraseLinked(context: LinkContext, userId: number): Promise<EraseCourseUserResult> {
  const result = await runNow<EraseCourseUserResult>(await context.temporal(), ERASE_COURSE_USER, {
    workflowId: eraseCourseUserId({ userId }),
    taskQueue: RETIREMENT_TASK_QUEUE,
    args: [{ userId }],
    summary: `LMS user ${userId} leaves the statistics`,
  });
  // An erasure that was under way may have come to its end before the link was made.
  if ((await findLinkedUser(context.database, userId)) === undefined) return result;
  throw failed(`LMS user ${userId} is in the statistics still: link them once more`);
}
