import type { Pool, PoolClient } from 'pg';
import { inTurn } from './transaction.ts';

/** The schema that one kind of sandbox makes for itself and may drop again. */
export interface OwnedSchema {
  /** For messages: `sandbox LMS`. */
  readonly owner: string;
  /** A schema with this table was made by that maker; one with other tables only belongs to somebody else. */
  readonly mark: { readonly table: string; readonly maker: string };
  /** Raise it with every change of `tables`: data of another version are invented anyway and are made anew. */
  readonly version: number;
  /** Statements that create everything, without the schema's name. */
  readonly tables: string;
  /** Rows that are there from the beginning. */
  readonly fill?: (client: PoolClient) => Promise<void>;
}

const versionTable = 'create table sandbox_version (version integer not null)';

const PLAIN_NAME = /^[a-z_][a-z0-9_]{0,62}$/;

/** Throws unless the name can stand in SQL as it is. */
export function requirePlainName(schema: string): void {
  if (!PLAIN_NAME.test(schema)) throw new Error(`"${schema}" is no plain schema name`);
}

/**
 * Makes the schema if it is not there, or anew if an older sandbox left it; otherwise nothing. Safe when two start at once.
 * Throws when the schema belongs to somebody else or to a newer sandbox. The pool's search path must be the schema.
 */
export async function ensureSchema(pool: Pool, schema: string, owned: OwnedSchema): Promise<void> {
  await inTurn(pool, 'schema', async (client) => {
    if ((await findVersion(client, schema, owned)) === owned.version) return;
    await client.query(`drop schema if exists ${schema} cascade`);
    await client.query(`create schema ${schema}`);
    await client.query(owned.tables);
    await client.query(versionTable);
    await client.query('insert into sandbox_version (version) values ($1::integer)', [owned.version]);
    await owned.fill?.(client);
  });
}

/** Undefined: nothing is there. */
async function findVersion(
  client: PoolClient,
  schema: string,
  { owner, mark, version: own }: OwnedSchema,
): Promise<number | undefined> {
  const relations = await client.query<{ name: string }>(
    'select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = $1::text',
    [schema],
  );
  if (relations.rowCount === 0) return undefined;
  if (!relations.rows.some((relation) => relation.name === mark.table)) {
    throw new Error(
      `schema ${schema} holds tables that no ${mark.maker} made; give the ${owner} another schema`,
    );
  }
  const found = await client.query<{ version: number }>(
    'select max(version) as version from sandbox_version',
  );
  const version = found.rows[0]?.version ?? 0;
  if (version > own) {
    throw new Error(
      `schema ${schema} was made by a newer sandbox (version ${version}); use that one or another schema`,
    );
  }
  return version;
}
