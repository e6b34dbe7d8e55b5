import { locate, stateBefore, type Pipeline, type Stage } from './pipeline.ts';
import { COMPLETE, isTerminal } from './states.ts';

/** What an operator asks for: a state name as the LMS has it. */
export interface ResumeQuestion {
  readonly pipeline: Pipeline;
  /** Start state of the stage that failed, or COMPLETE when only that was left to write; absent when nobody knows. */
  readonly failedStage?: string | undefined;
  /** End states that the learner has reached: what decides when the failed stage is not known or not in the pipeline. */
  readonly completedStages: readonly string[];
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
  const { pipeline, from, skip } = question;
  if (isTerminal(from)) {
    return refused(`${from} is a terminal state, nothing can be resumed from it; ${possible(question)}`);
  }
  const position = locate(pipeline, from);
  if (position.kind === 'unknown') return refused(`unknown state "${from}"; ${possible(question)}`);
  const latest = latestIndex(question);
  const late = position.index > latest;
  if (late && !skip) {
    const state = stateBefore(pipeline, latest);
    return refused(
      `${from} is later than ${state}, the state before ${pipeline[latest]?.startState ?? COMPLETE}, and would leave stages out; ` +
        `resume from ${state} or earlier, or leave them out on purpose (--skip, "skip": true)`,
    );
  }
  return {
    kind: 'accepted',
    index: position.index,
    state: stateBefore(pipeline, position.index),
    skipped: late ? pipeline.slice(latest, position.index) : [],
  };
}

type Standing = Pick<ResumeQuestion, 'pipeline' | 'failedStage' | 'completedStages'>;

/** The states that a plain resume accepts, in order: PENDING and every end state up to the failed stage. */
export function resumableStates(standing: Standing): readonly string[] {
  return Array.from({ length: latestIndex(standing) + 1 }, (_, index) =>
    stateBefore(standing.pipeline, index),
  );
}

/**
 * Index of the stage that failed: nothing after it may be resumed from without leaving something out. When the stage is
 * unknown, or its row was taken out of the file, the first stage that the learner has never completed.
 */
function latestIndex({ pipeline, failedStage, completedStages }: Standing): number {
  if (failedStage === COMPLETE) return pipeline.length;
  const failed = pipeline.findIndex((stage) => stage.startState === failedStage);
  if (failed >= 0) return failed;
  const open = pipeline.findIndex((stage) => !completedStages.includes(stage.endState));
  return open < 0 ? pipeline.length : open;
}

function possible(standing: Standing): string {
  return `possible states: ${resumableStates(standing).join(', ')}`;
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
