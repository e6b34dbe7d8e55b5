import type { Queryable } from '../../db/database.ts';

/** A table of schema `public` with all its rows as JSON. */
export interface TableText {
  readonly name: string;
  readonly rows: readonly string[];
}

/** Everything that our own tables hold, bytes as hexadecimal. */
export async function readTables(db: Queryable): Promise<readonly TableText[]> {
  const { rows: tables } = await db.query<{ name: string }>(
    `select tablename as name from pg_tables where schemaname = 'public' order by tablename`,
  );
  const texts: TableText[] = [];
  for (const { name } of tables) {
    const { rows } = await db.query<{ text: string }>(
      `select to_jsonb(t)::text as text from public."${name}" as t order by 1`,
    );
    texts.push({ name, rows: rows.map(({ text }) => text) });
  }
  return texts;
}
