import pg from 'pg';
import type { Database, Queryable } from '../../db/database.ts';
import { failed } from '../operation-error.ts';

/** Keeps two that grant at once from changing the same rows of the catalogue. */
const GRANT_LOCK = 3_141_592_654;

const ROW_RIGHTS = 'select, insert, update, delete';
/** What a table's grants may give beyond that, in every version of PostgreSQL that is supported. */
const FURTHER_RIGHTS = 'truncate, references, trigger';

/** Tables of which workers and commands may do less than read and write rows. */
const lessThanAll: Readonly<Record<string, string>> = {
  schema_migrations: 'select',
  // What proves an erasure is added to, and never changed or taken away.
  erasure_receipts: 'select, insert',
  erasure_keys: 'select, insert',
  erasure_receipt_chain: 'select, update',
};

/**
 * Gives the role what workers and commands need, and takes away everything else that it has in schema `public`: rows, sequences,
 * and temporary tables for `course verify`. Also of tables that a later version makes. Wants to be the owner of the tables; safe to
 * repeat, and beside running workers. Throws for a role that does not exist, or that may more than that by being who it is.
 */
export async function grantToWorkers(database: Database, role: string): Promise<void> {
  await database.transaction(async (transaction) => {
    await transaction.query('select pg_advisory_xact_lock($1::bigint)', [GRANT_LOCK]);
    await checkRole(transaction, role);
    for (const statement of await grants(transaction, role)) await transaction.query(statement);
  });
}

async function checkRole(db: Queryable, role: string): Promise<void> {
  const { rows } = await db.query<{ readonly isOwner: boolean; readonly isSuperuser: boolean }>(
    `select pg_has_role(oid, current_user, 'member') as "isOwner", rolsuper as "isSuperuser"
     from pg_roles where rolname = $1::text`,
    [role],
  );
  const [found] = rows;
  if (found === undefined) {
    throw failed(
      `REGISTRAR_WORKER_ROLE names ${JSON.stringify(role)}, a role that the database does not have: create it (create role … login password …), or correct the variable`,
    );
  }
  if (found.isOwner || found.isSuperuser) {
    throw failed(
      `REGISTRAR_WORKER_ROLE names ${JSON.stringify(role)}, which is ${found.isSuperuser ? 'a superuser' : 'the owner of the tables, or a member of it'}: name a role of its own for workers and commands`,
    );
  }
}

async function grants(db: Queryable, role: string): Promise<readonly string[]> {
  const to = pg.escapeIdentifier(role);
  const { rows } = await db.query<{ readonly name: string }>('select current_database() as name');
  const database = pg.escapeIdentifier(rows[0]?.name ?? '');
  return [
    `revoke all on all tables in schema public from ${to}`,
    `revoke all on all sequences in schema public from ${to}`,
    `revoke all on schema public from ${to}`,
    `grant connect, temporary on database ${database} to ${to}`,
    `grant usage on schema public to ${to}`,
    `grant ${ROW_RIGHTS} on all tables in schema public to ${to}`,
    `grant usage on all sequences in schema public to ${to}`,
    ...Object.entries(lessThanAll).flatMap(([table, rights]) => [
      `revoke all on ${table} from ${to}`,
      `grant ${rights} on ${table} to ${to}`,
    ]),
    `alter default privileges in schema public grant ${ROW_RIGHTS} on tables to ${to}`,
    `alter default privileges in schema public grant usage on sequences to ${to}`,
  ];
}

/** What the connected role may do here. */
export interface Rights {
  readonly role: string;
  /** Why it may do more than a worker needs. */
  readonly tooMuch?: 'superuser' | 'owner' | 'creator';
  /** Tables of which it may not do all that it needs. */
  readonly closedTables: readonly string[];
  /** Tables of which it may do more than it needs, by grants. */
  readonly openTables: readonly string[];
  readonly canMakeTemporaryTables: boolean;
}

/** Holds what the role may do with each table against what `grantToWorkers` gives. */
export async function lookAtRights(db: Queryable): Promise<Rights> {
  const { rows } = await db.query<{
    readonly role: string;
    readonly isSuperuser: boolean;
    readonly isOwner: boolean;
    readonly canCreate: boolean;
    readonly canMakeTemporaryTables: boolean;
    readonly closedTables: readonly string[];
    readonly openTables: readonly string[];
  }>(
    `
    with ours as (
      select relname::text as name, relowner,
        string_to_array(coalesce($1::jsonb ->> relname, $2::text), ', ') as needed,
        array(select granted from unnest(string_to_array($3::text, ', ')) as granted
              where has_table_privilege(oid, granted)) as has
      from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p'))
    select current_user::text as role, rolsuper as "isSuperuser",
      exists (select from ours where pg_has_role(relowner, 'usage')) as "isOwner",
      has_schema_privilege('public', 'create') as "canCreate",
      has_database_privilege(current_database(), 'temporary') as "canMakeTemporaryTables",
      array(select name from ours where not has @> needed order by name) as "closedTables",
      array(select name from ours where not has <@ needed order by name) as "openTables"
    from pg_roles where rolname = current_user`,
    [JSON.stringify(lessThanAll), ROW_RIGHTS, `${ROW_RIGHTS}, ${FURTHER_RIGHTS}`],
  );
  const [row] = rows;
  if (row === undefined) throw new Error('PostgreSQL does not know the role that is connected');
  const { role, isSuperuser, isOwner, canCreate, canMakeTemporaryTables, closedTables, openTables } = row;
  const tooMuch = isSuperuser ? 'superuser' : isOwner ? 'owner' : canCreate ? 'creator' : undefined;
  return { role, ...(tooMuch && { tooMuch }), closedTables, openTables, canMakeTemporaryTables };
}
