import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { ActivityFailure, ApplicationFailure, startChild, TemporalFailure } from '@temporalio/workflow';
import type { Completed } from '../../activities/retirement/completing.ts';
import type { Pipeline, Stage } from '../../domain/retirement/pipeline.ts';
import { ABORTED, COMPLETE, ERRORED } from '../../domain/retirement/states.ts';
import type { StageResult } from '../../activities/retirement/stages.ts';
import { PROBE_ERASURE, probeWorkflowId, type ProbeErasureInput, type StageCause } from './contract.ts';
import { completeRetirement, quickly, runStage } from './effects.ts';
import { updateStage, type Next, type Run } from './run.ts';
import { showState } from './visibility.ts';

/** Runs `stages` one after the other, then writes COMPLETE. `confirm` asks the LMS before the first that the learner is still there. */
export async function runStages(run: Run, stages: Pipeline, confirm: boolean): Promise<Next> {
  run.phase = 'running';
  run.cause = undefined;
  run.failedStage = undefined;
  for (const [index, stage] of stages.entries()) {
    const next = await runOne(run, stage, confirm && index === 0);
    if (next !== undefined) return next;
  }
  return complete(run);
}

async function runOne(run: Run, stage: Stage, confirm: boolean): Promise<Next | undefined> {
  run.state = stage.startState;
  updateStage(run, stage, { progress: 'running', startedAt: new Date().toISOString() });
  showState(run);
  const result = await attempt(run, stage, confirm);
  switch (result.kind) {
    case 'failed':
      return failed(run, stage, result.cause);
    case 'gone':
      return abandon(run, 'the LMS has no retirement row for the learner any more: cancelled there');
    case 'elsewhere':
      return takenElsewhere(run, stage, result.state);
    case 'done':
    case 'nothing-to-erase':
    case 'already-done':
      run.state = stage.endState;
      updateStage(run, stage, { progress: result.kind, endedAt: new Date().toISOString() });
      return undefined;
  }
}

type AttemptResult = StageResult | { readonly kind: 'failed'; readonly cause: StageCause };

async function attempt(run: Run, stage: Stage, confirm: boolean): Promise<AttemptResult> {
  try {
    return await runStage({ userId: run.userId, stage, confirm }, run.retry);
  } catch (error) {
    return { kind: 'failed', cause: causeOf(error, stage.startState) };
  }
}

/** What the activity said when it gave up. Anything but an activity's failure is a bug, and must not pass for a stage's. */
export function causeOf(error: unknown, stage?: string): StageCause {
  if (!(error instanceof TemporalFailure)) throw error;
  // A local activity fails with its own failure, an ordinary one with that as the cause.
  const failure = error instanceof ActivityFailure ? error.cause : error;
  const details = failure instanceof ApplicationFailure ? failure.details?.[0] : undefined;
  if (isCause(details)) return details;
  return { ...(stage === undefined ? {} : { stage }), what: failure?.message ?? error.message };
}

function isCause(value: unknown): value is StageCause {
  return typeof value === 'object' && value !== null && 'what' in value && typeof value.what === 'string';
}

function failed(run: Run, stage: Stage | undefined, cause: StageCause): Next {
  if (stage !== undefined) updateStage(run, stage, { progress: 'failed', endedAt: new Date().toISOString() });
  run.failedStage = stage?.startState ?? COMPLETE;
  run.cause = cause;
  return { kind: 'park', recorded: false };
}

async function takenElsewhere(
  run: Run,
  stage: Stage,
  state: typeof ERRORED | typeof ABORTED | typeof COMPLETE,
): Promise<Next> {
  if (state === ERRORED) {
    const next = failed(run, stage, {
      stage: stage.startState,
      what: 'another driver moved the learner to ERRORED in the LMS',
    });
    return next;
  }
  const reason = `another driver moved the learner to ${state} in the LMS`;
  await quickly('recordState', {
    userId: run.userId,
    state,
    text: `${state}: ${reason}`,
  });
  return { kind: 'end', outcome: state, reason };
}

export async function abandon(run: Run, reason: string): Promise<Next> {
  const text = `${ABORTED}: ${reason}`;
  await quickly('recordState', { userId: run.userId, state: ABORTED, text });
  return { kind: 'end', outcome: ABORTED, reason };
}

/** The later look outlives this run, which ends now: the learner may be run again meanwhile. */
async function lookAgainLater(run: Run, { receipt, probeAfterMs }: Completed): Promise<void> {
  if (probeAfterMs === undefined) return;
  const input: ProbeErasureInput = { userId: run.userId, receipt, afterMs: probeAfterMs };
  try {
    await startChild(PROBE_ERASURE, {
      workflowId: probeWorkflowId(input),
      args: [input],
      parentClosePolicy: 'ABANDON',
      staticSummary: `Later look at the erasure of LMS user ${run.userId}`,
    });
  } catch (error) {
    // A run that was reset comes here twice.
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}

async function complete(run: Run): Promise<Next> {
  try {
    const completed = await completeRetirement({ userId: run.userId }, run.retry);
    await lookAgainLater(run, completed);
    return { kind: 'end', outcome: COMPLETE, reason: 'every stage of the pipeline is done' };
  } catch (error) {
    return failed(run, undefined, causeOf(error));
  }
}
