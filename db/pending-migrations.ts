import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Queryable } from './database.ts';

/** Names of the migrations that this version has and the database has not. Changes nothing. */
export async function listPendingMigrations(db: Queryable): Promise<readonly string[]> {
  const folder = fileURLToPath(new URL('./migrations', import.meta.url));
  const names = (await readdir(folder))
    .filter((file) => file.endsWith('.sql'))
    .map((file) => file.slice(0, -4));
  const ran = await listRanMigrations(db);
  return names.filter((name) => !ran.has(name)).sort();
}

async function listRanMigrations(db: Queryable): Promise<ReadonlySet<string>> {
  const { rows: tables } = await db.query<{ table: string | null }>(
    `select to_regclass('schema_migrations')::text as "table"`,
  );
  if (!tables[0]?.table) return new Set();
  const { rows } = await db.query<{ name: string }>('select name from schema_migrations order by name');
  return new Set(rows.map((row) => row.name));
}
