import { allHandlersFinished, CancellationScope, condition, workflowInfo } from '@temporalio/workflow';
import type { Opened } from '../../activities/retirement/opening.ts';
import { COMPLETE, PENDING } from '../../domain/retirement/states.ts';
import { insist, isId, isText, readInput } from '../input.ts';
import type { RetireUserInput, RetireUserResult } from './contract.ts';
import { coolOff } from './cooling-off.ts';
import { quickly } from './effects.ts';
import { handleMessages, refuseCancels } from './messages.ts';
import { moveBack, park } from './parking.ts';
import {
  answerAll,
  completedStagesOf,
  createRun,
  showFailed,
  takeDates,
  takePipeline,
  type Next,
  type Run,
} from './run.ts';
import { runStages } from './stages.ts';
import { showDueDate, showState } from './visibility.ts';

/**
 * Retires one learner: waits out the cooling-off, runs the stages of the pipeline in order, and parks in ERRORED after a
 * failure until an operator resumes it. Ends COMPLETE or ABORTED; it fails only when there is nobody to retire.
 */
export async function retireUser(input: RetireUserInput): Promise<RetireUserResult> {
  checkInput(input);
  const run = createRun(input.userId);
  handleMessages(run);
  // A cancellation request from the Temporal UI is a message like `cancel`, so it must not tear anything down by itself.
  return CancellationScope.nonCancellable(async () => {
    const result = await retire(run, input);
    await condition(() => allHandlersFinished() && run.pendingNotes === 0);
    return result;
  });
}

function checkInput(input: RetireUserInput): void {
  const { userId, found, rerun, parked } = readInput(input, '{"userId": …}, an LMS user id');
  insist(isId(userId), 'userId', 'an LMS user id, a whole number');
  insist(rerun === undefined || rerun === 'all' || rerun === 'only-new', 'rerun', '"all" or "only-new"');
  if (found !== undefined) {
    const { state, lastState } = readInput(found, '{"userId", "found": {"state", "lastState"}}');
    insist(isText(state) && isText(lastState), 'found', 'two names of states');
  }
  if (parked !== undefined) {
    const { cause } = readInput(parked, '{"userId", "parked": {"cause", …}}');
    insist(isText(readInput(cause, '{"userId", "parked": {"cause": {"what"}}}')['what']), 'parked', 'a run');
  }
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
  // The start, and not now: after a worker that dies here, another must write the same line of adoption. (`runStartTime` is
  // that of the workflow task, another one after a death.)
  const at = workflowInfo().startTime.toISOString();
  const opened = await quickly('openRetirement', { ...input, at });
  takeOpened(run, opened);
  const { where } = opened;
  if (where.kind !== 'closed' && !(where.kind === 'pending' && !where.begun)) refuseCancels(run);
  switch (where.kind) {
    case 'pending':
      return coolOff(run);
    case 'adopted':
      return { kind: 'stages', stages: opened.pipeline.slice(where.index), confirm: false };
    case 'rerun':
      if (where.stages.length === 0) return { kind: 'end', outcome: COMPLETE, reason: 'nothing new to run' };
      if (input.rerun === 'only-new') run.leftOut = opened.completedStages;
      return moveBack(run, { state: PENDING, text: `rerun: ${input.rerun ?? 'all'}` }, where.stages, true);
    case 'errored':
      run.failedStage = where.failedStage;
      showFailed(run);
      run.resumes = input.parked?.resumes ?? 0;
      run.leftOut = input.parked?.leftOut ?? [];
      run.reopened = input.parked?.reopened ?? false;
      run.cause = input.parked?.cause ?? {
        what: 'the LMS has the learner as ERRORED, left there by another driver',
      };
      return { kind: 'park', recorded: input.parked?.recorded ?? true };
    case 'closed':
      await quickly('recordState', {
        userId: run.userId,
        state: where.outcome,
        text: `${where.outcome}: ${where.reason}`,
      });
      return { kind: 'end', outcome: where.outcome, reason: where.reason };
  }
}

function takeOpened(run: Run, opened: Opened): void {
  takeDates(run, opened);
  run.retry = opened.retry;
  takePipeline(run, opened.pipeline, opened.completedStages);
  if (workflowInfo().typedSearchAttributes.getAll().length === 0) showDueDate(run);
}

function close(run: Run, outcome: 'COMPLETE' | 'ABORTED', reason: string): RetireUserResult {
  run.phase = 'closed';
  run.state = outcome;
  answerAll(run, { kind: 'refused', reason: `the retirement is ${outcome}` });
  showState(run);
  return { userId: run.userId, outcome, reason, completedStages: completedStagesOf(run) };
}
