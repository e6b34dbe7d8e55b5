import { ApplicationFailure } from '@temporalio/common';

/*
 * What a workflow is started with may come from anybody's hand. It is checked before anything else: a TypeError further on would not
 * fail the run but its task, again and again.
 */

type Fields = Readonly<Record<string, unknown>>;

/** The input as an object. Throws a `BadInput` that names the workflow's wish. */
export function readInput(input: unknown, wish: string): Fields {
  if (typeof input === 'object' && input !== null && !Array.isArray(input)) return { ...input };
  throw badInput(`the input must be ${wish}`);
}

/** Throws a `BadInput` unless `isRight`; `wish` completes "must be". */
export function insist(isRight: boolean, name: string, wish: string): asserts isRight {
  if (!isRight) throw badInput(`the input's "${name}" must be ${wish}`);
}

/** An id of the LMS, of a course, of a receipt. */
export function isId(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
}

export function isText(value: unknown): value is string {
  return typeof value === 'string';
}

export function isInstant(value: unknown): value is string {
  return typeof value === 'string' && !Number.isNaN(Date.parse(value));
}

function badInput(message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, 'BadInput');
}
