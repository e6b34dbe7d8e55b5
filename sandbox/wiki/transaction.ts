import type { Pool, PoolClient } from 'pg';

/** Runs the changes of one control request as one transaction; they come one at a time, as ids and times must agree. */
export async function changing<T>(pool: Pool, change: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    await client.query(
      `select pg_advisory_xact_lock(hashtext('registrar sandbox wiki changes ' || current_schema()))`,
    );
    const result = await change(client);
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  } finally {
    client.release();
  }
}
