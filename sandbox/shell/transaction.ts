import type { Pool, PoolClient } from 'pg';

/** Runs `work` in one transaction, after any other that holds the same `lock` of this pool's schema; rolled back when it throws. */
export async function inTurn<Result>(
  pool: Pool,
  lock: string,
  work: (client: PoolClient) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    await client.query(
      `select pg_advisory_xact_lock(hashtext('registrar sandbox ' || current_setting('search_path') || ' ' || $1::text))`,
      [lock],
    );
    const result = await work(client);
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  } finally {
    client.release();
  }
}
