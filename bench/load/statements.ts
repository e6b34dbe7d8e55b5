import pg from 'pg';
import type { Queryable } from '../../db/database.ts';
import { startPostgres } from '../../stack/postgres.ts';

/** Has a PostgreSQL that starts in this directory later count the time of each statement. */
export async function prepareStatements(directory: string, log: (line: string) => void): Promise<void> {
  const postgres = await startPostgres({ directory, fast: true, log });
  const client = new pg.Client({ connectionString: postgres.url('registrar') });
  try {
    await client.connect();
    await client.query(`alter system set shared_preload_libraries = 'pg_stat_statements'`);
    await client.query('create extension pg_stat_statements');
  } finally {
    await client.end();
    await postgres.stop();
  }
}

export interface StatementCost {
  readonly calls: number;
  readonly totalMs: number;
  readonly meanMs: number;
  /** Its beginning. */
  readonly statement: string;
}

/** The statements that took longest in all since they were asked for last, or since the start. */
export async function takeDearestStatements(db: Queryable, limit: number): Promise<readonly StatementCost[]> {
  const { rows } = await db.query<StatementCost>(
    `select calls, round(total_exec_time)::integer as "totalMs", round(mean_exec_time::numeric, 2)::float8 as "meanMs",
       left(regexp_replace(query, '\\s+', ' ', 'g'), 110) as statement
     from pg_stat_statements join pg_database on pg_database.oid = dbid
     where datname = current_database() order by total_exec_time desc limit $1::integer`,
    [limit],
  );
  await db.query('select pg_stat_statements_reset()');
  return rows;
}
