/** A learner as services are told of them. Lives in PostgreSQL and in memory only, never in Temporal. */
export interface Learner {
  /** The LMS's user id. */
  readonly userId: number;
  /** Id of the LMS's retirement row. */
  readonly retirementId: number;
  readonly originalUsername: string;
  readonly originalEmail: string;
  readonly originalName: string;
  readonly retiredUsername: string;
  readonly retiredEmail: string;
  /** Only where `fetch_ecommerce_segment_id` is set; null when ecommerce knows none. */
  readonly ecommerceSegmentId?: string | null;
}

/** What a service's method did. Failures are thrown as `ServiceFailure`. */
export interface ServiceOutcome {
  readonly kind: 'erased' | 'nothing-to-erase';
  /** For the operator's log, as the LMS keeps it: a status or the answer's JSON. At most a few lines. */
  readonly response: string;
  /** Organisations of the learner's courses, where the answer names them. */
  readonly organisations?: readonly string[];
}

export interface ServiceCall {
  readonly learner: Learner;
  /** Aborted when the activity is cancelled or the worker shuts down. */
  readonly signal?: AbortSignal | undefined;
}

/** One method of a service: must be safe to call twice for the same learner. */
export type ServiceMethod = (call: ServiceCall) => Promise<ServiceOutcome>;

/**
 * Asks a service, reading only, whether it still knows the learner. Throws a `ServiceFailure` for an answer that does not
 * tell.
 */
export type Probe = (call: ServiceCall) => Promise<'gone' | 'still-there'>;

/** A service under its pipeline name: methods by name. */
export type Service = Readonly<Record<string, ServiceMethod>>;
