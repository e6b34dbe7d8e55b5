import type { LmsAnswer, LmsClient } from './client.ts';

const ACCOUNTS = '/api/user/v1/accounts';

/** Names in one request. */
const MOST_NAMES = 500;

/** A username that the LMS cannot have: it allows no slashes in one. */
const NOBODY = 'nobody/has/this/name';

/** The LMS's queue of learners whose partners are to hear of the erasure. All of it throws `ServiceFailure` on anything unexpected. */
export interface PartnerReports {
  /**
   * The learners who are waiting, as the LMS sends them. It marks them as being processed in the same moment and never sends
   * them again: cannot be repeated. A failure with a 4xx status means that it did nothing.
   */
  take(signal?: AbortSignal): Promise<readonly unknown[]>;
  /** Which of these learners are being processed. Changes nothing. */
  listProcessed(usernames: readonly string[], signal?: AbortSignal): Promise<readonly string[]>;
  /** Removes the rows of those of these learners who are being processed; answers how many were not. May be repeated. */
  cleanUp(usernames: readonly string[], signal?: AbortSignal): Promise<{ readonly missing: number }>;
}

export function createPartnerReports(client: LmsClient): PartnerReports {
  const ask = (usernames: readonly string[], signal?: AbortSignal): Promise<LmsAnswer> =>
    client.send(
      {
        verb: 'POST',
        route: `${ACCOUNTS}/retirement_partner_report_cleanup/`,
        body: usernames.map((name) => ({ original_username: name })),
        signal,
      },
      [400],
    );

  /** All or nothing is removed, so that one name too many makes a question of it: a mismatch tells whom the LMS found. */
  const findProcessed = async (
    usernames: readonly string[],
    signal?: AbortSignal,
  ): Promise<readonly string[]> => {
    if (usernames.length === 0) return [];
    const answer = await ask([...usernames, NOBODY], signal);
    if (answer.status !== 400) throw answer.failure(`answered ${answer.status} to a question about nobody`);
    const count = countFound(answer);
    if (count === undefined) throw answer.failure('refused in words that do not say how many rows it found');
    if (count === 0) return [];
    if (count === usernames.length) return usernames;
    const found = namesFound(answer, usernames);
    if (found.length === count) return found;
    // The names are not where they used to be: how many there are is enough to find them by halves.
    const half = Math.ceil(usernames.length / 2);
    const first = await findProcessed(usernames.slice(0, half), signal);
    return [...first, ...(await findProcessed(usernames.slice(half), signal))];
  };

  return {
    take: async (signal) => {
      const answer = await client.send({
        verb: 'POST',
        route: `${ACCOUNTS}/retirement_partner_report/`,
        signal,
      });
      const rows = answer.json();
      if (Array.isArray(rows)) return rows as readonly unknown[];
      throw answer.failure('answered something other than a list of learners');
    },

    listProcessed: async (usernames, signal) => {
      const found: string[] = [];
      for (const some of batches(usernames)) found.push(...(await findProcessed(some, signal)));
      return found;
    },

    cleanUp: async (usernames, signal) => {
      let missing = 0;
      for (const some of batches(usernames)) {
        const answer = await ask(some, signal);
        if (answer.status !== 400) continue;
        const left = await findProcessed(some, signal);
        missing += some.length - left.length;
        if (left.length === 0) continue;
        const again = await ask(left, signal);
        if (again.status === 400)
          throw again.failure('refused the clean-up of rows that it had just found', true);
      }
      return { missing };
    },
  };
}

/** Each name once: the LMS counts what it is given. */
function* batches(usernames: readonly string[]): Generator<readonly string[]> {
  const names = [...new Set(usernames)];
  for (let at = 0; at < names.length; at += MOST_NAMES) yield names.slice(at, at + MOST_NAMES);
}

/** `2 original_usernames were given and 1 found`, in whatever words of that kind. */
function countFound(answer: LmsAnswer): number | undefined {
  const [, count] = /(\d+)\D{0,40}\bfound\b/i.exec(textOf(answer)) ?? [];
  return count === undefined ? undefined : Number(count);
}

/** Of the names that were given: those in the list behind the last `Found…:`. None where a comma in a name makes that a guess. */
function namesFound(answer: LmsAnswer, given: readonly string[]): readonly string[] {
  if (given.some((name) => name.includes(','))) return [];
  const [, list = ''] = /^[\s\S]*\bfound\b[^:]*:([\s\S]*)$/i.exec(textOf(answer)) ?? [];
  const listed = new Set(list.split(',').map((name) => name.trim()));
  return given.filter((name) => listed.has(name.trim()));
}

function textOf(answer: LmsAnswer): string {
  const text = answer.json();
  return typeof text === 'string' ? text : answer.text;
}
