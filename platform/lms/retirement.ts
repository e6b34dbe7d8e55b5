import { LMS, type LmsAnswer, type LmsClient } from './client.ts';
import type { ServiceFailure } from '../failure.ts';
import { isMissingRoute } from '../services/missing-route.ts';
import { parseStatus, type RetirementStatus } from './status.ts';

const ACCOUNTS = '/api/user/v1/accounts';

/** What the LMS said to a move: done, refused by its order rules, or it has no row for this learner. */
export type MoveOutcome =
  | { readonly kind: 'moved' }
  | { readonly kind: 'refused'; readonly failure: ServiceFailure }
  | { readonly kind: 'gone'; readonly failure: ServiceFailure };

export type CancelOutcome =
  { readonly kind: 'cancelled' } | { readonly kind: 'refused'; readonly failure: ServiceFailure };

export interface Move {
  readonly username: string;
  readonly state: string;
  /** Appended to the LMS's own log of this learner. */
  readonly response: string;
  /** Without order rules: the LMS then takes any state it knows. */
  readonly force?: boolean;
}

/** The LMS's retirement queue: reads, moves and the cancel. All of it throws `ServiceFailure` on anything unexpected. */
export interface RetirementQueue {
  /** The learner's row, or undefined when there is none. */
  find(username: string, signal?: AbortSignal): Promise<RetirementStatus | undefined>;
  move(move: Move, signal?: AbortSignal): Promise<MoveOutcome>;
  /** Learners in any of `states`, in the order of their rows. `refused` when the LMS does not know one of the states. */
  list(
    states: readonly string[],
    options?: {
      /** Only rows created at least so long ago; default 0: all. */
      readonly coolOffDays?: number;
      readonly limit?: number;
      readonly signal?: AbortSignal | undefined;
    },
  ): Promise<
    { readonly kind: 'listed'; readonly learners: readonly RetirementStatus[] } | { readonly kind: 'refused' }
  >;
  /** Takes the learner out of every queue and gives the e-mail address back; only while PENDING. */
  cancel(retirementId: number, signal?: AbortSignal): Promise<CancelOutcome>;
}

export function createRetirementQueue(client: LmsClient): RetirementQueue {
  return {
    find: async (username, signal) => {
      const answer = await client.send(
        { verb: 'GET', route: `${ACCOUNTS}/{username}/retirement_status/`, parameters: { username }, signal },
        [404],
      );
      if (answer.status === 404) {
        refuseMissingRoute(answer);
        return undefined;
      }
      const status = parseStatus(answer.json());
      if (status === undefined) throw answer.failure('answered a status that lacks the fields of one');
      return status;
    },

    move: async ({ username, state, response, force }, signal) => {
      const answer = await client.send(
        {
          verb: 'PATCH',
          route: `${ACCOUNTS}/update_retirement_status/`,
          body: { username, new_state: state, response, ...(force ? { force: true } : {}) },
          signal,
        },
        [400, 404],
      );
      if (answer.status < 300) return { kind: 'moved' };
      if (answer.status === 404) refuseMissingRoute(answer);
      const failure = answer.failure(`refused the move to ${state} with ${answer.status}`);
      return { kind: answer.status === 404 ? 'gone' : 'refused', failure };
    },

    list: async (states, { coolOffDays = 0, limit, signal } = {}) => {
      const query = new URLSearchParams({ cool_off_days: String(coolOffDays) });
      for (const state of states) query.append('states', state);
      if (limit !== undefined) query.set('limit', String(limit));
      const answer = await client.send(
        { verb: 'GET', route: `${ACCOUNTS}/retirement_queue/`, query, signal },
        [400],
      );
      if (answer.status === 400) return { kind: 'refused' };
      const rows = answer.json();
      if (!Array.isArray(rows))
        throw answer.failure('answered something other than a list of learners', true);
      return { kind: 'listed', learners: rows.map((row) => parseStatus(row) ?? unreadable(answer)) };
    },

    cancel: async (retirementId, signal) => {
      const answer = await client.send(
        {
          verb: 'POST',
          route: `${ACCOUNTS}/cancel_retirement/`,
          body: { retirement_id: retirementId },
          signal,
        },
        [400],
      );
      if (answer.status < 300) return { kind: 'cancelled' };
      return { kind: 'refused', failure: answer.failure('refused the cancel with 400') };
    },
  };
}

/** A 404 about a learner is empty or JSON; anything else is a proxy or a framework that has no such route. */
function refuseMissingRoute(answer: LmsAnswer): void {
  if (answer.text.trim() === '' || (isJson(answer.text) && !isMissingRoute(answer))) return;
  throw answer.failure(`answered 404 in words that are not the ${LMS}'s: it has no such route`);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function unreadable(answer: LmsAnswer): never {
  throw answer.failure('answered a learner that lacks the fields of one');
}
