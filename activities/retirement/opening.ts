import { ApplicationFailure } from '@temporalio/common';
import type { Database } from '../../db/database.ts';
import { deadlinesOf } from '../../domain/retirement/deadlines.ts';
import type { Pipeline } from '../../domain/retirement/pipeline.ts';
import { locate } from '../../domain/retirement/pipeline.ts';
import { newStages } from '../../domain/retirement/resume.ts';
import { ABORTED, COMPLETE, ERRORED, PENDING } from '../../domain/retirement/states.ts';
import type { FoundState, RerunKind, RetireUserInput } from '../../workflows/retirement/contract.ts';
import { permanent, retryLater } from '../failures.ts';
import { findArchived, isClaimed } from './archive/store.ts';
import { completeElsewhere } from './completing.ts';
import type { RetirementDependencies } from './dependencies.ts';
import { translating } from './failing.ts';
import type { Platform } from './platform.ts';
import {
  changeState,
  findRetirement,
  recordAdoption,
  updateDeadlines,
  type StoredRetirement,
} from './store.ts';
import { line } from './wording.ts';

export interface OpenInput extends RetireUserInput {
  /** The workflow's time: ISO 8601. Makes the lines that a repeated attempt would write the same lines. */
  readonly at: string;
}

/** Everything the workflow needs to go on, and nothing that names a person. */
export interface Opened {
  /** ISO 8601, as the other two. None for a learner whose row the archive has taken away. */
  readonly coolOffUntil?: string;
  readonly warnAt?: string;
  readonly dueAt?: string;
  readonly pipeline: Pipeline;
  readonly completedStages: readonly string[];
  readonly retry: RetryTiming;
  readonly where: Where;
}

export interface RetryTiming {
  readonly initialMs: number;
  readonly maximumMs: number;
}

/** Where a retirement stands when a workflow begins to look after it. */
export type Where =
  /** Waiting for the cooling-off to end. `begun` = some stage has run before, so there is no cancelling. */
  | { readonly kind: 'pending'; readonly begun: boolean }
  /** Stage `index` is next; another driver did those before it. */
  | { readonly kind: 'adopted'; readonly index: number }
  | { readonly kind: 'rerun'; readonly stages: Pipeline }
  | { readonly kind: 'errored'; readonly failedStage?: string }
  | { readonly kind: 'closed'; readonly outcome: 'COMPLETE' | 'ABORTED'; readonly reason: string };

/**
 * Reads the configuration and the learner's row, checks the pipeline against the LMS, and says where the retirement
 * stands. Writes deadlines and, for a learner whom another driver left behind, the adoption; repeating it writes nothing
 * new. Throws, for good, `UnknownLearner` and `UnknownState`; a configuration or an LMS in trouble is worth another attempt.
 */
export function createOpenRetirement(
  dependencies: RetirementDependencies,
): (input: OpenInput) => Promise<Opened> {
  return async (input) => {
    const { database } = dependencies;
    const connected = await untilMended(() => connect(dependencies));
    const { pipeline, registrar } = connected.configuration;
    const retry = { initialMs: registrar.retryInitialMs, maximumMs: registrar.retryMaximumMs };
    const stored = await findRetirement(database, input.userId);
    if (stored === undefined)
      return { pipeline, completedStages: [], retry, where: await explainMissing(database, input.userId) };
    const deadlines = deadlinesOf(stored.requestedAt, registrar);
    await updateDeadlines(database, input.userId, deadlines);
    const where = await locateRetirement(dependencies, connected, stored, input);
    const fresh =
      where.kind === 'adopted' || where.kind === 'errored'
        ? await findRetirement(database, input.userId)
        : stored;
    return {
      coolOffUntil: deadlines.coolOffUntil.toISOString(),
      warnAt: deadlines.warnAt.toISOString(),
      dueAt: deadlines.dueAt.toISOString(),
      pipeline,
      completedStages: fresh?.completedStages ?? [],
      retry,
      where,
    };
  };
}

/** A run that was started while the archive was at work may open when the row is gone. */
async function explainMissing(database: Database, userId: number): Promise<Where> {
  if ((await findArchived(database, userId)) !== undefined)
    return closed('COMPLETE', 'the learner was archived, nothing is left to run');
  throw permanent(
    'UnknownLearner',
    `no row for LMS user ${userId} in user_retirement_status: start retirements with \`registrar retirement start\` or let the collector find them`,
  );
}

async function connect({ platform, lmsStates }: RetirementDependencies): Promise<Platform> {
  const connected = await platform.current();
  await translating(() => lmsStates.check(connected));
  return connected;
}

/** A configuration or an LMS account that is wrong stops nobody's retirement for good: it waits until that is mended. */
async function untilMended<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ApplicationFailure) || error.nonRetryable !== true) throw error;
    if (error.type !== 'ConfigurationInvalid' && error.type !== 'ServiceUnavailable') throw error;
    throw retryLater(error.type, error.message);
  }
}

async function locateRetirement(
  dependencies: RetirementDependencies,
  platform: Platform,
  stored: StoredRetirement,
  input: OpenInput,
): Promise<Where> {
  const { parked, rerun, userId, at } = input;
  if (parked !== undefined) {
    return {
      kind: 'errored',
      ...(parked.failedStage === undefined ? {} : { failedStage: parked.failedStage }),
    };
  }
  if (rerun !== undefined && (await isClaimed(dependencies.database, stored.retirementId)))
    return closed('COMPLETE', 'the learner is being archived');
  if (rerun !== undefined) return { kind: 'rerun', stages: stagesToRerun(platform, stored, rerun) };

  const found = isStale(input, stored) ? await lookUp(dependencies, platform, stored) : input.found;
  if (found === undefined)
    return closed('ABORTED', 'the LMS has no retirement row for the learner: cancelled there');
  if (found.state === COMPLETE) return closed('COMPLETE', 'the LMS has the learner as COMPLETE already');
  if (found.state === ABORTED) return closed('ABORTED', 'the LMS has the learner as ABORTED');
  if (found.state === PENDING) {
    // Moved back to PENDING by hand or by another driver: what it erased before cannot be given back.
    return { kind: 'pending', begun: stored.firstStageAt !== null || found.lastState !== PENDING };
  }
  if (found.state === ERRORED) return adoptErrored(dependencies, platform, stored, found, at);

  const { pipeline } = platform.configuration;
  const position = locate(pipeline, found.state);
  if (position.kind === 'unknown') {
    throw permanent(
      'UnknownState',
      `the LMS has the learner at ${found.state}, which is not in the pipeline: move the learner in the LMS's admin, or add a row with that state`,
    );
  }
  const text =
    position.kind === 'inside'
      ? `adopted: found in ${found.state} without a workflow; resumed at that stage`
      : `adopted: found in ${found.state} without a workflow; going on after it`;
  await recordAdoption(dependencies.database, {
    userId,
    state: found.state,
    line: line(at, text),
    completed: pipeline.slice(0, position.index).map((stage) => stage.endState),
    stage: pipeline[position.index]?.startState,
  });
  return { kind: 'adopted', index: position.index };
}

/** Nobody looked, because the workflow was started by hand; or what was seen is long past, because it was reset while parked. */
function isStale({ found }: OpenInput, stored: StoredRetirement): boolean {
  return found === undefined || (stored.currentState === ERRORED && found.state !== ERRORED);
}

async function lookUp(
  { lmsStates }: RetirementDependencies,
  { queue }: Platform,
  stored: StoredRetirement,
): Promise<FoundState | undefined> {
  const status = await untilMended(() => translating(() => queue.find(stored.originalUsername)));
  if (status === undefined) return undefined;
  await lmsStates.notice([status.currentState, status.lastState]);
  return { state: status.currentState.name, lastState: status.lastState.name };
}

async function adoptErrored(
  { database }: RetirementDependencies,
  platform: Platform,
  stored: StoredRetirement,
  found: FoundState,
  at: string,
): Promise<Where> {
  const { pipeline } = platform.configuration;
  // The last state is the failed stage's start state, or the state before it when already the move to it failed.
  const position = locate(pipeline, found.lastState);
  const failedStage =
    position.kind === 'unknown' ? undefined : (pipeline[position.index]?.startState ?? COMPLETE);
  await recordAdoption(database, {
    userId: stored.userId,
    state: ERRORED,
    stage: failedStage,
    line: line(
      at,
      `adopted: found in ERRORED without a workflow, last state ${found.lastState}; waiting for a resume`,
    ),
    completed:
      position.kind === 'unknown' ? [] : pipeline.slice(0, position.index).map((stage) => stage.endState),
  });
  return { kind: 'errored', ...(failedStage === undefined ? {} : { failedStage }) };
}

function stagesToRerun(platform: Platform, stored: StoredRetirement, kind: RerunKind): Pipeline {
  const { pipeline } = platform.configuration;
  return kind === 'all' ? pipeline : newStages(pipeline, stored.completedStages);
}

function closed(outcome: 'COMPLETE' | 'ABORTED', reason: string): Where {
  return { kind: 'closed', outcome, reason };
}

/** Writes a state that somebody else brought about, and why; a row that has it already keeps its own line. */
export function createRecordState(
  dependencies: RetirementDependencies,
): (change: RecordStateInput) => Promise<void> {
  return async ({ userId, state, text }) => {
    const { database, platform } = dependencies;
    if (state === COMPLETE) {
      const { configuration } = await platform.lastValid();
      return completeElsewhere(dependencies, configuration, { userId, text });
    }
    const stored = await findRetirement(database, userId);
    if (stored?.currentState === state) return;
    await changeState(database, { userId, state, line: line(new Date(), text) });
  };
}

export interface RecordStateInput {
  readonly userId: number;
  readonly state: string;
  readonly text: string;
}
