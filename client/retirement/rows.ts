import type { ListedRetirement } from '../../activities/retirement/store.ts';
import { ABORTED, COMPLETE, ERRORED, PENDING } from '../../domain/retirement/states.ts';

/** Start state of the stage that is under way or failed, as far as the row alone tells; the pipeline is not asked. */
export function stageOf({
  currentState,
  lastState,
  lastFailure,
  completedStages,
}: ListedRetirement): string | null {
  if (currentState === ERRORED) return lastFailure?.stage ?? (isSettled(lastState) ? null : lastState);
  return isSettled(currentState) ? null : currentState;

  function isSettled(state: string): boolean {
    const fixed = [PENDING, ERRORED, ABORTED, COMPLETE] as readonly string[];
    return fixed.includes(state) || completedStages.includes(state) || state.endsWith('_COMPLETE');
  }
}

/** True when the learner should have been erased by now and is not. */
export function isOverdue({ currentState, dueAt }: ListedRetirement, now: Date): boolean {
  return dueAt < now && currentState !== COMPLETE && currentState !== ABORTED;
}
