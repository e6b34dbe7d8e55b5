import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { isClaimed } from '../../activities/retirement/archive/store.ts';
import { findRetirement } from '../../activities/retirement/store.ts';
import { COMPLETE } from '../../domain/retirement/states.ts';
import { createLimiter } from '../../domain/concurrency.ts';
import { MAX_RERUN_USERS, retirementWorkflowId } from '../../workflows/retirement/contract.ts';
import { refused } from '../operation-error.ts';
import { toOperationError } from '../translate-error.ts';
import { CLEANED_UP } from './bulk-forecast.ts';
import { personOf, type BulkLearner } from './bulk-learners.ts';
import { lookAgain, type Moved, type Mover } from './bulk-move.ts';
import { runAgain, type RunAgain } from './runs.ts';
import { takeIn } from './take-in.ts';

const LOOKS_AT_ONCE = 8;

/**
 * Sends learners through the pipeline again, hundreds of them by one workflow of reruns: each of these asks the LMS for everybody who
 * is COMPLETE. That workflow alone knows who may run again: not whom the archive has claimed. `advance` is called after each learner.
 */
export async function rerunAll(
  mover: Mover,
  learners: readonly BulkLearner[],
  advance: () => void,
): Promise<readonly Moved[]> {
  const outcomes: Moved[] = [];
  for (let index = 0; index < learners.length; index += MAX_RERUN_USERS) {
    outcomes.push(...(await rerunSome(mover, learners.slice(index, index + MAX_RERUN_USERS), advance)));
  }
  return outcomes;
}

async function rerunSome(
  mover: Mover,
  learners: readonly BulkLearner[],
  advance: () => void,
): Promise<readonly Moved[]> {
  const refusals = new Map<BulkLearner, string>();
  await eachAtATime(learners, (learner) => refusalOf(() => prepare(mover, learner)), refusals);
  const ready = learners.filter((learner) => !refusals.has(learner));
  const run = ready.length === 0 ? undefined : await begin(mover, ready, refusals);
  if (run !== undefined && run.result.started < ready.length) {
    await eachAtATime(ready, (learner) => refusalOf(() => requireBegun(mover, learner, run)), refusals);
  }
  return learners.map((learner) => {
    advance();
    const refusal = refusals.get(learner);
    return { learner, moved: refusal === undefined, message: refusal ?? 'goes through all stages again' };
  });
}

/** The LMS has the learner as it was listed, and we have a row. */
async function prepare(mover: Mover, learner: BulkLearner): Promise<void> {
  const { context, configuration } = mover;
  if (learner.status === undefined) throw refused(CLEANED_UP);
  const status = await lookAgain(mover, learner);
  if ((await findRetirement(context.database, status.userId)) === undefined) {
    await takeIn(context, configuration, status);
  }
}

/** Undefined when that failed, for all of them. */
async function begin(
  { context }: Mover,
  ready: readonly BulkLearner[],
  refusals: Map<BulkLearner, string>,
): Promise<RunAgain | undefined> {
  const userIds = ready.map((learner) => personOf(learner).userId);
  try {
    return await runAgain(context, { userIds, kind: 'all' });
  } catch (error) {
    for (const learner of ready) refusals.set(learner, toOperationError(error).message);
    return undefined;
  }
}

/** Throws why not when the learner's newest workflow was there before the rerun was asked for. */
async function requireBegun({ context }: Mover, learner: BulkLearner, { askedAt }: RunAgain): Promise<void> {
  const { userId } = personOf(learner);
  const who = retirementWorkflowId(userId);
  const { client } = await context.temporal();
  const row = await findRetirement(context.database, userId);
  if (row !== undefined && (await isClaimed(context.database, row.retirementId))) {
    throw refused('the learner is being archived: nothing can be run again');
  }
  const begunAt = await newestStart(client, who);
  if (begunAt !== undefined && begunAt >= askedAt) return;
  throw refused(`the learner's workflow ${who} runs already, or the learner is not ${COMPLETE} any more`);
}

async function newestStart(client: Client, workflowId: string): Promise<Date | undefined> {
  try {
    return (await client.workflow.getHandle(workflowId).describe()).startTime;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

async function refusalOf(work: () => Promise<void>): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    return toOperationError(error).message;
  }
}

async function eachAtATime(
  learners: readonly BulkLearner[],
  look: (learner: BulkLearner) => Promise<string | undefined>,
  refusals: Map<BulkLearner, string>,
): Promise<void> {
  const limited = createLimiter(LOOKS_AT_ONCE);
  await Promise.all(
    learners.map((learner) =>
      limited(async () => {
        const refusal = await look(learner);
        if (refusal !== undefined) refusals.set(learner, refusal);
      }),
    ),
  );
}
