import { allHandlersFinished, CancellationScope, condition, workflowInfo } from '@temporalio/workflow';
import type { Opened } from '../../activities/retirement/opening.ts';
import { COMPLETE, PENDING } from '../../domain/retirement/states.ts';
import type { RetireUserInput, RetireUserResult } from './contract.ts';
import { coolOff } from './cooling-off.ts';
import { quickly } from './effects.ts';
import { handleMessages } from './messages.ts';
import { moveBack, park } from './parking.ts';
import { answerAll, createRun, takePipeline, type Next, type Run } from './run.ts';
import { runStages } from './stages.ts';
import { showDueDate, showState } from './visibility.ts';

/**
 * Retires one learner: waits out the cooling-off, runs the stages of the pipeline in order, and parks in ERRORED after a
 * failure until an operator resumes it. Ends COMPLETE or ABORTED; it fails only when there is nobody to retire.
 */
export async function retireUser(input: RetireUserInput): Promise<RetireUserResult> {
  const run = createRun(input.userId);
  handleMessages(run);
  // A cancellation request from the Temporal UI is a message like `cancel`, so it must not tear anything down by itself.
  return CancellationScope.nonCancellable(async () => {
    const result = await retire(run, input);
    await condition(allHandlersFinished);
    return result;
  });
}

async function retire(run: Run, input: RetireUserInput): Promise<RetireUserResult> {
  let next = await begin(run, input);
  for (;;) {
    switch (next.kind) {
      case 'stages':
        next = await runStages(run, next.stages, next.confirm);
        break;
      case 'park':
        next = await park(run, next.recorded);
        break;
      case 'end':
        return close(run, next.outcome, next.reason);
    }
  }
}

async function begin(run: Run, input: RetireUserInput): Promise<Next> {
  const opened = await quickly('openRetirement', { ...input, at: new Date().toISOString() });
  takeOpened(run, opened);
  const { where } = opened;
  switch (where.kind) {
    case 'pending':
      run.begun = where.begun;
      return coolOff(run);
    case 'adopted':
      run.begun = true;
      return { kind: 'stages', stages: opened.pipeline.slice(where.index), confirm: false };
    case 'rerun':
      run.begun = true;
      if (where.stages.length === 0) return { kind: 'end', outcome: COMPLETE, reason: 'nothing new to run' };
      return moveBack(run, { state: PENDING, text: `rerun: ${input.rerun ?? 'all'}` }, where.stages, true);
    case 'errored':
      run.begun = true;
      run.failedStage = where.failedStage;
      run.resumes = input.parked?.resumes ?? 0;
      run.cause = input.parked?.cause ?? {
        what: 'the LMS has the learner as ERRORED, left there by another driver',
      };
      return { kind: 'park', recorded: input.parked?.recorded ?? true };
    case 'closed':
      await quickly('recordState', {
        userId: run.userId,
        state: where.outcome,
        at: new Date().toISOString(),
        text: `${where.outcome}: ${where.reason}`,
      });
      return { kind: 'end', outcome: where.outcome, reason: where.reason };
  }
}

function takeOpened(run: Run, opened: Opened): void {
  run.coolOffUntil = opened.coolOffUntil;
  run.dueAt = opened.dueAt;
  run.retry = opened.retry;
  takePipeline(run, opened.pipeline, opened.completedStages);
  if (workflowInfo().typedSearchAttributes.getAll().length === 0) showDueDate(run);
}

function close(run: Run, outcome: 'COMPLETE' | 'ABORTED', reason: string): RetireUserResult {
  run.phase = 'closed';
  run.state = outcome;
  answerAll(run, { kind: 'refused', reason: `the retirement is ${outcome}` });
  showState(run);
  const finished = run.stages.filter(
    ({ progress }) => progress === 'done' || progress === 'nothing-to-erase' || progress === 'already-done',
  );
  return { userId: run.userId, outcome, reason, completedStages: finished.map((stage) => stage.endState) };
}
