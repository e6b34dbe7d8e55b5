import { locate, statesInOrder, type Pipeline } from './pipeline.ts';
import { ABORTED, COMPLETE, ERRORED, PENDING, isTerminal, terminalStates } from './states.ts';

/** Where everybody in a state is to go: to one state, or back to where each of them was last. */
export type BulkTarget = { readonly kind: 'state'; readonly state: string } | { readonly kind: 'rewind' };

/** What is done for each learner. */
export type BulkMove =
  | { readonly kind: 'resume'; readonly from: string }
  /** A resume of each learner at the stage that failed. */
  | { readonly kind: 'retry' }
  | { readonly kind: 'rerun' }
  | { readonly kind: 'cancel' };

export type BulkDecision =
  | { readonly kind: 'accepted'; readonly move: BulkMove }
  | { readonly kind: 'refused'; readonly reason: string };

/**
 * Decides what a change of everybody's state means. Only changes that leave each learner with somebody who goes on are
 * accepted; a refusal says which ones there are.
 */
export function decideBulkMove(pipeline: Pipeline, initialState: string, target: BulkTarget): BulkDecision {
  const states = [...statesInOrder(pipeline), ...terminalStates];
  const named = target.kind === 'state' ? [initialState, target.state] : [initialState];
  const unknown = named.find((state) => !states.includes(state));
  if (unknown !== undefined) {
    return refused(`unknown state "${unknown}"; the pipeline has: ${states.join(', ')}`);
  }
  switch (initialState) {
    case ERRORED:
      return fromErrored(pipeline, target);
    case COMPLETE:
      if (target.kind === 'state' && target.state === PENDING) return accepted({ kind: 'rerun' });
      return refused(
        `${COMPLETE} learners can only go through the whole pipeline again: say --new-state ${PENDING}`,
      );
    case PENDING:
      if (target.kind === 'state' && target.state === ABORTED) return accepted({ kind: 'cancel' });
      return refused(
        `${PENDING} learners are waiting for their cooling-off to end and begin by themselves: nothing is to be moved; they can be cancelled with --new-state ${ABORTED}`,
      );
    case ABORTED:
      return refused(
        `${ABORTED} ends a retirement, and the learner may use the account again: whoever is to be erased must ask again; move the row in the LMS's admin if ${ABORTED} is wrong`,
      );
    default:
      return refused(
        `${initialState} learners are under way, and their workflows go on by themselves; \`registrar retirement collect\` adopts those who have none; one whose stage fails becomes ${ERRORED}, and only then can be moved`,
      );
  }
}

function fromErrored(pipeline: Pipeline, target: BulkTarget): BulkDecision {
  if (target.kind === 'rewind') return accepted({ kind: 'retry' });
  if (!isTerminal(target.state)) return accepted({ kind: 'resume', from: target.state });
  const why = {
    [ERRORED]: 'is where they are',
    [ABORTED]: 'would give accounts back of which something is erased',
    [COMPLETE]: 'would leave stages out',
  }[target.state];
  return refused(
    `${ERRORED} learners cannot go to ${target.state}, which ${why}: say --rewind-state to retry what failed for each, or --new-state with one of ${statesInOrder(pipeline).join(', ')}`,
  );
}

/** What is known of an ERRORED learner. */
export interface Errored {
  /** Start state of the stage that failed, or COMPLETE when only that was left to write; absent when nobody noted it. */
  readonly failedStage?: string | undefined;
  /** The state before ERRORED. */
  readonly lastState: string;
}

/**
 * Index of the stage that failed, the pipeline's length when only COMPLETE was left to write; undefined when nobody knows.
 * The last state is the failed stage's start state, or the state before it when already the move to it failed.
 */
export function indexToRetry(pipeline: Pipeline, { failedStage, lastState }: Errored): number | undefined {
  if (failedStage === COMPLETE) return pipeline.length;
  const positions = [failedStage ?? lastState, lastState].map((state) => locate(pipeline, state));
  return positions.find((position) => position.kind !== 'unknown')?.index;
}

function accepted(move: BulkMove): BulkDecision {
  return { kind: 'accepted', move };
}

function refused(reason: string): BulkDecision {
  return { kind: 'refused', reason };
}
