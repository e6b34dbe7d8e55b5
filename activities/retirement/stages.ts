import { activityInfo, cancellationSignal } from '@temporalio/activity';
import { isAtOrPast, type Stage } from '../../domain/retirement/pipeline.ts';
import { COMPLETE, isTerminal, type TerminalState } from '../../domain/retirement/states.ts';
import type { Database } from '../../db/database.ts';
import { ServiceFailure } from '../../platform/failure.ts';
import type { ServiceMethod, ServiceOutcome } from '../../platform/learner.ts';
import type { RetirementStatus } from '../../platform/lms/status.ts';
import { permanent } from '../failures.ts';
import { beating } from '../heartbeat.ts';
import { createOwnService, REGISTRAR } from './course-erasure/removing.ts';
import { StillWaiting } from './course-erasure/waiting.ts';
import type { RetirementDependencies } from './dependencies.ts';
import { failStage, giveUp, keepWaiting, type EarlierAttempts } from './failing.ts';
import type { Platform } from './platform.ts';
import {
  beginStage,
  completeStage,
  findRetirement,
  type StageOutcome,
  type StoredRetirement,
} from './store.ts';
import { line, oneLine, storable } from './wording.ts';

export interface StageInput {
  readonly userId: number;
  readonly stage: Stage;
  /** Ask the LMS first whether the learner is still in its queue: set for the first stage after the cooling-off. */
  readonly confirm: boolean;
  /** What was tried before Temporal began to count the attempts. */
  readonly earlier?: EarlierAttempts;
}

export type StageResult =
  | { readonly kind: 'done' | 'nothing-to-erase' }
  /** The LMS has the learner at this stage's end or past it: an earlier attempt, or another driver, did it. */
  | { readonly kind: 'already-done' }
  /** The LMS has no row any more: cancelled there. */
  | { readonly kind: 'gone' }
  /** Somebody else took the learner to a terminal state. */
  | { readonly kind: 'elsewhere'; readonly state: TerminalState };

/**
 * One stage: the LMS to its start state, the service's method, the LMS to its end state, then our own row. Safe to run
 * again after dying between any two of these: a repeated attempt first reads where the LMS has the learner, a refused
 * move is no failure when the wanted state is already there, and our row's end state is written only over its start state.
 */
export function createRunStage(
  dependencies: RetirementDependencies,
): (input: StageInput) => Promise<StageResult> {
  return async (input) => {
    try {
      return await beating(() => runStage(dependencies, input));
    } catch (error) {
      if (error instanceof StillWaiting) return await keepWaiting(dependencies, { ...input, error });
      if (!(error instanceof ServiceFailure)) throw error;
      return await failStage(dependencies, { ...input, error });
    }
  };
}

async function runStage(dependencies: RetirementDependencies, input: StageInput): Promise<StageResult> {
  const { database, platform, lmsStates } = dependencies;
  const { userId, stage } = input;
  const learner = await findRetirement(database, userId);
  if (learner === undefined) throw permanent('UnknownLearner', `no row for LMS user ${userId}`);
  const connected = await platform.lastValid();
  const method = findMethod({ [REGISTRAR]: createOwnService(database), ...connected.services }, stage);
  if (method === undefined) {
    const what = `the configuration has no ${stage.service}.${stage.method} any more: correct the pipeline row, then resume`;
    throw await giveUp(database, input, { what });
  }
  const signal = cancellationSignal();
  const attempt: Attempt = { input, learner, platform: connected, database, signal };

  if (input.confirm || input.earlier !== undefined || activityInfo().attempt > 1) {
    const status = await connected.queue.find(learner.originalUsername, signal);
    if (status === undefined || isAnother(status, attempt)) return goneOrFail(attempt);
    await lmsStates.notice([status.currentState, status.lastState]);
    const settled = await settle(attempt, status.currentState.name);
    if (settled !== undefined) return settled;
    if (status.currentState.name === stage.startState) return callService(attempt, method);
  }
  return (await enterStage(attempt)) ?? (await callService(attempt, method));
}

interface Attempt {
  readonly input: StageInput;
  readonly learner: StoredRetirement;
  readonly platform: Platform;
  readonly database: Database;
  readonly signal: AbortSignal;
}

/** Moves the LMS to the start state; returns a result when there is nothing left to do. */
async function enterStage(attempt: Attempt): Promise<StageResult | undefined> {
  const { learner, platform, signal } = attempt;
  const { startState } = attempt.input.stage;
  const outcome = await platform.queue.move(
    { username: learner.originalUsername, state: startState, response: `Starting: ${startState}` },
    signal,
  );
  if (outcome.kind === 'moved') return undefined;
  const status = await platform.queue.find(learner.originalUsername, signal);
  if (status === undefined) return goneOrFail(attempt, outcome.failure);
  if (outcome.kind === 'gone') throw outcome.failure;
  if (status.currentState.name === startState) return undefined;
  const settled = await settle(attempt, status.currentState.name);
  if (settled !== undefined) return settled;
  throw new ServiceFailure({
    ...outcome.failure.exchange,
    what: `${outcome.failure.exchange.what}: the learner is at ${status.currentState.name} (step ${status.currentState.order})`,
  });
}

/** What the LMS's state says when it means that this stage needs no more work. */
async function settle(attempt: Attempt, state: string): Promise<StageResult | undefined> {
  const { stage } = attempt.input;
  const { pipeline } = attempt.platform.configuration;
  if (isAtOrPast(pipeline, state, stage)) {
    // An attempt that died after its last line: our row says so, and must not be taken back.
    if (isAtOrPast(pipeline, attempt.learner.currentState, stage)) return { kind: 'already-done' };
    await begin(attempt);
    await recordCompleted(attempt, {
      kind: 'already-done',
      response: `the LMS has the learner at ${state} already`,
    });
    return { kind: 'already-done' };
  }
  if (!isTerminal(state)) return undefined;
  // Our own COMPLETE, written by a worker that died before Temporal heard of it.
  const wasOurs = state === COMPLETE && attempt.learner.completedStages.includes(stage.endState);
  return wasOurs ? { kind: 'already-done' } : { kind: 'elsewhere', state };
}

async function callService(attempt: Attempt, method: ServiceMethod): Promise<StageResult> {
  const { input, learner, platform, signal } = attempt;
  const { stage } = input;
  // Before the call: that a stage has begun must never be forgotten once a service has heard of it.
  await begin(attempt);
  const outcome = await callMethod(attempt, method);
  const moved = await platform.queue.move(
    {
      username: learner.originalUsername,
      state: stage.endState,
      response: `Ending: ${stage.endState} with response:\n${storable(outcome.response)}`,
    },
    signal,
  );
  if (moved.kind === 'gone') throw moved.failure;
  if (moved.kind === 'refused') {
    const status = await platform.queue.find(learner.originalUsername, signal);
    const state = status?.currentState.name ?? '';
    if (!isAtOrPast(platform.configuration.pipeline, state, stage)) throw moved.failure;
  }
  await recordCompleted(attempt, {
    ...outcome,
    response: `${stage.service}.${stage.method} answered ${oneLine(outcome.response)}`,
  });
  return { kind: outcome.kind === 'erased' ? 'done' : 'nothing-to-erase' };
}

async function begin({ database, input }: Attempt): Promise<void> {
  const { startState } = input.stage;
  await beginStage(database, {
    userId: input.userId,
    startState,
    line: line(new Date(), `${startState}: begun`),
  });
}

async function callMethod(
  { input, learner, platform, signal }: Attempt,
  method: ServiceMethod,
): Promise<ServiceOutcome> {
  const findSegmentId = platform.segmentIdFor(input.stage.service);
  if (findSegmentId === undefined) return method({ learner, signal });
  const ecommerceSegmentId = await findSegmentId({ username: learner.originalUsername, signal });
  return method({ learner: { ...learner, ecommerceSegmentId }, signal });
}

type Ended = Omit<ServiceOutcome, 'kind'> & { readonly kind: StageOutcome['outcome'] };

async function recordCompleted(attempt: Attempt, ended: Ended): Promise<void> {
  const { database, input } = attempt;
  const { userId, stage } = input;
  const at = new Date();
  const done = {
    userId,
    startState: stage.startState,
    endState: stage.endState,
    line: line(at, `${stage.endState}: ${ended.response}`),
    outcome: { outcome: ended.kind, at: at.toISOString() },
    organisations: ended.organisations ?? [],
  };
  if (await completeStage(database, done)) return;
  // An attempt given up for dead has written something else since: the LMS has the stage, so our row is to have it too.
  await begin(attempt);
  await completeStage(database, done);
}

/** Before the first stage a missing row means a cancel in the LMS; later on it is a failure like any other. */
function goneOrFail(attempt: Attempt, failure?: ServiceFailure): StageResult {
  if (attempt.input.confirm) return { kind: 'gone' };
  throw failure ?? lostRow();
}

/** Cancelled in the LMS and asked for again: the new retirement has a cooling-off of its own, and gets its own workflow. */
function isAnother(status: RetirementStatus, { learner }: Attempt): boolean {
  return status.retirementId !== learner.retirementId;
}

function lostRow(): ServiceFailure {
  return new ServiceFailure({
    service: 'LMS',
    verb: 'GET',
    path: '/api/user/v1/accounts/{username}/retirement_status/',
    route: '/api/user/v1/accounts/{username}/retirement_status/',
    status: 404,
    what: 'answered 404: the LMS has no retirement row for the learner any more',
    transient: false,
  });
}

function findMethod(services: Platform['services'], stage: Stage): ServiceMethod | undefined {
  const service = Object.hasOwn(services, stage.service) ? services[stage.service] : undefined;
  return service !== undefined && Object.hasOwn(service, stage.method) ? service[stage.method] : undefined;
}
