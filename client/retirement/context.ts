import type { Configuration } from '../../config/configuration.ts';
import type { Queryable } from '../../db/database.ts';
import type { TemporalAccess } from '../temporal.ts';

/** What the operations on retirements are given. Temporal and the configuration are asked for only where they are needed. */
export interface RetirementContext {
  readonly database: Queryable;
  temporal(): Promise<TemporalAccess>;
  /** Throws when the configuration is not valid. */
  configuration(): Promise<Configuration>;
  /** How long a workflow may take to answer an update; default {@link DEFAULT_ANSWER_TIMEOUT_MS}. */
  readonly answerTimeoutMs?: number;
}

/** A cancel waits for the LMS, whose requests may take 30 s each. */
const DEFAULT_ANSWER_TIMEOUT_MS = 60_000;

export function answerTimeoutMs(context: RetirementContext): number {
  return context.answerTimeoutMs ?? DEFAULT_ANSWER_TIMEOUT_MS;
}
