import { ApplicationFailure, proxyActivities, proxyLocalActivities, sleep } from '@temporalio/workflow';
import type { EarlierAttempts } from '../../activities/retirement/failing.ts';
import type { RetirementActivities } from '../../activities/retirement/index.ts';
import type { CompleteInput, Completed } from '../../activities/retirement/completing.ts';
import type { StageInput, StageResult } from '../../activities/retirement/stages.ts';
import type { RetryTiming } from '../../activities/retirement/opening.ts';
import { isObject } from '../../domain/json-object.ts';
import { stageName } from '../../domain/retirement/pipeline.ts';

// A worker that dies is noticed after this long; its activities run again elsewhere.
const HEARTBEAT_TIMEOUT = '10 seconds';

/** Retried until it works: what is left is the product's own house (database, configuration) or a write that must land. */
export const patient = proxyActivities<RetirementActivities>({
  startToCloseTimeout: '5 minutes',
  heartbeatTimeout: HEARTBEAT_TIMEOUT,
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute' },
});

/** For short effects that must not be tried in the workflow task first. */
export const retried = proxyActivities<RetirementActivities>({
  startToCloseTimeout: '1 minute',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '30 seconds' },
});

/** Writes COMPLETE and asks services about the learner, which may be many and slow. */
const completing = proxyActivities<RetirementActivities>({
  startToCloseTimeout: '10 minutes',
  heartbeatTimeout: HEARTBEAT_TIMEOUT,
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '30 seconds' },
});

const local = proxyLocalActivities<RetirementActivities>({
  startToCloseTimeout: '20 seconds',
  retry: { maximumAttempts: 1 },
});

type Quick = 'openRetirement' | 'readPipeline' | 'recordState';

/**
 * Runs a short effect inside the workflow task, which costs the server nothing; when that one attempt fails in a
 * way that may pass, runs it as an ordinary activity, whose retries an operator sees.
 */
export async function quickly<Name extends Quick>(
  name: Name,
  ...args: Parameters<RetirementActivities[Name]>
): Promise<Awaited<ReturnType<RetirementActivities[Name]>>> {
  type Effect = (...given: typeof args) => Promise<Awaited<ReturnType<RetirementActivities[Name]>>>;
  return firstLocally({
    what: name,
    waitMs: 1_000,
    locally: () => (local[name] as Effect)(...args),
    again: () => (retried[name] as Effect)(...args),
  });
}

/** Writes COMPLETE, with the retry budget of a stage. */
export async function completeRetirement(input: CompleteInput, retry: RetryTiming): Promise<Completed> {
  return firstLocally({
    what: 'COMPLETE',
    waitMs: retry.initialMs,
    locally: () => local.completeRetirement(input),
    again: (earlier) => completing.completeRetirement({ ...input, earlier }),
  });
}

type StageActivities = Record<string, (input: StageInput) => Promise<StageResult>>;

/**
 * Runs one stage as an activity that bears the name of its pipeline row, with its start state as the summary. The first
 * attempt is a local activity: a retirement without trouble then costs Temporal one workflow task instead of a task and
 * three events a stage.
 */
export async function runStage(input: StageInput, retry: RetryTiming): Promise<StageResult> {
  const name = stageName(input.stage);
  const summary = input.stage.startState;
  const first = proxyLocalActivities<StageActivities>({
    // Every request has a time-out of its own; this one is for a stage that does not come back at all.
    startToCloseTimeout: '10 minutes',
    summary,
    retry: { maximumAttempts: 1 },
  });
  const again = proxyActivities<StageActivities>({
    startToCloseTimeout: '10 minutes',
    heartbeatTimeout: HEARTBEAT_TIMEOUT,
    summary,
    retry: { initialInterval: retry.initialMs, backoffCoefficient: 2, maximumInterval: retry.maximumMs },
  });
  return firstLocally({
    what: summary,
    waitMs: retry.initialMs,
    locally: () => call(first, name, input),
    again: (earlier) => call(again, name, { ...input, earlier }),
  });
}

/**
 * One attempt in the workflow task. After a failure that may pass, and the wait that the service asked for or `waitMs`,
 * the effect goes on as an ordinary activity; what was tried before is told to it.
 */
async function firstLocally<Result>(effect: {
  readonly what: string;
  readonly waitMs: number;
  readonly locally: () => Promise<Result>;
  readonly again: (earlier: EarlierAttempts) => Promise<Result>;
}): Promise<Result> {
  const beganAtMs = Date.now();
  try {
    return await effect.locally();
  } catch (error) {
    if (isFinal(error)) throw error;
    await sleep(delayOf(error) ?? effect.waitMs, { summary: `before trying ${effect.what} again` });
  }
  return effect.again({ attempts: 1, beganAtMs });
}

function call(stages: StageActivities, name: string, input: StageInput): Promise<StageResult> {
  const activity = stages[name];
  if (activity === undefined) throw new Error('a proxy of activities answers every name');
  return activity(input);
}

/** The effect has failed for good; anything else is worth another attempt. */
function isFinal(error: unknown): boolean {
  return error instanceof ApplicationFailure && error.nonRetryable === true;
}

/** The wait that the service asked for. */
function delayOf(error: unknown): number | undefined {
  const details = error instanceof ApplicationFailure ? error.details?.[0] : undefined;
  return isObject(details) && typeof details['delayMs'] === 'number' ? details['delayMs'] : undefined;
}
