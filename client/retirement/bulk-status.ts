import type { Configuration } from '../../config/configuration.ts';
import { decideBulkMove, type BulkMove, type BulkTarget } from '../../domain/retirement/bulk.ts';
import { createLimiter } from '../../domain/concurrency.ts';
import { RETIREMENT_TASK_QUEUE } from '../../workflows/retirement/contract.ts';
import { withLms } from '../lms.ts';
import { refused } from '../operation-error.ts';
import { toOperationError } from '../translate-error.ts';
import { requireWorker } from '../worker-presence.ts';
import { forecast } from './bulk-forecast.ts';
import { listBulkLearners, personOf, type BulkLearner } from './bulk-learners.ts';
import { moveOne, type Moved, type Mover, type SingleMove } from './bulk-move.ts';
import type { Period } from './bulk-period.ts';
import { rerunAll } from './bulk-rerun.ts';
import type { RetirementContext } from './context.ts';
import { requireFittingPipeline } from './take-in.ts';

export interface BulkRequest {
  readonly initialState: string;
  readonly target: BulkTarget;
  /** When the learners asked for deletion; absent = whenever. */
  readonly period?: Period | undefined;
  /** Only says what would happen. */
  readonly dryRun: boolean;
}

export interface BulkOutcome {
  readonly userId: number;
  readonly username: string;
  readonly outcome: 'moved' | 'not-moved' | 'would-move' | 'would-not-move';
  readonly message: string;
}

const MOVES_AT_ONCE = 8;

/**
 * Moves everybody in a state to another: ERRORED learners are resumed, COMPLETE ones run again, PENDING ones cancelled.
 * Throws before anybody is touched when the change would strand learners; what goes wrong for one of them is in the
 * outcome and keeps nobody else. `watch` hears how many learners there are, and its answer is called after each.
 */
export async function changeStatusInBulk(
  context: RetirementContext,
  asked: BulkRequest,
  watch: (total: number) => () => void,
): Promise<readonly BulkOutcome[]> {
  const { initialState, target, period, dryRun } = asked;
  const configuration = await context.configuration();
  const decision = decideBulkMove(configuration.pipeline, initialState, target);
  if (decision.kind === 'refused') throw refused(decision.reason);
  const { move } = decision;
  return withLms(configuration, async ({ queue }) => {
    const learners = await listBulkLearners(context, queue, { state: initialState, period });
    if (dryRun) return learners.map((learner) => foreseen(configuration, learner, move));
    if (learners.length > 0) {
      await requireWorker(await context.temporal(), RETIREMENT_TASK_QUEUE);
      const seen = learners.flatMap(({ status }) => status ?? []);
      const states = seen.flatMap((status) => [status.currentState, status.lastState]);
      await requireFittingPipeline(context, configuration, queue, states);
    }
    const advance = watch(learners.length);
    const mover = { context, configuration, queue, initialState };
    if (move.kind === 'rerun') return (await rerunAll(mover, learners, advance)).map(told);
    const limited = createLimiter(MOVES_AT_ONCE);
    return Promise.all(
      learners.map((learner) =>
        limited(async () => {
          const moved = await attempt(mover, learner, move);
          advance();
          return told(moved);
        }),
      ),
    );
  });
}

function foreseen({ pipeline }: Configuration, learner: BulkLearner, move: BulkMove): BulkOutcome {
  const { possible, text } = forecast(pipeline, learner, move);
  return { ...nameOf(learner), outcome: possible ? 'would-move' : 'would-not-move', message: text };
}

async function attempt(mover: Mover, learner: BulkLearner, move: SingleMove): Promise<Moved> {
  try {
    return { learner, moved: true, message: await moveOne(mover, learner, move) };
  } catch (error) {
    return { learner, moved: false, message: toOperationError(error).message };
  }
}

function told({ learner, moved, message }: Moved): BulkOutcome {
  return { ...nameOf(learner), outcome: moved ? 'moved' : 'not-moved', message };
}

function nameOf(learner: BulkLearner): Pick<BulkOutcome, 'userId' | 'username'> {
  const { userId, originalUsername } = personOf(learner);
  return { userId, username: originalUsername };
}
