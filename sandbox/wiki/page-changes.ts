import type { PoolClient } from 'pg';
import { ensureActors, refreshLatest } from './edit-store.ts';
import { prefixedTitle, type Title } from './titles.ts';

/** MediaWiki's own name for the user of its script that moves pages. */
const MOVER = 'Move page script';

const columns =
  'id, page_id, actor_id, at, parent_id, length, sizediff, tags, refs, text_hidden, user_hidden, suppressed';

/** Takes the page away; its revisions wait in the archive. False when there is no such page. */
export async function deletePage(client: PoolClient, { ns, title }: Title): Promise<boolean> {
  const pageId = await findPageId(client, { ns, title });
  if (pageId === undefined) return false;
  await client.query(
    `with gone as (delete from revisions where page_id = $1::bigint returning ${columns})
     insert into archive (namespace, title, ${columns}) select $2::integer, $3::text, ${columns} from gone`,
    [pageId, ns, title],
  );
  await client.query('delete from pages where id = $1::bigint', [pageId]);
  return true;
}

/**
 * Brings all archived revisions of the title back, with their ids and parents: under the id that the page had, or into the
 * page that has the title by now. Undefined when nothing is archived there, otherwise the page's id.
 */
export async function undeletePage(client: PoolClient, { ns, title }: Title): Promise<number | undefined> {
  const archived = await client.query<{ id: number }>(
    `select page_id::float8 as id from archive where namespace = $1::integer and title = $2::text
     order by at desc, id desc limit 1`,
    [ns, title],
  );
  const formerId = archived.rows[0]?.id;
  if (formerId === undefined) return undefined;
  const pageId = (await findPageId(client, { ns, title })) ?? formerId;
  await client.query(
    `insert into pages (id, namespace, title) values ($1::bigint, $2::integer, $3::text) on conflict (id) do nothing`,
    [pageId, ns, title],
  );
  await client.query(
    `with back as (delete from archive where namespace = $2::integer and title = $3::text returning ${columns})
     insert into revisions (${columns})
     select id, $1::bigint, actor_id, at, parent_id, length, sizediff, tags, refs, text_hidden, user_hidden, suppressed
     from back`,
    [pageId, ns, title],
  );
  await refreshLatest(client, [pageId]);
  await client.query('update pages set restored_id = latest_id where id = $1::bigint', [pageId]);
  return pageId;
}

export type Moved = 'moved' | 'no-page' | 'taken';

/**
 * Gives the page another title, all its revisions with it, and adds the empty revision with which MediaWiki notes a move.
 * With `leavesRedirect` a page stays behind that points to the new title.
 */
export async function movePage(
  client: PoolClient,
  from: Title,
  to: Title,
  leavesRedirect: boolean,
): Promise<Moved> {
  const pageId = await findPageId(client, from);
  if (pageId === undefined) return 'no-page';
  if ((await findPageId(client, to)) !== undefined) return 'taken';
  const actors = await ensureActors(client, [MOVER]);
  const moverId = actors.get(MOVER);
  await client.query('update pages set namespace = $2::integer, title = $3::text where id = $1::bigint', [
    pageId,
    to.ns,
    to.title,
  ]);
  await client.query(
    `insert into revisions (page_id, actor_id, at, parent_id, length, sizediff, tags, refs)
     select page_id, $2::bigint, greatest(at, date_trunc('second', now())), id, length, 0, '{}', refs
     from revisions where id = (select latest_id from pages where id = $1::bigint)`,
    [pageId, moverId],
  );
  const changed = [pageId];
  if (leavesRedirect) {
    const redirect = await client.query<{ page_id: number }>(
      `with page as (
         insert into pages (namespace, title, redirects_to_namespace, redirects_to_title)
         values ($1::integer, $2::text, $3::integer, $4::text) returning id)
       insert into revisions (page_id, actor_id, at, parent_id, length, sizediff, tags, refs)
       select id, $5::bigint, date_trunc('second', now()), 0, $6::integer, $6::integer, '{mw-new-redirect}', 0 from page
       returning page_id::float8 as page_id`,
      [from.ns, from.title, to.ns, to.title, moverId, redirectLength(to)],
    );
    changed.push(...redirect.rows.map((row) => row.page_id));
  }
  await refreshLatest(client, changed);
  return 'moved';
}

/** Hides and shows parts of revisions, deleted ones too. Returns how many there are. */
export async function hideRevisions(
  client: PoolClient,
  ids: readonly number[],
  hidden: { readonly text: boolean; readonly user: boolean; readonly isSuppressed: boolean },
): Promise<number> {
  const values = [ids, hidden.text, hidden.user, hidden.isSuppressed];
  const change = 'set text_hidden = $2::boolean, user_hidden = $3::boolean, suppressed = $4::boolean';
  const live = await client.query(`update revisions ${change} where id = any($1::bigint[])`, values);
  const archived = await client.query(`update archive ${change} where id = any($1::bigint[])`, values);
  return (live.rowCount ?? 0) + (archived.rowCount ?? 0);
}

/** False when there is no such user. */
export async function renameUser(client: PoolClient, from: string, to: string): Promise<boolean> {
  const renamed = await client.query('update actors set name = $2::text where name = $1::text', [from, to]);
  return renamed.rowCount === 1;
}

function redirectLength(target: Title): number {
  return Buffer.byteLength(`#REDIRECT [[${prefixedTitle(target)}]]`);
}

async function findPageId(client: PoolClient, { ns, title }: Title): Promise<number | undefined> {
  const found = await client.query<{ id: number }>(
    'select id::float8 as id from pages where namespace = $1::integer and title = $2::text',
    [ns, title],
  );
  return found.rows[0]?.id;
}
