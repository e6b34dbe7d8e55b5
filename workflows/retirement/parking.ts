import {
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  workflowInfo,
} from '@temporalio/workflow';
import { stateBefore, type Pipeline } from '../../domain/retirement/pipeline.ts';
import { decideResume } from '../../domain/retirement/resume.ts';
import { COMPLETE, ERRORED } from '../../domain/retirement/states.ts';
import type { ReadPipeline } from '../../activities/retirement/index.ts';
import type { ResumeRequest, RetireUserInput, RetireUserResult } from './contract.ts';
import { patient, quickly } from './effects.ts';
import { answerAsks, showFailed, standingOf, takePipeline, updateStage, type Next, type Run } from './run.ts';
import { abandon, causeOf } from './stages.ts';
import { showState, waitShowingDeadline } from './visibility.ts';

/** A parked run whose history is longer goes on in a new one. A retirement of seven stages has about sixty events. */
const LONG_HISTORY = 500;

/**
 * Keeps a failed retirement in ERRORED until a resume is accepted. The LMS is told meanwhile, however long that takes;
 * a resume that comes first calls that off and waits until no such write can land any more.
 */
export async function park(run: Run, alreadyRecorded: boolean): Promise<Next> {
  run.phase = 'errored';
  run.state = ERRORED;
  showState(run);
  const record = recordErrored(run, alreadyRecorded);
  for (;;) {
    // A write that is still tried would land from a run that nobody can call it off in any more.
    await waitShowingDeadline(run, () => run.resumeAsks.length > 0 || (record.isDone() && hasLongHistory()), {
      summary: 'until the due date comes near, or passes',
    });
    const ask = run.resumeAsks[0];
    if (ask === undefined) {
      await goOnInNewRun(run);
      continue;
    }
    const plan = await planResume(run, ask.request);
    if (plan.kind === 'refused') {
      run.resumeAsks.shift();
      ask.answer = plan;
      continue;
    }
    await record.callOff();
    ask.answer = { kind: 'accepted', message: plan.text };
    run.resumeAsks.shift();
    answerAsks(run.resumeAsks, {
      kind: 'refused',
      reason: 'the retirement has just been resumed by another message',
    });
    run.resumes += 1;
    run.reopened = false;
    return moveBack(run, plan, plan.stages, false);
  }
}

interface ResumePlan {
  readonly kind: 'accepted';
  readonly state: string;
  readonly stages: Pipeline;
  /** Line for `responses`. */
  readonly text: string;
}

async function planResume(
  run: Run,
  request: ResumeRequest,
): Promise<ResumePlan | { readonly kind: 'refused'; readonly reason: string }> {
  let current: ReadPipeline;
  try {
    current = await quickly('readPipeline');
  } catch (error) {
    return { kind: 'refused', reason: causeOf(error).what };
  }
  const { pipeline, retry } = current;
  const decision = decideResume({
    ...standingOf(run),
    pipeline,
    from: request.state,
    skip: request.skip ?? false,
  });
  if (decision.kind === 'refused') return decision;

  run.retry = retry;
  takePipeline(run, pipeline, []);
  const retried = decision.state === stateBeforeFailed(run, pipeline);
  const stages = pipeline
    .slice(decision.index)
    .filter((stage) => !retried || !run.leftOut.includes(stage.endState));
  for (const stage of stages)
    updateStage(run, stage, { progress: 'waiting', startedAt: undefined, endedAt: undefined });
  for (const stage of decision.skipped) updateStage(run, stage, { progress: 'skipped' });
  const left = decision.skipped.map((stage) => stage.startState).join(', ');
  const said = `${request.by === undefined ? '' : ` by ${request.by}`}${request.reason === undefined ? '' : `: ${request.reason}`}`;
  const text = `resumed: from ${stateBefore(pipeline, decision.index)}${left === '' ? '' : `, skipping ${left}`}${said}`;
  return { kind: 'accepted', state: decision.state, stages, text: text.replace(/\s+/g, ' ') };
}

/** The state from which the failed stage alone is tried again. */
function stateBeforeFailed(run: Run, pipeline: Pipeline): string | undefined {
  const index = pipeline.findIndex((stage) => stage.startState === run.failedStage);
  return index < 0 ? undefined : stateBefore(pipeline, index);
}

/** Forces the LMS back to `state`, then goes on with `stages`; a failure parks the retirement again. */
export async function moveBack(
  run: Run,
  move: { readonly state: string; readonly text: string },
  stages: Pipeline,
  confirm: boolean,
): Promise<Next> {
  run.phase = 'resuming';
  run.state = move.state;
  showState(run);
  try {
    const outcome = await patient.moveBack({
      userId: run.userId,
      state: move.state,
      text: move.text,
      at: new Date().toISOString(),
    });
    if (outcome.kind === 'gone')
      return await abandon(run, 'the LMS has no retirement row for the learner any more');
    return { kind: 'stages', stages, confirm };
  } catch (error) {
    run.cause = causeOf(error, run.failedStage);
    run.failedStage ??= stages[0]?.startState ?? COMPLETE;
    showFailed(run);
    return { kind: 'park', recorded: false };
  }
}

interface ErroredRecord {
  isDone(): boolean;
  /** Returns when the write has landed or can no longer land. */
  callOff(): Promise<void>;
}

function recordErrored(run: Run, alreadyRecorded: boolean): ErroredRecord {
  if (alreadyRecorded) return { isDone: () => true, callOff: () => Promise.resolve() };
  const scope = new CancellationScope();
  let done = false;
  const landed = scope
    .run(() =>
      patient.recordErrored({
        userId: run.userId,
        what: run.cause?.what ?? '',
        hasStory: run.cause?.activity !== undefined,
        ...(run.reopened ? { force: true } : {}),
      }),
    )
    .then(
      () => {
        done = true;
      },
      () => undefined,
    );
  return {
    isDone: () => done,
    callOff: async () => {
      if (!done) scope.cancel();
      await landed;
    },
  };
}

function hasLongHistory(): boolean {
  const { historyLength, continueAsNewSuggested } = workflowInfo();
  return historyLength > LONG_HISTORY || continueAsNewSuggested;
}

async function goOnInNewRun(run: Run): Promise<void> {
  // A resume that comes meanwhile is a handler that waits for this very line of work.
  await condition(() => (allHandlersFinished() && run.pendingNotes === 0) || run.resumeAsks.length > 0);
  if (run.resumeAsks.length > 0) return;
  await continueAsNew<(input: RetireUserInput) => Promise<RetireUserResult>>({
    userId: run.userId,
    parked: {
      ...(run.failedStage === undefined ? {} : { failedStage: run.failedStage }),
      cause: run.cause ?? { what: 'unknown' },
      recorded: true,
      resumes: run.resumes,
      ...(run.leftOut.length === 0 ? {} : { leftOut: run.leftOut }),
    },
  });
}
