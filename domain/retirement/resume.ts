import { locate, stateBefore, type Pipeline, type Stage } from './pipeline.ts';
import { isTerminal } from './states.ts';

/** What an operator asks for: a state name as the LMS has it. */
export interface ResumeQuestion {
  readonly pipeline: Pipeline;
  /** Start state of the stage that failed; absent when the learner was found ERRORED and nobody knows where. */
  readonly failedStage?: string | undefined;
  readonly from: string;
  /** Says that stages between the failed one and `from` are to be left out on purpose. */
  readonly skip: boolean;
}

export type ResumeDecision =
  | {
      readonly kind: 'accepted';
      /** Index of the first stage to run; the pipeline's length when only COMPLETE is left. */
      readonly index: number;
      /** The state to move the LMS back to before that. */
      readonly state: string;
      readonly skipped: readonly Stage[];
    }
  | { readonly kind: 'refused'; readonly reason: string };

/**
 * Decides where an ERRORED retirement goes on. `from` is the state immediately prior to the stage to retry, or any
 * earlier one; a start state means "retry that one". A later state is refused unless `skip` is set.
 */
export function decideResume(question: ResumeQuestion): ResumeDecision {
  const { pipeline, failedStage, from, skip } = question;
  if (isTerminal(from)) {
    return refused(
      `${from} is a terminal state, nothing can be resumed from it; ${possible(pipeline, failedStage)}`,
    );
  }
  const position = locate(pipeline, from);
  if (position.kind === 'unknown') {
    return refused(`unknown state "${from}"; ${possible(pipeline, failedStage)}`);
  }
  const failedIndex = pipeline.findIndex((stage) => stage.startState === failedStage);
  const late = failedIndex >= 0 && position.index > failedIndex;
  if (late && !skip) {
    const latest = stateBefore(pipeline, failedIndex);
    return refused(
      `${from} is later than ${latest}, the state before the failed stage ${failedStage ?? ''}, and would leave it out; ` +
        `resume from ${latest} or earlier, or say "skip": true`,
    );
  }
  return {
    kind: 'accepted',
    index: position.index,
    state: stateBefore(pipeline, position.index),
    skipped: late ? pipeline.slice(failedIndex, position.index) : [],
  };
}

/** The states that a plain resume accepts, in order: PENDING and every end state up to the failed stage. */
export function resumableStates(pipeline: Pipeline, failedStage: string | undefined): readonly string[] {
  const failedIndex = pipeline.findIndex((stage) => stage.startState === failedStage);
  const last = failedIndex >= 0 ? failedIndex : pipeline.length;
  return Array.from({ length: last + 1 }, (_, index) => stateBefore(pipeline, index));
}

function possible(pipeline: Pipeline, failedStage: string | undefined): string {
  return `possible states: ${resumableStates(pipeline, failedStage).join(', ')}`;
}

function refused(reason: string): ResumeDecision {
  return { kind: 'refused', reason };
}

export type PlannedAction = 'run' | 'repeat' | 'skip' | 'keep';

export interface PlannedStage extends Stage {
  /**
   * `run`: has never been completed; `repeat`: was completed and runs again;
   * `skip`: would be left out although never completed; `keep`: completed and not touched.
   */
  readonly action: PlannedAction;
}

/** What a resume from stage `index` would do with every stage of the pipeline. Changes nothing. */
export function planStages(
  pipeline: Pipeline,
  index: number,
  completedStages: readonly string[],
): readonly PlannedStage[] {
  const done = new Set(completedStages);
  return pipeline.map((stage, position) => ({
    ...stage,
    action: actionFor(position >= index, done.has(stage.endState)),
  }));
}

function actionFor(runs: boolean, completed: boolean): PlannedAction {
  if (runs) return completed ? 'repeat' : 'run';
  return completed ? 'keep' : 'skip';
}

/** Stages of `pipeline` that this learner has never completed, for a rerun with `--only-new`. */
export function newStages(pipeline: Pipeline, completedStages: readonly string[]): Pipeline {
  const done = new Set(completedStages);
  return pipeline.filter((stage) => !done.has(stage.endState));
}
