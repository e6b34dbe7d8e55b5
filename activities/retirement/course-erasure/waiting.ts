/** How long is waited for something else to end, unless the worker was told otherwise. */
export const LONGEST_WAIT_MS = 3_600_000;

/** A stage cannot go on before something else has ended. Not a failure: it is looked at again and again, for an hour. */
export class StillWaiting extends Error {
  override readonly name = 'StillWaiting';
  /** `the update of course 7` */
  readonly what: string;

  constructor(what: string) {
    super(`waiting for ${what}`);
    this.what = what;
  }
}

/** `the update of course 7`, and of which others. */
export function updatesOf(courseIds: readonly number[]): string {
  const [first, ...others] = courseIds;
  return `the update of course ${first}${others.length === 0 ? '' : ` (and of ${others.join(', ')})`}`;
}
