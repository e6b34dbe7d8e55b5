import type { Pool, PoolClient } from 'pg';

/** Raise it with every change of `tables`: data of another version are invented anyway and are made anew. */
const VERSION = 1;

/**
 * As MediaWiki keeps them: a deleted page is gone from `pages`, its revisions wait in `archive` under the title, with
 * the id that the page had. `parent_id` 0 is a revision that created its page. An actor's id is the user's id too.
 */
const tables = `
create table actors (
  id bigserial primary key,
  name text not null unique
);
create table pages (
  id bigserial primary key,
  namespace integer not null,
  title text not null,
  latest_id bigint not null default 0,
  restored_id bigint,
  redirects_to_namespace integer,
  redirects_to_title text,
  unique (namespace, title)
);
comment on column pages.restored_id is 'the latest revision when the page was undeleted: until the next edit the page counts as new';
create table revisions (
  id bigserial primary key,
  page_id bigint not null references pages,
  actor_id bigint not null references actors,
  at timestamptz(0) not null,
  parent_id bigint not null,
  length integer not null check (length >= 0),
  sizediff integer not null,
  tags text[] not null,
  refs integer not null,
  text_hidden boolean not null default false,
  user_hidden boolean not null default false,
  suppressed boolean not null default false
);
comment on column revisions.refs is 'how many references the page has in this revision';
create index revisions_of_actor on revisions (actor_id, at, id);
create index revisions_of_page on revisions (page_id, at, id);
create table archive (
  namespace integer not null,
  title text not null,
  like revisions,
  primary key (id)
);
create index archive_title on archive (namespace, title);
create table sandbox_version (version integer not null);
`;

/**
 * Makes the schema if it is not there, or anew if an older sandbox left it; otherwise nothing. Safe when two start at once.
 * Throws when the schema belongs to somebody else or to a newer sandbox. The pool's search path must be the schema.
 */
export async function ensureSchema(pool: Pool, schema: string): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    await client.query('select pg_advisory_xact_lock(hashtext($1::text))', [`registrar sandbox ${schema}`]);
    if ((await findVersion(client, schema)) !== VERSION) {
      await client.query(`drop schema if exists ${schema} cascade`);
      await client.query(`create schema ${schema}`);
      await client.query(tables);
      await client.query('insert into sandbox_version (version) values ($1::integer)', [VERSION]);
    }
    await client.query('commit');
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  } finally {
    client.release();
  }
}

async function findVersion(client: PoolClient, schema: string): Promise<number | undefined> {
  const found = await client.query<{ relations: number; ours: boolean }>(
    `select count(*)::integer as relations, coalesce(bool_or(c.relname = 'actors'), false) as ours
     from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = $1::text`,
    [schema],
  );
  const [row] = found.rows;
  if (row === undefined || row.relations === 0) return undefined;
  if (!row.ours) {
    throw new Error(
      `schema ${schema} holds tables that no sandbox wiki made; give the sandbox wiki another schema`,
    );
  }
  const versions = await client.query<{ version: number }>(
    'select max(version) as version from sandbox_version',
  );
  const version = versions.rows[0]?.version ?? 0;
  if (version > VERSION) {
    throw new Error(
      `schema ${schema} was made by a newer sandbox (version ${version}); use that one or another schema`,
    );
  }
  return version;
}
