import { activityInfo } from '@temporalio/activity';
import { stageName, type Stage } from '../../domain/retirement/pipeline.ts';
import type { Database } from '../../db/database.ts';
import { ServiceFailure } from '../../platform/failure.ts';
import type { ApplicationFailure } from '@temporalio/common';
import { permanent, retryLater } from '../failures.ts';
import { REGISTRAR } from './course-erasure/removing.ts';
import { findErasure, noteWaiting } from './course-erasure/store.ts';
import { LONGEST_WAIT_MS, type StillWaiting } from './course-erasure/waiting.ts';
import type { RetirementDependencies } from './dependencies.ts';
import { recordFailure, type StoredFailure } from './store.ts';
import { causeOf, storable } from './wording.ts';

export interface EarlierAttempts {
  readonly attempts: number;
  /** Milliseconds since 1970, the workflow's time. */
  readonly beganAtMs: number;
}

/** A stage of one learner, or a move of the LMS that belongs to no row of the pipeline. */
export interface Tried {
  readonly userId: number;
  readonly stage: Stage;
  readonly earlier?: EarlierAttempts;
}

/** What is left of a failed attempt: the story with identity in PostgreSQL, and a failure without it for Temporal. */
export async function failStage(
  { database, platform }: RetirementDependencies,
  failed: Tried & { readonly error: ServiceFailure },
): Promise<never> {
  const { transient, retryAfterMs, ...exchange } = failed.error.exchange;
  const { registrar } = (await platform.lastValid()).configuration;
  const waitedUntilMs = await endOfLastWait(database, failed);
  if (!transient || !nextAttemptFits(registrar, failed.earlier, retryAfterMs, waitedUntilMs)) {
    throw await giveUp(database, failed, exchange);
  }
  const stored = await keepFailure(database, failed, exchange);
  throw retryLater('StageWillRetry', causeOf(stored).what, retryAfterMs);
}

/** What is waited for has ended for a quarter of the whole wait at most, or half a minute, when it is looked at again. */
function lookAgainMs(waitedMs: number): number {
  return Math.min(Math.max(waitedMs / 4, 1_000), 30_000);
}

/**
 * Ends an attempt that has to wait, to be tried again by Temporal: no worker waits. Waiting is not failing: it leaves no
 * story and spends nothing of the retry budget, and it has a limit of its own, counted from the stage's first attempt.
 */
export async function keepWaiting(
  { database, longestWaitMs = LONGEST_WAIT_MS }: RetirementDependencies,
  waiting: Tried & { readonly error: StillWaiting },
): Promise<never> {
  const { earlier, error } = waiting;
  const waitedMs = Date.now() - (earlier?.beganAtMs ?? activityInfo().scheduledTimestampMs);
  if (waitedMs < longestWaitMs) {
    const delayMs = lookAgainMs(waitedMs);
    await noteWaiting(database, waiting.userId, delayMs);
    throw retryLater('StageWillRetry', error.message, delayMs);
  }
  throw await giveUp(database, waiting, {
    what: `${error.what} has not ended within ${longestWaitMs / 3_600_000} h: see \`registrar course show\``,
  });
}

/** Milliseconds since 1970; 0 where the stage never waits. */
async function endOfLastWait(database: Database, { userId, stage }: Tried): Promise<number> {
  if (stage.service !== REGISTRAR) return 0;
  return (await findErasure(database, userId))?.waitedUntil?.getTime() ?? 0;
}

/** Writes the failure down and returns it in the form that ends the stage, to be thrown. */
export async function giveUp(
  database: Database,
  tried: Tried,
  trouble: Trouble,
): Promise<ApplicationFailure> {
  const cause = causeOf(await keepFailure(database, tried, trouble));
  return permanent('StageFailed', cause.what, cause);
}

type Trouble = Pick<StoredFailure, 'what' | 'verb' | 'path' | 'route' | 'status' | 'body'>;

async function keepFailure(
  database: Database,
  { userId, stage, earlier }: Tried,
  { what, verb, path, route, status, body }: Trouble,
): Promise<StoredFailure> {
  const stored: StoredFailure = {
    stage: stage.startState,
    activity: stageName(stage),
    attempts: activityInfo().attempt + (earlier?.attempts ?? 0),
    at: new Date().toISOString(),
    what,
    verb,
    path,
    route,
    status,
    body: body === undefined ? undefined : storable(body),
  };
  await recordFailure(database, userId, stored);
  return stored;
}

interface RetrySettings {
  readonly retryBudgetMs: number;
  readonly retryInitialMs: number;
  readonly retryMaximumMs: number;
}

/**
 * The budget counts from the stage's first attempt, or from the end of its last wait, and is spent when the next attempt would begin
 * after it. It is decided here and not by a time-out of Temporal's, so that the last answer of the service is known when it is spent.
 */
export function nextAttemptFits(
  retry: RetrySettings,
  earlier: EarlierAttempts | undefined,
  retryAfterMs: number | undefined,
  waitedUntilMs = 0,
): boolean {
  const { attempt, scheduledTimestampMs } = activityInfo();
  const backoff = Math.min(retry.retryInitialMs * 2 ** (attempt - 1), retry.retryMaximumMs);
  const spent = Date.now() - Math.max(waitedUntilMs, earlier?.beganAtMs ?? scheduledTimestampMs);
  return spent + (retryAfterMs ?? backoff) <= retry.retryBudgetMs;
}

/** Requests to the LMS outside of any stage: their failures in a form that Temporal may see. */
export async function translating<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ServiceFailure)) throw error;
    const { transient, retryAfterMs } = error.exchange;
    if (transient) throw retryLater('ServiceUnavailable', error.message, retryAfterMs);
    throw permanent('ServiceUnavailable', `${error.message}; \`registrar doctor\` says more`);
  }
}
