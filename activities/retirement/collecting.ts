import { activityInfo, getClient } from '@temporalio/activity';
import { WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError } from '@temporalio/common';
import type { Database } from '../../db/database.ts';
import type { Client } from '@temporalio/client';
import type { Configuration } from '../../config/configuration.ts';
import { deadlinesOf } from '../../domain/retirement/deadlines.ts';
import { statesInOrder, type Pipeline } from '../../domain/retirement/pipeline.ts';
import { COMPLETE, ERRORED, PENDING } from '../../domain/retirement/states.ts';
import { createLimiter } from '../../domain/concurrency.ts';
import type { RetirementStatus } from '../../platform/lms/status.ts';
import {
  RETIRE_USER,
  retirementStart,
  retirementWorkflowId,
  userIdOf,
  type CollectResult,
  type RerunInput,
  type RerunResult,
  type RetireUserInput,
  type ShownState,
  stateKey,
} from '../../workflows/retirement/contract.ts';
import { permanent } from '../failures.ts';
import { beating } from '../heartbeat.ts';
import { completeElsewhere } from './completing.ts';
import type { RetirementDependencies } from './dependencies.ts';
import { translating } from './failing.ts';
import { writeMissingRows } from './missing-rows.ts';
import { findRetirement, insertRetirement, listComplete } from './store.ts';

const STARTS_AT_ONCE = 10;

/**
 * One pass of the collector: asks the LMS for everybody who is waiting, under way, stranded or ERRORED, takes them in,
 * starts a workflow for each one that has none, and gives each one a row who has a workflow and none. Safe to repeat and to
 * run twice at once: Temporal lets only one workflow of a learner be open. Throws `ConfigurationInvalid`, and
 * `TooManyLearners` when more learners than `user_count_error_threshold` would be new, before the cut to
 * `max_user_batch_size` and before anybody is started.
 */
export function createCollect(dependencies: RetirementDependencies): () => Promise<CollectResult> {
  return () => beating(() => collect(dependencies));
}

async function collect({ database, platform, lmsStates }: RetirementDependencies): Promise<CollectResult> {
  const connected = await platform.current();
  const { configuration, queue } = connected;
  const { pipeline, registrar } = configuration;
  const client = getClient();
  const listed = await translating(async () => {
    await lmsStates.check(connected);
    const answer = await queue.list(collectedStates(pipeline));
    if (answer.kind === 'refused')
      throw permanent('ConfigurationInvalid', 'the LMS does not know a state of the pipeline');
    return answer.learners;
  });
  await lmsStates.notice(listed.flatMap((status) => [status.currentState, status.lastState]));

  const learners = [...new Map(listed.map((status) => [status.userId, status])).values()];
  const open = await listOpen(client);
  const lookedAfter = learners.filter(({ userId }) => open.has(userId));
  await writeMissingRows(
    database,
    configuration,
    lookedAfter.map((status) => ({ status, shownState: open.get(status.userId) })),
  );
  const waiting = learners.filter((status) => !open.has(status.userId));
  if (waiting.length > registrar.userCountErrorThreshold) {
    throw permanent(
      'TooManyLearners',
      `${waiting.length} learners are new, more than user_count_error_threshold (${registrar.userCountErrorThreshold}): nobody was started; raise registrar.user_count_error_threshold if that many are right`,
    );
  }
  const batch = waiting.slice(0, registrar.maxUserBatchSize);
  const limited = createLimiter(STARTS_AT_ONCE);
  const outcomes = await Promise.all(
    batch.map((status) => limited(() => takeInAndStart({ database, client, settings: registrar }, status))),
  );
  const started = outcomes.filter(Boolean).length;
  return {
    listed: learners.length,
    started,
    running: learners.length - waiting.length + (batch.length - started),
    left: waiting.length - batch.length,
  };
}

/**
 * Writes the learner's row and starts the workflow; false when one is open already. Safe to repeat: a known retirement keeps
 * its progress, and Temporal refuses a second open workflow.
 */
export async function takeInAndStart(
  {
    database,
    client,
    settings,
  }: {
    readonly database: Database;
    readonly client: Client;
    readonly settings: Parameters<typeof deadlinesOf>[1];
  },
  status: RetirementStatus,
): Promise<boolean> {
  if (await hasOlderRetirement(database, client, status)) return false;
  const deadlines = deadlinesOf(status.requestedAt, settings);
  await insertRetirement(database, status, deadlines);
  return start(client, inputFor(status), { state: status.currentState.name, dueAt: deadlines.dueAt });
}

/**
 * Starts a new run for each COMPLETE learner who is to go through the pipeline again. Safe to repeat: whoever was started
 * by an attempt before has a row that changed since `requestedAt`, and is left alone. Throws `ConfigurationInvalid`, before
 * anybody is started, when the LMS refuses to list them.
 */
export function createStartReruns(
  dependencies: RetirementDependencies,
): (input: StartRerunsInput) => Promise<RerunResult> {
  return (input) => beating(() => startReruns(dependencies, input));
}

export interface StartRerunsInput extends RerunInput {
  /** ISO 8601: when the rerun was asked for. */
  readonly requestedAt: string;
}

async function startReruns(
  dependencies: RetirementDependencies,
  { userId, userIds, kind, requestedAt }: StartRerunsInput,
): Promise<RerunResult> {
  const { database, platform } = dependencies;
  const { configuration, queue } = await platform.current();
  const { pipeline } = configuration;
  const theirs = await translating(async () => {
    const answer = await queue.list([COMPLETE]);
    if (answer.kind === 'refused')
      throw permanent('ConfigurationInvalid', 'the LMS does not know the state COMPLETE');
    return answer.learners;
  });
  const asked = userIds ?? (userId === undefined ? undefined : [userId]);
  const among = asked && new Set(asked);
  await takeInComplete(
    dependencies,
    configuration,
    theirs.filter((learner) => among?.has(learner.userId) ?? true),
  );
  const complete = await listComplete(database, { userIds: asked, before: requestedAt });
  const endStates = kind === 'only-new' ? pipeline.map((stage) => stage.endState) : [];
  const chosen = complete.filter(
    ({ completedStages }) => kind === 'all' || endStates.some((state) => !completedStages.includes(state)),
  );
  const client = getClient();
  const limited = createLimiter(STARTS_AT_ONCE);
  const outcomes = await Promise.all(
    chosen.map((learner) =>
      limited(() =>
        start(client, { userId: learner.userId, rerun: kind }, { state: PENDING, dueAt: learner.dueAt }),
      ),
    ),
  );
  const started = outcomes.filter(Boolean).length;
  return { complete: complete.length, started, unchanged: complete.length - started };
}

/** Learners whom another driver completed are run again like our own; what they have completed is not known, so all is new. */
async function takeInComplete(
  dependencies: RetirementDependencies,
  configuration: Configuration,
  complete: readonly RetirementStatus[],
): Promise<void> {
  const { database } = dependencies;
  const limited = createLimiter(STARTS_AT_ONCE);
  await Promise.all(
    complete.map((status) =>
      limited(async () => {
        const known = await findRetirement(database, status.userId);
        if (known !== undefined && known.currentState !== COMPLETE) return;
        if (known === undefined)
          await insertRetirement(database, status, deadlinesOf(status.requestedAt, configuration.registrar));
        const text = 'found COMPLETE in the LMS';
        await completeElsewhere(dependencies, configuration, { userId: status.userId, text });
      }),
    ),
  );
}

/** Waiting, between two stages, stranded inside one, and ERRORED. */
function collectedStates(pipeline: Pipeline): readonly string[] {
  return [...statesInOrder(pipeline), ERRORED];
}

function inputFor(status: RetirementStatus): RetireUserInput {
  return {
    userId: status.userId,
    found: { state: status.currentState.name, lastState: status.lastState.name },
  };
}

/** By LMS user id, with the state that each workflow shows. Eventually consistent; whoever is missing here is refused by Temporal when started. */
async function listOpen(client: Client): Promise<ReadonlyMap<number, string | undefined>> {
  const open = new Map<number, string | undefined>();
  const query = `WorkflowType = '${RETIRE_USER}' and ExecutionStatus = 'Running'`;
  for await (const workflow of client.workflow.list({ query, pageSize: 1000 })) {
    const userId = userIdOf(workflow.workflowId);
    if (userId !== undefined) open.set(userId, workflow.typedSearchAttributes.get(stateKey));
  }
  return open;
}

/**
 * True while a workflow looks after an earlier retirement of the same person, cancelled in the LMS and asked for again. Its
 * row must stay until it has seen that at the end of its cooling-off; the new retirement is for a later collection.
 */
async function hasOlderRetirement(
  database: Database,
  client: Client,
  { userId, retirementId }: RetirementStatus,
): Promise<boolean> {
  const known = await findRetirement(database, userId);
  if (known === undefined || known.retirementId === retirementId) return false;
  try {
    const { status } = await client.workflow.getHandle(retirementWorkflowId(userId)).describe();
    return status.name === 'RUNNING';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}

/** False when the learner's workflow is open already. */
async function start(client: Client, input: RetireUserInput, shown: ShownState): Promise<boolean> {
  try {
    await client.workflow.start(RETIRE_USER, {
      ...retirementStart(input, shown),
      taskQueue: activityInfo().taskQueue,
      workflowIdConflictPolicy: 'FAIL',
    });
    return true;
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return false;
    throw error;
  }
}
