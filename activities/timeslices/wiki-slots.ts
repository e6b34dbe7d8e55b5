import { activityInfo } from '@temporalio/activity';
import type { Database, Queryable } from '../../db/database.ts';
import { retryLater } from '../failures.ts';

/** Requests at once to one wiki, over all workers: what its operators ask of polite clients. */
const REQUESTS_AT_ONCE = 3;

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 20_000;

/** Longer from attempt to attempt, for each costs a part of the one rate; and not the same for all, lest they come back together. */
function waitMs(attempt: number): number {
  return Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (attempt - 1)) * (0.5 + Math.random());
}

/**
 * Runs `work` while it holds one of the wiki's slots. A slot is an advisory lock of PostgreSQL: a worker that dies gives
 * it back with its connection. Where all are taken the attempt ends at once, to be tried again by Temporal: waiting here would
 * keep this worker from other wikis. Throws a retryable `WikiBusy` then.
 */
export async function inWikiSlot<Result>(
  database: Database,
  wikiId: number,
  work: () => Promise<Result>,
): Promise<Result> {
  return database.connection(async (connection) => {
    const slot = await takeSlot(connection, wikiId);
    if (slot === undefined) {
      const delayMs = waitMs(activityInfo().attempt);
      throw retryLater('WikiBusy', `${REQUESTS_AT_ONCE} requests to the wiki are under way`, delayMs);
    }
    try {
      return await work();
    } finally {
      await connection.query(`select pg_advisory_unlock(${slotKey('$2')})`, [wikiId, slot]);
    }
  });
}

async function takeSlot(connection: Queryable, wikiId: number): Promise<number | undefined> {
  // The rows of the function come one by one, so no more than one lock is taken.
  const { rows } = await connection.query<{ slot: number }>(
    `select slot from generate_series(1, $2::integer) slot where pg_try_advisory_lock(${slotKey('slot')}) limit 1`,
    [wikiId, REQUESTS_AT_ONCE],
  );
  return rows[0]?.slot;
}

function slotKey(slot: string): string {
  return `hashtextextended('registrar: wiki ' || $1::bigint || ' slot ' || ${slot}::integer, 0)`;
}
