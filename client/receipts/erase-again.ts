import { WorkflowNotFoundError } from '@temporalio/common';
import { insertRetirement } from '../../activities/retirement/store.ts';
import type { Configuration } from '../../config/configuration.ts';
import { deadlinesOf } from '../../domain/retirement/deadlines.ts';
import { statesInOrder } from '../../domain/retirement/pipeline.ts';
import { COMPLETE, ERRORED, PENDING } from '../../domain/retirement/states.ts';
import type { RetirementQueue } from '../../platform/lms/retirement.ts';
import type { RetirementStatus } from '../../platform/lms/status.ts';
import {
  ERASE_COURSE_USER,
  eraseCourseUserId,
  RETIRE_USER,
  RETIREMENT_TASK_QUEUE,
  retirementStart,
  retirementWorkflowId,
} from '../../workflows/retirement/contract.ts';
import type { Database } from '../../db/database.ts';
import { withLms } from '../lms.ts';
import { refused } from '../operation-error.ts';
import type { TemporalAccess } from '../temporal.ts';
import { toOperationError } from '../translate-error.ts';
import { hasWorker } from '../worker-presence.ts';
import type { ReceiptContext } from './context.ts';
import { listStandings, markComplete, type ErasedPerson, type Standing } from './replay-store.ts';

/** What became of somebody who is to be erased once more. */
export interface ErasedAgain {
  readonly userId: number;
  /** Of the erasure that the restored backup did not know. */
  readonly receipt: number;
  /** `wanted`: a dry run. `left`: somebody has to see to it. */
  readonly outcome: 'wanted' | 'begun' | 'under-way' | 'erased' | 'left';
  readonly message: string;
}

/** Where the workflows of this command say that they are of it. */
const MEMO = 'replayed';

interface Scene {
  readonly database: Database;
  readonly configuration: Configuration;
  readonly queue: RetirementQueue;
  readonly temporal: TemporalAccess;
  readonly isWorked: boolean;
}

/** Who is to be erased once more, or was so since; nobody is begun. */
export async function listToErase(
  { database }: ReceiptContext,
  people: readonly ErasedPerson[],
): Promise<readonly Standing[]> {
  const standings = await listStandings(database, people);
  return standings.filter(
    ({ isMarked, isArchived, isErasedSince, username }) =>
      isMarked || (username === undefined && !isArchived && !isErasedSince),
  );
}

/**
 * Sends people through all stages once more, without a cooling-off, whatever the LMS says of them: services may have been restored
 * as well. A run that an older Temporal still has of them is replaced. Who was erased since, or is being, is left alone. Throws only
 * when the LMS or Temporal cannot be asked at all.
 */
export async function eraseAgain(
  context: ReceiptContext & { temporal(): Promise<TemporalAccess> },
  standings: readonly Standing[],
  advance: () => void,
): Promise<readonly ErasedAgain[]> {
  const configuration = await context.configuration();
  const temporal = await context.temporal();
  const isWorked = await hasWorker(temporal, RETIREMENT_TASK_QUEUE);
  return withLms(configuration, async ({ queue }) => {
    const scene: Scene = { database: context.database, configuration, queue, temporal, isWorked };
    const open = standings.filter(({ isErasedSince }) => !isErasedSince);
    // Only names can be asked for one by one.
    const listed = open.some(({ username }) => username === undefined)
      ? await listEverybody(scene)
      : new Map<number, RetirementStatus>();
    const outcomes: ErasedAgain[] = [];
    for (const standing of standings) {
      outcomes.push(await eraseOne(scene, standing, listed));
      advance();
    }
    return outcomes;
  });
}

async function listEverybody({
  queue,
  configuration,
}: Scene): Promise<ReadonlyMap<number, RetirementStatus>> {
  const answer = await queue.list([...statesInOrder(configuration.pipeline), ERRORED, COMPLETE]);
  if (answer.kind === 'refused') {
    throw refused('the LMS does not know a state of the pipeline: run `registrar doctor`');
  }
  return new Map(answer.learners.map((status) => [status.userId, status]));
}

async function eraseOne(
  scene: Scene,
  standing: Standing,
  listed: ReadonlyMap<number, RetirementStatus>,
): Promise<ErasedAgain> {
  const { userId, receipt } = standing;
  const say = (outcome: ErasedAgain['outcome'], message: string): ErasedAgain => ({
    userId,
    receipt,
    outcome,
    message,
  });
  const left = (message: string): ErasedAgain => say('left', message);
  if (standing.isErasedSince) return say('erased', 'erased once more since');
  try {
    const open = await openRun(scene, standing);
    if (open === 'ours') return say('under-way', 'goes through all stages again');
    if (open === 'ours-errored') {
      return left(`is ERRORED again: see \`registrar retirement show ${userId}\`, and resume it`);
    }
    if (open === 'in-a-stage') {
      return left(
        `is in a stage of ${retirementWorkflowId(userId)}, which began before: wait for its end, or stop the workers; then run this command again`,
      );
    }
    const status = standing.username === undefined ? listed.get(userId) : await findTheirs(scene, standing);
    if (status === undefined) return left(await withoutLms(scene, standing));
    if (status.retirementId !== standing.retirementId) {
      return left(
        `the LMS has another request of theirs, at ${status.currentState.name}: let \`registrar retirement collect\` take it in, or ask for the deletion anew there`,
      );
    }
    await begin(scene, standing, status);
    return say('begun', 'goes through all stages again');
  } catch (error) {
    return left(toOperationError(error).message);
  }
}

async function findTheirs(
  { queue }: Scene,
  { userId, username }: Standing,
): Promise<RetirementStatus | undefined> {
  const status = username === undefined ? undefined : await queue.find(username);
  // The LMS falls back on names that differ only by case.
  return status?.userId === userId ? status : undefined;
}

type OpenRun = 'none' | 'ours' | 'ours-errored' | 'replaceable' | 'in-a-stage';

/** What the learner's workflow is at. While a worker may have a request of it under way, it is not taken away. */
async function openRun({ temporal, isWorked }: Scene, { userId, receipt }: Standing): Promise<OpenRun> {
  try {
    const run = await temporal.client.workflow.getHandle(retirementWorkflowId(userId)).describe();
    if (run.status.name !== 'RUNNING') return 'none';
    const state = run.searchAttributes['RetirementState']?.[0];
    if (run.memo?.[MEMO] === receipt) return state === ERRORED ? 'ours-errored' : 'ours';
    return isWorked && state !== ERRORED && state !== PENDING ? 'in-a-stage' : 'replaceable';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return 'none';
    throw error;
  }
}

async function begin(
  { database, configuration, temporal }: Scene,
  person: Standing,
  status: RetirementStatus,
): Promise<void> {
  const { userId, receipt } = person;
  const deadlines = deadlinesOf(status.requestedAt, configuration.registrar);
  if (!person.isMarked) {
    // A row without its mark would be taken for one that needs nothing.
    await database.transaction(async (tx) => {
      await insertRetirement(tx, status, deadlines);
      await markComplete(tx, [person], new Date().toISOString());
    });
  }
  await temporal.client.workflow.start(RETIRE_USER, {
    ...retirementStart({ userId, rerun: 'all' }, { state: PENDING, dueAt: deadlines.dueAt }),
    taskQueue: RETIREMENT_TASK_QUEUE,
    // An open one is of the time before the backup, and knows nothing of what followed.
    workflowIdConflictPolicy: 'TERMINATE_EXISTING',
    memo: { [MEMO]: receipt },
  });
}

/** Without the LMS no stage can be run; what is ours is erased all the same. */
async function withoutLms({ temporal }: Scene, { userId, isLinked }: Standing): Promise<string> {
  if (isLinked) {
    await temporal.client.workflow.start(ERASE_COURSE_USER, {
      workflowId: eraseCourseUserId({ userId }),
      taskQueue: RETIREMENT_TASK_QUEUE,
      args: [{ userId }],
      workflowIdConflictPolicy: 'USE_EXISTING',
      staticSummary: `LMS user ${userId} leaves the statistics`,
    });
  }
  return 'the LMS has no retirement of theirs: archived since, and then nothing is missing there; or the LMS was restored to before they asked, and then retire the account there anew and run `registrar retirement collect`';
}
