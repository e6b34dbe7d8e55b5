import pg from 'pg';
import { connectionSettings } from './connection-settings.ts';

/** A pool, a client or a transaction: whatever SQL functions take first. */
export interface Queryable {
  query<Row extends pg.QueryResultRow = pg.QueryResultRow>(
    statement: pg.QueryConfig | string,
    values?: readonly unknown[],
  ): Promise<pg.QueryResult<Row>>;
}

export interface Database extends Queryable {
  /** Runs `work` in one transaction: committed when it returns, rolled back when it throws. */
  transaction<Result>(work: (transaction: Queryable) => Promise<Result>): Promise<Result>;
  /** Lends one connection to `work`, outside of any transaction: for what belongs to a session, such as an advisory lock. */
  connection<Result>(work: (connection: Queryable) => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
}

export interface DatabaseOptions {
  /** `postgres://user:password@host:port/database`; TLS by the parameters that {@link connectionSettings} reads. */
  readonly url: string;
  readonly maxConnections?: number;
  /** Milliseconds; default one minute. */
  readonly queryTimeoutMs?: number;
  /** Shown in `pg_stat_activity`. */
  readonly applicationName?: string;
}

const INT8 = 20;

// Ids and counts stay below 2^53, so that they may be numbers.
const types = {
  getTypeParser(oid: number, format?: 'text' | 'binary'): (value: string) => unknown {
    if (oid === INT8 && format !== 'binary') return Number;
    return pg.types.getTypeParser(oid, format) as (value: string) => unknown;
  },
};

/**
 * Opens a pool. A connection that breaks while idle is dropped and replaced; the next query says if the server is gone.
 * Throws an Error of one line for an address that cannot be used.
 */
export function openDatabase(options: DatabaseOptions): Database {
  const queryTimeoutMs = options.queryTimeoutMs ?? 60_000;
  const pool = new pg.Pool({
    ...connectionSettings(options.url),
    max: options.maxConnections ?? 10,
    application_name: options.applicationName ?? 'registrar',
    connectionTimeoutMillis: 10_000,
    // A server that is gone without a word must not hold an activity for ever.
    query_timeout: queryTimeoutMs,
    // The server must give up as well: it would keep the locks of a statement that nobody waits for.
    statement_timeout: Math.max(1, queryTimeoutMs - 1_000),
    keepAlive: true,
    types: types,
  });
  pool.on('error', () => undefined);
  return {
    query: (statement, values) => pool.query(statement, values?.slice()),
    transaction: (work) => inTransaction(pool, work),
    connection: (work) => onConnection(pool, work),
    close: () => pool.end(),
  };
}

async function inTransaction<Result>(
  pool: pg.Pool,
  work: (transaction: Queryable) => Promise<Result>,
): Promise<Result> {
  const client = await lend(pool);
  let broken = false;
  try {
    await client.query('begin');
    const result = await work(client);
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch(() => {
      broken = true;
    });
    throw error;
  } finally {
    giveBack(client, broken);
  }
}

/** A connection whose work failed is closed, so that nothing of its session is left over. */
async function onConnection<Result>(
  pool: pg.Pool,
  work: (connection: Queryable) => Promise<Result>,
): Promise<Result> {
  const client = await lend(pool);
  let failed = true;
  try {
    const result = await work(client);
    failed = false;
    return result;
  } finally {
    giveBack(client, failed);
  }
}

/**
 * While a connection is lent, nobody but us listens for its end: without a listener a restart of PostgreSQL would end this
 * process. The next statement says what happened.
 */
async function lend(pool: pg.Pool): Promise<pg.PoolClient> {
  const client = await pool.connect();
  client.on('error', ignore);
  return client;
}

function giveBack(client: pg.PoolClient, isBroken: boolean): void {
  client.off('error', ignore);
  client.release(isBroken);
}

function ignore(): void {
  // The statement under way fails with the same error.
}
