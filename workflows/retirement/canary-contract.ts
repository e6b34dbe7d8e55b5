export const CANARY = 'canaryRetirement';

/** A canary of a real LMS waits out the cooling-off of days, so the schedule must let several be under way at once. */
export const CANARY_SCHEDULE_ID = 'canary';

/** What a canary proved: this learner went through everything, and the receipt of it holds. */
export interface CanaryResult {
  readonly userId: number;
  /** Its place in the chain of receipts. */
  readonly receipt: number;
}

/** Answer of the `status` query. */
export interface CanaryStatus {
  /** Null until the learner has been made. */
  readonly userId: number | null;
  /** As last looked at. */
  readonly state: string | null;
}
