/** A row of the LMS's table of retirement states. */
export interface RetirementState {
  readonly id: number;
  readonly name: string;
  /** 1, 11, 21, … as `populate_retirement_states` numbers them. */
  readonly order: number;
  readonly isDeadEnd: boolean;
  readonly required: boolean;
}

const pair = (name: string): readonly string[] => [`RETIRING_${name}`, `${name}_COMPLETE`];

/**
 * In this order both the sandbox's own pipeline and the documentation's sample (EMAIL_LISTS, ENROLLMENTS, LMS_MISC, LMS)
 * go forward, and services other than the LMS come before it, because the LMS's last stage renames the learner.
 */
const namesInOrder: readonly string[] = [
  'PENDING',
  'LOCKING_ACCOUNT',
  'LOCKING_COMPLETE',
  ...pair('CREDENTIALS'),
  ...pair('ECOM'),
  ...pair('EMAIL_LISTS'),
  ...pair('ENROLLMENTS'),
  ...pair('FORUMS'),
  ...pair('NOTES'),
  ...pair('PROCTORING'),
  ...pair('PROCTORING_BACKEND'),
  'ADDING_TO_PARTNER_QUEUE',
  'PARTNER_QUEUE_COMPLETE',
  ...pair('DEMOGRAPHICS'),
  ...pair('LICENSE_MANAGER'),
  ...pair('LMS_MISC'),
  ...pair('SEGMENT'),
  ...pair('BRAZE'),
  ...pair('AMPLITUDE'),
  ...pair('HUBSPOT'),
  ...pair('SALESFORCE'),
  ...pair('COURSE_STATS'),
  ...pair('LMS'),
  'ERRORED',
  'ABORTED',
  'COMPLETE',
];

const deadEnds = ['ERRORED', 'ABORTED', 'COMPLETE'];

export const retirementStates: readonly RetirementState[] = namesInOrder.map((name, index) => ({
  id: index + 1,
  name,
  order: 10 * index + 1,
  isDeadEnd: deadEnds.includes(name),
  required: name === 'PENDING' || deadEnds.includes(name),
}));

const byName = new Map(retirementStates.map((state) => [state.name, state]));
const byId = new Map(retirementStates.map((state) => [state.id, state]));

export function findState(name: string): RetirementState | undefined {
  return byName.get(name);
}

/** Throws for a state that the sandbox itself must have, and has not. */
export function oneState(nameOrId: string | number): RetirementState {
  const state = typeof nameOrId === 'number' ? byId.get(nameOrId) : byName.get(nameOrId);
  if (state === undefined) throw new Error(`the sandbox has no retirement state ${nameOrId}`);
  return state;
}

/** `NAME (step N)`, as the LMS writes a state into `responses`. */
export function stateText(state: RetirementState): string {
  return `${state.name} (step ${state.order})`;
}

/** Only in these do the endpoints that erase something act: neither required nor named `…_COMPLETE`. */
export const workingStateIds: readonly number[] = retirementStates
  .filter((state) => !state.required && !state.name.endsWith('_COMPLETE'))
  .map((state) => state.id);

/** The states from which a learner may go to `state` without force. */
export function idsBefore(state: RetirementState): readonly number[] {
  return retirementStates.filter((other) => other.order < state.order).map((other) => other.id);
}

export const allStateIds: readonly number[] = retirementStates.map((state) => state.id);
