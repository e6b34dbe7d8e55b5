import { ApplicationFailure } from '@temporalio/common';

/**
 * Failure types of all activities: a closed set of codes, for dashboards and for the workflows that catch them.
 * No message of theirs names a person.
 */
export type FailureType =
  | 'StageFailed'
  | 'StageWillRetry'
  | 'ServiceUnavailable'
  | 'ConfigurationInvalid'
  | 'UnknownLearner'
  | 'UnknownState'
  | 'TooManyLearners'
  | 'UnknownOrganisation'
  | 'UnknownCourse'
  | 'UpdateUnderWay'
  | 'WikiBusy'
  | 'WikiUnavailable'
  | 'Unexpected';

/** Ends the activity for good. `details` travel to the workflow: no identity. */
export function permanent(type: FailureType, message: string, ...details: unknown[]): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, type, ...details);
}

/** Lets Temporal try again, after `delayMs` where somebody asked for a certain wait, otherwise by the retry policy. */
export function retryLater(type: FailureType, message: string, delayMs?: number): ApplicationFailure {
  return ApplicationFailure.create({
    type,
    message,
    nonRetryable: false,
    // The details are for a workflow that waits by itself, after a local attempt. Temporal takes a delay of 0 for "never
    // again", and services do send Retry-After: 0, or a date that is past.
    ...(delayMs === undefined ? {} : { nextRetryDelay: Math.max(1, delayMs), details: [{ delayMs }] }),
  });
}

/** Aborted by our own signal: Temporal decides by the activity's state what that means. */
export function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
