import { ABORTED, ERRORED, isTerminal } from '../../domain/retirement/states.ts';
import type { ServiceFailure } from '../../platform/failure.ts';
import type { RetirementQueue } from '../../platform/lms/retirement.ts';
import type { CancelRequest } from '../../workflows/retirement/contract.ts';
import { retryLater } from '../failures.ts';
import type { RetirementDependencies } from './dependencies.ts';
import { failStage, type Tried } from './failing.ts';
import { addResponse, changeState, findRetirement, type StoredRetirement } from './store.ts';
import { moveTo, prepare, talking } from './talking.ts';
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
  /** The LMS has the learner as COMPLETE, and is to have ERRORED all the same. */
  readonly force?: boolean;
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
    const {
      learner,
      platform: { queue },
    } = await prepare(dependencies, userId);
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
  return async ({ userId, what, hasStory, force = false }) => {
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
        force,
      });
      if (outcome.kind !== 'refused') return;
      const status = await queue.find(stored.originalUsername);
      if (status !== undefined && !isTerminal(status.currentState.name)) throw outcome.failure;
    }, insist);
  };
}

/** Cancels in the LMS, which gives the address back and removes the row. A row that is gone already is a cancel too. */
export function createCancel(
  dependencies: RetirementDependencies,
): (input: CancelInput) => Promise<CancelResult> {
  return async ({ userId, by, reason }) => {
    const {
      learner,
      platform: { queue },
    } = await prepare(dependencies, userId);
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
