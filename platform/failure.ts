/** What a service answered, or did not, when it could not do what was asked. */
export interface FailedExchange {
  /** The pipeline's name of the service: `LMS`, `BRAZE`, … */
  readonly service: string;
  readonly verb: string;
  /** The path as sent. May carry a learner's name: it goes to PostgreSQL and to the LMS, never to Temporal or a log. */
  readonly path: string;
  /** The path with placeholders, `/api/…/{username}/…`: safe to show anywhere. */
  readonly route: string;
  /** Absent when no answer came. */
  readonly status?: number | undefined;
  /** The service's own error body, cut at 8 KiB. May carry a learner's name, like `path`. */
  readonly body?: string | undefined;
  /** A few words without identity: `answered 500`, `connection refused`, `no answer within 30 s`, `answered 200 with HTML`. */
  readonly what: string;
  /** True when trying again later may help: 5xx, 429, connection errors, time-outs, HTML where JSON belongs. */
  readonly transient: boolean;
  /** How long the service asked to wait (its Retry-After), in milliseconds. */
  readonly retryAfterMs?: number | undefined;
}

/** `message` names service, verb, route and status only, so that it may be shown and logged. */
export class ServiceFailure extends Error {
  override readonly name = 'ServiceFailure';
  readonly exchange: FailedExchange;

  constructor(exchange: FailedExchange) {
    super(`${exchange.service}: ${exchange.verb} ${exchange.route} ${exchange.what}`);
    this.exchange = exchange;
  }
}
