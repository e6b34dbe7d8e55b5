import type { Database, Queryable } from '../../db/database.ts';
import { retryLater } from '../failures.ts';

/** Requests at once to one wiki, over all workers: what its operators ask of polite clients. */
const REQUESTS_AT_ONCE = 3;

/** Between half of it and one and a half, so that those who wait do not come back together. */
const COME_BACK_AFTER_MS = 1_000;

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
      const delayMs = COME_BACK_AFTER_MS * (0.5 + Math.random());
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
