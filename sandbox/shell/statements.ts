import type { Pool, QueryResultRow } from 'pg';

/** SQL with a name, so that each connection parses and plans it once. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

export async function listRows<Row extends QueryResultRow>(
  pool: Pool,
  statement: Statement,
  values: readonly unknown[],
): Promise<readonly Row[]> {
  const result = await pool.query<Row>({ name: statement.name, text: statement.text, values: [...values] });
  return result.rows;
}

export async function findRow<Row extends QueryResultRow>(
  pool: Pool,
  statement: Statement,
  values: readonly unknown[],
): Promise<Row | undefined> {
  const [row] = await listRows<Row>(pool, statement, values);
  return row;
}

/** For statements that always give one row. */
export async function oneRow<Row extends QueryResultRow>(
  pool: Pool,
  statement: Statement,
  values: readonly unknown[],
): Promise<Row> {
  const row = await findRow<Row>(pool, statement, values);
  if (row === undefined) throw new Error(`${statement.name} gave no row`);
  return row;
}
