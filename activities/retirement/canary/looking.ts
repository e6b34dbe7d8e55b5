import { ABORTED, COMPLETE, ERRORED } from '../../../domain/retirement/states.ts';
import type { RetirementDependencies } from '../dependencies.ts';
import { findRetirement } from '../store.ts';
import { causeOf } from '../wording.ts';

/** Where the canary's learner stands. Nothing in it names anybody. */
export type CanaryStanding =
  | {
      readonly kind: 'under-way';
      readonly state: string;
      /** ISO 8601. */
      readonly coolOffUntil: string;
      readonly dueAt: string;
    }
  /** COMPLETE, or archived since. */
  | { readonly kind: 'erased' }
  | {
      readonly kind: 'failed';
      readonly state: string;
      /** Start state. */
      readonly stage: string | null;
      readonly why: string;
    };

/** Reads the learner's row. It only reads, so it may run as often as it likes. */
export function createLookAtCanary({
  database,
}: RetirementDependencies): (input: { readonly userId: number }) => Promise<CanaryStanding> {
  return async ({ userId }) => {
    const stored = await findRetirement(database, userId);
    // Taken in before anybody looks, so the archive has taken the row away: its receipt tells the rest.
    if (stored === undefined || stored.currentState === COMPLETE) return { kind: 'erased' };
    const { currentState: state, lastFailure, coolOffUntil, dueAt } = stored;
    if (state === ABORTED) return { kind: 'failed', state, stage: null, why: 'somebody cancelled it' };
    if (state === ERRORED) {
      const cause = lastFailure === null ? undefined : causeOf(lastFailure);
      const why = cause === undefined ? 'nobody noted why' : `${cause.activity ?? ''} ${cause.what}`.trim();
      return { kind: 'failed', state, stage: cause?.stage ?? null, why };
    }
    return {
      kind: 'under-way',
      state,
      coolOffUntil: coolOffUntil.toISOString(),
      dueAt: dueAt.toISOString(),
    };
  };
}
