import { cancellationSignal } from '@temporalio/activity';
import type { Stage } from '../../domain/retirement/pipeline.ts';
import { ABORTED, COMPLETE, ERRORED, isTerminal } from '../../domain/retirement/states.ts';
import { ServiceFailure } from '../../platform/failure.ts';
import { LMS } from '../../platform/lms/client.ts';
import type { RetirementQueue } from '../../platform/lms/retirement.ts';
import type { CancelRequest } from '../../workflows/retirement/contract.ts';
import { permanent, retryLater } from '../failures.ts';
import { beating } from '../heartbeat.ts';
import type { RetirementDependencies } from './dependencies.ts';
import { failStage, type EarlierAttempts, type Tried } from './failing.ts';
import { addResponse, changeState, findRetirement, type StoredRetirement } from './store.ts';
import { byWhomAndWhy, describeFailure, line, storable } from './wording.ts';

export interface MoveBackInput {
  readonly userId: number;
  /** PENDING or an end state of the pipeline. */
  readonly state: string;
  /** Line for `responses`, without its time. */
  readonly text: string;
  /** ISO 8601, the workflow's time. */
  readonly at: string;
}

export interface RecordErroredInput {
  readonly userId: number;
  /** Without identity. */
  readonly what: string;
  /** The failure left its whole story in PostgreSQL. */
  readonly hasStory: boolean;
}

export interface CompleteInput {
  readonly userId: number;
  /** What was tried before Temporal began to count the attempts. */
  readonly earlier?: EarlierAttempts;
}

export interface CancelInput extends CancelRequest {
  readonly userId: number;
}

export type CancelResult =
  { readonly kind: 'cancelled' } | { readonly kind: 'refused'; readonly reason: string };

export interface NoteInput {
  readonly userId: number;
  readonly at: string;
  readonly text: string;
}

/** Forces the LMS back to an earlier state and writes who wanted it. Taking the same state twice changes nothing. */
export function createMoveBack(
  dependencies: RetirementDependencies,
): (input: MoveBackInput) => Promise<{ readonly kind: 'moved' | 'gone' }> {
  return async ({ userId, state, text, at }) => {
    const { learner, queue } = await prepare(dependencies, userId);
    return talking(
      async (signal) => {
        const outcome = await queue.move(
          { username: learner.originalUsername, state, response: storable(text), force: true },
          signal,
        );
        if (outcome.kind === 'refused') throw outcome.failure;
        if (outcome.kind === 'gone') {
          if ((await queue.find(learner.originalUsername, signal)) !== undefined) throw outcome.failure;
          return { kind: 'gone' };
        }
        await changeState(dependencies.database, { userId, state, line: line(at, text) });
        return { kind: 'moved' };
      },
      failing(dependencies, { userId, stage: moveTo(state) }),
    );
  };
}

/**
 * Writes ERRORED with the whole story to our row, then to the LMS. Repeated until the LMS takes it; ends without the LMS
 * when that has no row any more or keeps the learner in a terminal state of its own.
 */
export function createRecordErrored(
  dependencies: RetirementDependencies,
): (input: RecordErroredInput) => Promise<void> {
  return async ({ userId, what, hasStory }) => {
    const { database } = dependencies;
    const stored = await findRetirement(database, userId);
    if (stored === undefined) return;
    const story = hasStory && stored.lastFailure !== null ? describeFailure(stored.lastFailure) : what;
    if (stored.currentState !== ERRORED) {
      await changeState(database, {
        userId,
        state: ERRORED,
        line: line(new Date(), `${ERRORED}: ${story}`),
        keepsFailure: hasStory,
      });
    }
    const { queue } = await dependencies.platform.lastValid();
    // Not aborted by a cancellation: a request half-way may still land, after the move of the resume that called it off.
    await talking(async () => {
      const outcome = await queue.move({
        username: stored.originalUsername,
        state: ERRORED,
        response: story,
      });
      if (outcome.kind !== 'refused') return;
      const status = await queue.find(stored.originalUsername);
      if (status !== undefined && !isTerminal(status.currentState.name)) throw outcome.failure;
    }, insist);
  };
}

/** Writes COMPLETE to the LMS and to our row. A refused move is no failure when the LMS has it already. */
export function createComplete(
  dependencies: RetirementDependencies,
): (input: CompleteInput) => Promise<void> {
  return async ({ userId, earlier }) => {
    const { learner, queue } = await prepare(dependencies, userId);
    await talking(
      async (signal) => {
        const move = {
          username: learner.originalUsername,
          state: COMPLETE,
          response: 'Learner retirement complete.',
        };
        const outcome = await queue.move(move, signal);
        if (outcome.kind === 'gone') throw outcome.failure;
        if (outcome.kind === 'refused') {
          const status = await queue.find(learner.originalUsername, signal);
          if (status?.currentState.name !== COMPLETE) throw outcome.failure;
        }
      },
      failing(dependencies, {
        userId,
        stage: moveTo(COMPLETE),
        ...(earlier === undefined ? {} : { earlier }),
      }),
    );
    // Written by an attempt that died before Temporal heard of it.
    if (learner.currentState === COMPLETE) return;
    const text = `${COMPLETE}: every stage of the pipeline is done`;
    await changeState(dependencies.database, { userId, state: COMPLETE, line: line(new Date(), text) });
  };
}

/** Cancels in the LMS, which gives the address back and removes the row. A row that is gone already is a cancel too. */
export function createCancel(
  dependencies: RetirementDependencies,
): (input: CancelInput) => Promise<CancelResult> {
  return async ({ userId, by, reason }) => {
    const { learner, queue } = await prepare(dependencies, userId);
    return talking(async (signal) => {
      const state = await cancelInLms(queue, learner, signal);
      if (state !== undefined) {
        return { kind: 'refused', reason: `the LMS does not cancel: the learner is at ${state} there` };
      }
      const text = `cancelled${byWhomAndWhy({ by, reason })}`;
      if (learner.currentState !== ABORTED) {
        await changeState(dependencies.database, { userId, state: ABORTED, line: line(new Date(), text) });
      }
      return { kind: 'cancelled' };
    }, refuseOrInsist);
  };
}

/** The state that the LMS keeps the learner in, or undefined when it has no retirement of this person any more. */
async function cancelInLms(
  queue: RetirementQueue,
  { retirementId, originalUsername }: StoredRetirement,
  signal: AbortSignal,
): Promise<string | undefined> {
  if ((await queue.cancel(retirementId, signal)).kind === 'cancelled') return undefined;
  const status = await queue.find(originalUsername, signal);
  if (status === undefined) return undefined;
  // Cancelled there and asked for again since: the cancel means the person, so it takes the new request.
  const asksAgain = status.retirementId !== retirementId;
  if (asksAgain && (await queue.cancel(status.retirementId, signal)).kind === 'cancelled') return undefined;
  return status.currentState.name;
}

/** One more line in `responses`: a refusal, most often. */
export function createAddNote({ database }: RetirementDependencies): (input: NoteInput) => Promise<void> {
  return ({ userId, at, text }) => addResponse(database, userId, line(at, text));
}

async function prepare(
  { database, platform }: RetirementDependencies,
  userId: number,
): Promise<{
  readonly learner: StoredRetirement;
  readonly queue: Awaited<ReturnType<typeof platform.lastValid>>['queue'];
}> {
  const learner = await findRetirement(database, userId);
  if (learner === undefined)
    throw permanent('UnknownLearner', `no row for LMS user ${userId} in user_retirement_status`);
  return { learner, queue: (await platform.lastValid()).queue };
}

/** Runs requests to the LMS with heartbeats; a failure of the LMS's goes through `translate`, which throws. */
async function talking<Result>(
  work: (signal: AbortSignal) => Promise<Result>,
  translate: (failure: ServiceFailure) => Promise<Result>,
): Promise<Result> {
  try {
    return await beating(() => work(cancellationSignal()));
  } catch (error) {
    if (!(error instanceof ServiceFailure)) throw error;
    return await translate(error);
  }
}

/** A write that must land does not wait longer than this because one answer asked for it. */
const LONGEST_WAIT_MS = 60_000;

/** Whatever the LMS says: try again. */
async function insist(failure: ServiceFailure): Promise<never> {
  const { retryAfterMs } = failure.exchange;
  const waitMs = retryAfterMs === undefined ? undefined : Math.min(retryAfterMs, LONGEST_WAIT_MS);
  throw retryLater('ServiceUnavailable', failure.message, waitMs);
}

async function refuseOrInsist(failure: ServiceFailure): Promise<CancelResult> {
  return failure.exchange.transient ? insist(failure) : { kind: 'refused', reason: failure.message };
}

function failing(
  dependencies: RetirementDependencies,
  tried: Tried,
): (failure: ServiceFailure) => Promise<never> {
  return (error) => failStage(dependencies, { ...tried, error });
}

/** A move of the LMS that belongs to no row of the pipeline fails by the same rules as a stage. */
function moveTo(state: string): Stage {
  return { startState: state, endState: state, service: LMS, method: 'update_retirement_status' };
}
