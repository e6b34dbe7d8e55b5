import pg from 'pg';
import type { Queryable } from '../../db/database.ts';

interface Table {
  /** Quoted, with its schema. */
  readonly name: string;
  /** Quoted; none that PostgreSQL makes itself. */
  readonly columns: readonly string[];
}

/**
 * Everything that the tables hold, as SQL that fills the same tables again, without triggers. The tables themselves are for the
 * release's own migrations to make.
 */
export async function dumpDatabase(db: Queryable): Promise<string> {
  const tables = await listTables(db);
  const statements = [
    'begin;',
    "set local session_replication_role = 'replica';",
    `truncate ${tables.map(({ name }) => name).join(', ')};`,
    ...(await Promise.all(tables.map((table) => dumpTable(db, table)))).flat(),
    ...(await dumpSequences(db)),
    'commit;',
  ];
  return `${statements.join('\n')}\n`;
}

async function listTables(db: Queryable): Promise<readonly Table[]> {
  const { rows } = await db.query<{ name: string; columns: string[] }>(
    `select format('%I.%I', n.nspname, c.relname) as name,
       (select array_agg(format('%I', attname) order by attnum) from pg_attribute
        where attrelid = c.oid and attnum > 0 and not attisdropped and attgenerated = '') as columns
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind = 'r' and (n.nspname = 'public' or n.nspname like 'sandbox\\_%')
     order by 1`,
  );
  return rows;
}

async function dumpTable(db: Queryable, { name, columns }: Table): Promise<readonly string[]> {
  const listed = columns.join(', ');
  const { rows } = await db.query<{ json: string | null }>(
    `select json_agg(held)::text as json from (select ${listed} from ${name}) as held`,
  );
  const json = rows[0]?.json ?? null;
  if (json === null) return [];
  return [
    `insert into ${name} (${listed}) overriding system value`,
    `select ${listed} from json_populate_recordset(null::${name}, ${pg.escapeLiteral(json)}::json);`,
  ];
}

async function dumpSequences(db: Queryable): Promise<readonly string[]> {
  const { rows } = await db.query<{ statement: string }>(
    `select format('select setval(%L, %s);', format('%I.%I', schemaname, sequencename), last_value) as statement
     from pg_sequences where last_value is not null and (schemaname = 'public' or schemaname like 'sandbox\\_%')
     order by 1`,
  );
  return rows.map(({ statement }) => statement);
}
