import { log, proxyActivities, proxyLocalActivities } from '@temporalio/workflow';
import type { RetirementActivities } from '../../activities/retirement/index.ts';
import type { StageInput, StageResult } from '../../activities/retirement/stages.ts';
import type { RetryTiming } from '../../activities/retirement/opening.ts';
import { stageName } from '../../domain/retirement/pipeline.ts';

// A worker that dies is noticed after this long; its activities run again elsewhere.
const HEARTBEAT_TIMEOUT = '10 seconds';

/** Retried until it works: what is left is the product's own house (database, configuration) or a write that must land. */
export const patient = proxyActivities<RetirementActivities>({
  startToCloseTimeout: '5 minutes',
  heartbeatTimeout: HEARTBEAT_TIMEOUT,
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute' },
});

const unheard = proxyActivities<RetirementActivities>({
  startToCloseTimeout: '1 minute',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '30 seconds' },
});

const local = proxyLocalActivities<RetirementActivities>({
  startToCloseTimeout: '20 seconds',
  retry: { maximumAttempts: 1 },
});

type Quick = 'openRetirement' | 'readPipeline' | 'recordState' | 'addNote' | 'completeRetirement';

/**
 * Runs a short effect inside the workflow task, which costs the server nothing; when that one attempt fails, runs it as
 * an ordinary activity, whose retries an operator sees.
 */
export async function quickly<Name extends Quick>(
  name: Name,
  ...args: Parameters<RetirementActivities[Name]>
): Promise<Awaited<ReturnType<RetirementActivities[Name]>>> {
  type Effect = (...given: typeof args) => Promise<Awaited<ReturnType<RetirementActivities[Name]>>>;
  try {
    return await (local[name] as Effect)(...args);
  } catch {
    log.debug('a local attempt failed, going on as an activity', { activity: name });
    return (unheard[name] as Effect)(...args);
  }
}

/** Runs one stage as an activity that bears the name of its pipeline row, with its start state as the summary. */
export async function runStage(input: StageInput, retry: RetryTiming): Promise<StageResult> {
  const stages = proxyActivities<Record<string, (input: StageInput) => Promise<StageResult>>>({
    startToCloseTimeout: '10 minutes',
    heartbeatTimeout: HEARTBEAT_TIMEOUT,
    summary: input.stage.startState,
    retry: { initialInterval: retry.initialMs, backoffCoefficient: 2, maximumInterval: retry.maximumMs },
  });
  const activity = stages[stageName(input.stage)];
  if (activity === undefined) throw new Error('proxyActivities answers every name');
  return activity(input);
}
