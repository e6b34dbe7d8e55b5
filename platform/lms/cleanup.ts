import type { ServiceFailure } from '../failure.ts';
import type { LmsClient } from './client.ts';
import { parseStatus } from './status.ts';

const ACCOUNTS = '/api/user/v1/accounts';

export type CleanupOutcome =
  | { readonly kind: 'cleaned' }
  /** Not all of them are COMPLETE, so none was cleaned up. */
  | { readonly kind: 'refused'; readonly failure: ServiceFailure };

/** A COMPLETE row of the LMS's queue, with its times exactly as the LMS writes them. */
export interface CompletedRow {
  readonly userId: number;
  readonly retirementId: number;
  readonly createdText: string;
  readonly modifiedText: string;
}

/** The end of the LMS's queue: COMPLETE rows and their removal. All of it throws `ServiceFailure` on anything unexpected. */
export interface Cleanup {
  /** COMPLETE rows of learners who asked on these days or between them, in the order of their rows. Days are of UTC. */
  list(
    asked: { readonly from: Date; readonly to: Date },
    signal?: AbortSignal,
  ): Promise<readonly CompletedRow[]>;
  /** Removes the rows of all these learners, exactly so written, or none: all must be COMPLETE. */
  remove(usernames: readonly string[], signal?: AbortSignal): Promise<CleanupOutcome>;
}

export function createCleanup(client: LmsClient): Cleanup {
  return {
    list: async ({ from, to }, signal) => {
      const query = new URLSearchParams({ start_date: dayOf(from), end_date: dayOf(to), state: 'COMPLETE' });
      const route = `${ACCOUNTS}/retirements_by_status_and_date/`;
      const answer = await client.send({ verb: 'GET', route, query, signal });
      const rows = answer.json();
      if (!Array.isArray(rows))
        throw answer.failure('answered something other than a list of learners', true);
      return rows.map((row: unknown) => {
        const parsed = parseRow(row);
        if (parsed === undefined) throw answer.failure('answered a learner that lacks the fields of one');
        return parsed;
      });
    },

    remove: async (usernames, signal) => {
      const answer = await client.send(
        { verb: 'POST', route: `${ACCOUNTS}/retirement_cleanup/`, body: { usernames }, signal },
        [400],
      );
      if (answer.status < 300) return { kind: 'cleaned' };
      return { kind: 'refused', failure: answer.failure('refused the clean-up with 400') };
    },
  };
}

function parseRow(row: unknown): CompletedRow | undefined {
  const status = parseStatus(row);
  if (status === undefined || typeof row !== 'object' || row === null) return undefined;
  const createdText = 'created' in row ? row.created : undefined;
  const modifiedText = 'modified' in row ? row.modified : undefined;
  if (typeof createdText !== 'string' || typeof modifiedText !== 'string') return undefined;
  return { userId: status.userId, retirementId: status.retirementId, createdText, modifiedText };
}

function dayOf(at: Date): string {
  return at.toISOString().slice(0, 10);
}
