import type { Database } from '../../db/database.ts';
import { checkStateOrder } from '../../domain/retirement/state-order.ts';
import type { LmsState } from '../../platform/lms/status.ts';
import { findUnknownStates } from '../../platform/lms/unknown-states.ts';
import { permanent } from '../failures.ts';
import type { Platform } from './platform.ts';
import { listLmsStates, recordLmsStates } from './store.ts';

/** A pipeline that the LMS has accepted is not asked about again for this long. */
const TRUSTED_FOR_MS = 10 * 60_000;

/** What is known of the LMS's states table: which names it has, and, from learners seen in them, in which order. */
export interface LmsStates {
  /** Remembers the positions that an answer showed. Writes only what is new. */
  notice(states: readonly LmsState[]): Promise<void>;
  /** Throws `ConfigurationInvalid` when the LMS lacks a state of the pipeline, or is known to order them otherwise. */
  check(platform: Platform): Promise<void>;
}

export function createLmsStates(database: Database): LmsStates {
  const seen = new Map<string, number>();
  let trusted: { readonly digest: string; readonly until: number } | undefined;

  return {
    notice: async (states) => {
      const news = states.filter((state) => seen.get(state.name) !== state.order);
      if (news.length === 0) return;
      await recordLmsStates(database, news);
      for (const state of news) seen.set(state.name, state.order);
    },

    check: async ({ configuration, queue }) => {
      const { digest, pipeline } = configuration;
      const now = Date.now();
      if (trusted?.digest === digest && now < trusted.until) return;
      const problems = [
        ...(await findUnknownStates(queue, pipeline)).map((state) => `the LMS has no state ${state}`),
        ...checkStateOrder(pipeline, await listLmsStates(database)),
      ];
      if (problems.length > 0) {
        throw permanent('ConfigurationInvalid', `the pipeline does not fit the LMS: ${problems.join('; ')}`);
      }
      trusted = { digest, until: now + TRUSTED_FOR_MS };
    },
  };
}
