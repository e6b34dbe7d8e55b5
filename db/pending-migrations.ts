import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Queryable } from './database.ts';

/** Names of the migrations that this version has and the database has not. Changes nothing. */
export async function listPendingMigrations(db: Queryable): Promise<readonly string[]> {
  const [own, ran] = await Promise.all([listOwnMigrations(), listRanMigrations(db)]);
  return own.filter((name) => !ran.has(name));
}

/** Names of the migrations that the database has and this version does not know: a newer one set it up. Changes nothing. */
export async function listUnknownMigrations(db: Queryable): Promise<readonly string[]> {
  const [own, ran] = await Promise.all([listOwnMigrations(), listRanMigrations(db)]);
  return [...ran].filter((name) => !own.includes(name));
}

async function listOwnMigrations(): Promise<readonly string[]> {
  const folder = fileURLToPath(new URL('./migrations', import.meta.url));
  return (await readdir(folder))
    .filter((file) => file.endsWith('.sql'))
    .map((file) => file.slice(0, -4))
    .sort();
}

/** Names of the migrations that the database has, in order. */
export async function listRanMigrations(db: Pick<Queryable, 'query'>): Promise<ReadonlySet<string>> {
  const { rows: tables } = await db.query<{ table: string | null }>(
    `select to_regclass('schema_migrations')::text as "table"`,
  );
  if (!tables[0]?.table) return new Set();
  const { rows } = await db.query<{ name: string }>('select name from schema_migrations order by name');
  return new Set(rows.map((row) => row.name));
}
