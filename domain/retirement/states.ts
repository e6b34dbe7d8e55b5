/** The states that every Open edX platform has. All others come from the operator's pipeline. */
export const PENDING = 'PENDING';
export const ERRORED = 'ERRORED';
export const ABORTED = 'ABORTED';
export const COMPLETE = 'COMPLETE';

/** The LMS keeps these three last in its order, and nothing moves a learner out of them by itself. */
export const terminalStates = [ERRORED, ABORTED, COMPLETE] as const;

export type TerminalState = (typeof terminalStates)[number];

/** The LMS stores a state's name in a column of this many characters. */
export const MAX_STATE_NAME_LENGTH = 30;

export function isTerminal(state: string): state is TerminalState {
  return terminalStates.some((terminal) => terminal === state);
}
