import type { PoolClient } from 'pg';
import type { Title } from './titles.ts';

export interface Edit extends Title {
  readonly user: string;
  readonly at: Date;
  readonly sizediff: number;
  readonly isNew: boolean;
  readonly tags: readonly string[];
  readonly refs: number;
}

export interface MadeEdit {
  readonly pageId: number;
  readonly revisionId: number;
  readonly parentId: number;
}

interface Revision {
  readonly id: number;
  readonly pageId: number;
  readonly actorId: number;
  readonly at: Date;
  readonly parentId: number;
  readonly length: number;
  readonly sizediff: number;
  readonly tags: readonly string[];
  readonly refs: number;
}

interface Predecessor {
  readonly id: number;
  readonly length: number;
}

/** The sandbox's own editor, who wrote what was there before the first edit that is given. */
const FOUNDER = 'Sandbox founder';
const FOUNDED_AT = new Date('2001-01-15T00:00:00Z');

/** The size of a page that was there before the first edit that is given, unless that edit takes more. */
export const FOUNDED_LENGTH = 10_000;

/**
 * Makes the edits, in the order of their times, and answers them in the order given. The parent of an edit is the page's
 * newest revision that is not later, as with MediaWiki's imports; later revisions keep the parents that they have. An edit
 * that is not `isNew` and has no such revision gets one from the founder, without references. `sizediff` stays as it is given
 * even where it takes more than there was: the page is then empty.
 */
export async function insertEdits(client: PoolClient, edits: readonly Edit[]): Promise<readonly MadeEdit[]> {
  const actors = await ensureActors(client, [FOUNDER, ...edits.map((edit) => edit.user)]);
  const pages = await ensurePages(client, edits);
  const placed = edits
    .map((edit, index) => ({ edit, index, pageId: oneOf(pages, keyOf(edit)) }))
    .sort((a, b) => a.edit.at.getTime() - b.edit.at.getTime());
  const before = await listPredecessors(client, placed);
  const ids = await reserveIds(client, 2 * placed.length);
  const latest = new Map<number, Predecessor>();
  const revisions: Revision[] = [];
  const made: MadeEdit[] = edits.map(() => ({ pageId: 0, revisionId: 0, parentId: 0 }));
  const nextId = (): number => oneOf(ids, revisions.length);
  placed.forEach(({ edit, index, pageId }, position) => {
    let parent = latest.get(pageId) ?? before.get(position);
    if (edit.isNew) parent = undefined;
    else if (parent === undefined) {
      const founded = foundingRevision(nextId(), pageId, oneOf(actors, FOUNDER), edit);
      revisions.push(founded);
      parent = founded;
    }
    const revision: Revision = {
      id: nextId(),
      pageId,
      actorId: oneOf(actors, edit.user),
      at: edit.at,
      parentId: parent?.id ?? 0,
      length: Math.max(0, (parent?.length ?? 0) + edit.sizediff),
      sizediff: edit.sizediff,
      tags: edit.tags,
      refs: edit.refs,
    };
    revisions.push(revision);
    latest.set(pageId, revision);
    made[index] = { pageId, revisionId: revision.id, parentId: revision.parentId };
  });
  await insertRevisions(client, revisions);
  await refreshLatest(client, [...pages.values()]);
  return made;
}

function foundingRevision(id: number, pageId: number, actorId: number, first: Edit): Revision {
  const length = Math.max(FOUNDED_LENGTH, -first.sizediff);
  const at = first.at < FOUNDED_AT ? first.at : FOUNDED_AT;
  return { id, pageId, actorId, at, parentId: 0, length, sizediff: length, tags: [], refs: 0 };
}

/** Ids by name; users who are not known are registered. */
export async function ensureActors(
  client: PoolClient,
  names: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const distinct = [...new Set(names)];
  await client.query(
    `insert into actors (name)
     select n.name from unnest($1::text[]) with ordinality as n(name, place)
     where not exists (select from actors a where a.name = n.name) order by n.place
     on conflict do nothing`,
    [distinct],
  );
  const found = await client.query<{ name: string; id: number }>(
    'select name, id::float8 as id from actors where name = any($1::text[])',
    [distinct],
  );
  return new Map(found.rows.map(({ name, id }) => [name, id]));
}

/** Ids by {@link keyOf}; pages that are not there are made, still without a revision. */
async function ensurePages(
  client: PoolClient,
  titles: readonly Title[],
): Promise<ReadonlyMap<string, number>> {
  const distinct = [...new Map(titles.map((title) => [keyOf(title), title])).values()];
  const values = [distinct.map(({ ns }) => ns), distinct.map(({ title }) => title)];
  await client.query(
    `insert into pages (namespace, title)
     select t.ns, t.title from unnest($1::integer[], $2::text[]) with ordinality as t(ns, title, place)
     where not exists (select from pages p where p.namespace = t.ns and p.title = t.title) order by t.place
     on conflict do nothing`,
    values,
  );
  const found = await client.query<Title & { id: number }>(
    `select p.id::float8 as id, p.namespace as ns, p.title
     from unnest($1::integer[], $2::text[]) as t(ns, title) join pages p on p.namespace = t.ns and p.title = t.title`,
    values,
  );
  return new Map(found.rows.map((page) => [keyOf(page), page.id]));
}

/** By position: the page's newest stored revision that is not later than the edit. */
async function listPredecessors(
  client: PoolClient,
  placed: readonly { readonly edit: Edit; readonly pageId: number }[],
): Promise<ReadonlyMap<number, Predecessor>> {
  const found = await client.query<Predecessor & { place: number }>(
    `select e.place::integer - 1 as place, r.id::float8 as id, r.length
     from unnest($1::bigint[], $2::timestamptz[]) with ordinality as e(page_id, at, place)
     cross join lateral (
       select id, length from revisions where page_id = e.page_id and at <= e.at order by at desc, id desc limit 1) r`,
    [placed.map(({ pageId }) => pageId), placed.map(({ edit }) => edit.at)],
  );
  return new Map(found.rows.map(({ place, id, length }) => [place, { id, length }]));
}

async function reserveIds(client: PoolClient, count: number): Promise<ReadonlyMap<number, number>> {
  const reserved = await client.query<{ id: number }>(
    `select nextval('revisions_id_seq')::float8 as id from generate_series(1, $1::integer)`,
    [count],
  );
  return new Map(reserved.rows.map(({ id }, index) => [index, id]));
}

async function insertRevisions(client: PoolClient, revisions: readonly Revision[]): Promise<void> {
  await client.query(
    `insert into revisions (id, page_id, actor_id, at, parent_id, length, sizediff, tags, refs)
     select id, "pageId", "actorId", at, "parentId", length, sizediff, tags, refs
     from jsonb_to_recordset($1::jsonb) as r(id bigint, "pageId" bigint, "actorId" bigint, at timestamptz, "parentId" bigint,
       length integer, sizediff integer, tags text[], refs integer)`,
    [JSON.stringify(revisions)],
  );
}

/** The latest revision is the one with the newest time, whenever it was made. */
export async function refreshLatest(client: PoolClient, pageIds: readonly number[]): Promise<void> {
  await client.query(
    `update pages p set latest_id = (
       select r.id from revisions r where r.page_id = p.id order by r.at desc, r.id desc limit 1)
     where p.id = any($1::bigint[])`,
    [pageIds],
  );
}

function keyOf({ ns, title }: Title): string {
  return `${ns}:${title}`;
}

function oneOf<Key, Value>(map: ReadonlyMap<Key, Value>, key: Key): Value {
  const value = map.get(key);
  if (value === undefined) throw new Error(`the sandbox wiki has nothing under ${String(key)}`);
  return value;
}
