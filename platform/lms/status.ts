import { isObject } from '../../domain/json-object.ts';
import type { Learner } from '../learner.ts';

/** A state as the LMS shows it: its order is the position that the LMS's rules compare. */
export interface LmsState {
  readonly name: string;
  readonly order: number;
}

/** One row of the LMS's retirement queue. */
export interface RetirementStatus extends Learner {
  readonly currentState: LmsState;
  readonly lastState: LmsState;
  /** When the learner asked: the row's `created`. */
  readonly requestedAt: Date;
}

/**
 * Reads a status object as `retirement_status/` and `retirement_queue/` answer it.
 * Returns undefined when a field that is needed is missing or of another type.
 */
export function parseStatus(value: unknown): RetirementStatus | undefined {
  if (!isObject(value) || !isObject(value['user'])) return undefined;
  const user = value['user'];
  const currentState = parseState(value['current_state']);
  const lastState = parseState(value['last_state']) ?? currentState;
  const { id, original_username, original_email, original_name, retired_username, retired_email, created } =
    value;
  const requestedAt = typeof created === 'string' ? new Date(created) : new Date(Number.NaN);
  if (
    currentState === undefined ||
    lastState === undefined ||
    typeof id !== 'number' ||
    typeof user['id'] !== 'number' ||
    typeof original_username !== 'string' ||
    typeof original_email !== 'string' ||
    typeof retired_username !== 'string' ||
    typeof retired_email !== 'string' ||
    Number.isNaN(requestedAt.getTime())
  ) {
    return undefined;
  }
  return {
    userId: user['id'],
    retirementId: id,
    originalUsername: original_username,
    originalEmail: original_email,
    originalName: typeof original_name === 'string' ? original_name : '',
    retiredUsername: retired_username,
    retiredEmail: retired_email,
    currentState,
    lastState,
    requestedAt,
  };
}

function parseState(value: unknown): LmsState | undefined {
  if (!isObject(value)) return undefined;
  const { state_name, state_execution_order } = value;
  if (typeof state_name !== 'string' || typeof state_execution_order !== 'number') return undefined;
  return { name: state_name, order: state_execution_order };
}
