import type { Configuration } from '../../config/configuration.ts';
import { indexToRetry, type BulkMove } from '../../domain/retirement/bulk.ts';
import { stateBefore } from '../../domain/retirement/pipeline.ts';
import type { RetirementQueue } from '../../platform/lms/retirement.ts';
import type { RetirementStatus } from '../../platform/lms/status.ts';
import { CANCEL, RESUME } from '../../workflows/retirement/contract.ts';
import { refused } from '../operation-error.ts';
import { UNKNOWN_FAILURE } from './bulk-forecast.ts';
import { failureOf, personOf, type BulkLearner } from './bulk-learners.ts';
import type { RetirementContext } from './context.ts';
import { takeIn } from './take-in.ts';
import { startAndUpdate, updateOpen, type Update } from './updates.ts';

/** What the moves of one command share. */
export interface Mover {
  readonly context: RetirementContext;
  readonly configuration: Configuration;
  readonly queue: RetirementQueue;
  /** Whoever is in another state by now is left alone. */
  readonly initialState: string;
}

/** What became of a learner. */
export interface Moved {
  readonly learner: BulkLearner;
  readonly moved: boolean;
  /** What was done, or why nothing was. */
  readonly message: string;
}

/** What is done for one learner at a time; reruns are begun for many at once, in `bulk-rerun.ts`. */
export type SingleMove = Exclude<BulkMove, { readonly kind: 'rerun' }>;

/** Does it for one learner and answers what was done, in words. Throws what is refused. */
export function moveOne(mover: Mover, learner: BulkLearner, move: SingleMove): Promise<string> {
  switch (move.kind) {
    case 'resume':
      return update(mover, learner, { name: RESUME, argument: { state: move.from } });
    case 'retry':
      return retry(mover, learner);
    case 'cancel':
      return update(mover, learner, { name: CANCEL, argument: {} });
    default:
      return move satisfies never;
  }
}

async function retry(mover: Mover, learner: BulkLearner): Promise<string> {
  const { pipeline } = mover.configuration;
  const index = indexToRetry(pipeline, failureOf(learner));
  if (index === undefined) throw refused(UNKNOWN_FAILURE);
  return update(mover, learner, { name: RESUME, argument: { state: stateBefore(pipeline, index) } });
}

/** Gives the update to the learner's workflow; one who has none, left by another driver or terminated, gets it now. */
async function update(mover: Mover, learner: BulkLearner, message: Update): Promise<string> {
  const { context, configuration } = mover;
  const open = await updateOpen(context, personOf(learner).userId, message);
  if (open !== undefined) return open.message;
  const start = await takeIn(context, configuration, await lookAgain(mover, learner));
  return (await startAndUpdate(context, start, message)).message;
}

/** The learner as the LMS has them now: with many learners, the list is minutes old when the last one's turn comes. */
export async function lookAgain(
  { queue, initialState }: Mover,
  learner: BulkLearner,
): Promise<RetirementStatus> {
  const { userId, originalUsername } = personOf(learner);
  const status = await queue.find(originalUsername);
  if (status?.userId !== userId) {
    throw refused('no workflow looks after the learner, and the LMS has no row of the learner any more');
  }
  if (status.currentState.name === initialState) return status;
  throw refused(
    `the LMS has the learner as ${status.currentState.name}, and no longer as ${initialState}: nothing was done`,
  );
}
