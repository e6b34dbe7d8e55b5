import type { Queryable } from '../../db/database.ts';
import type { Fact } from '../../domain/timeslices/facts.ts';
import type { FetchWindow } from '../../domain/timeslices/fetch-windows.ts';
import type { Continuation } from '../../platform/wiki/client.ts';

/** One walk through a wiki's pages of results: some students' edits in one window. */
export interface FetchOrder extends FetchWindow {
  readonly courseId: number;
  readonly wikiId: number;
  /** Ascending. */
  readonly userIds: readonly number[];
  /** When the update began, ISO 8601. */
  readonly now: string;
}

export interface OpenFetch {
  readonly fetchId: number;
  /** Undefined before the first page. */
  readonly continuation: Continuation | undefined;
  readonly pages: number;
  readonly revisions: number;
  readonly isComplete: boolean;
}

/** Begins a walk, or finds it where an earlier attempt of this update left it. What an earlier update left is too old. */
export async function openFetch(db: Queryable, order: FetchOrder): Promise<OpenFetch> {
  const { rows } = await db.query<Omit<OpenFetch, 'continuation'> & { continuation: Continuation | null }>(
    `with outdated as (
       delete from wiki_fetches
       where course_id = $1::bigint and wiki_id = $2::bigint and from_at = to_timestamp($3::bigint)
         and user_ids = $5::bigint[] and (began_at, to_at) <> ($6::timestamptz, to_timestamp($4::bigint))
       returning id)
     select id as "fetchId", continuation, pages, revisions, is_complete as "isComplete"
     from wiki_fetches
     where course_id = $1::bigint and wiki_id = $2::bigint and from_at = to_timestamp($3::bigint)
       and user_ids = $5::bigint[] and id not in (select id from outdated)`,
    valuesOf(order),
  );
  const [found] = rows;
  if (found) return { ...found, continuation: found.continuation ?? undefined };
  const { rows: begun } = await db.query<{ fetchId: number }>(
    `insert into wiki_fetches (course_id, wiki_id, from_at, to_at, user_ids, began_at)
     values ($1::bigint, $2::bigint, to_timestamp($3::bigint), to_timestamp($4::bigint), $5::bigint[], $6::timestamptz)
     on conflict (course_id, wiki_id, from_at, user_ids) do update set failing_since = wiki_fetches.failing_since
     returning id as "fetchId"`,
    valuesOf(order),
  );
  const fetchId = begun[0]?.fetchId ?? 0;
  return { fetchId, continuation: undefined, pages: 0, revisions: 0, isComplete: false };
}

function valuesOf({ courseId, wikiId, from, to, userIds, now }: FetchOrder): readonly unknown[] {
  return [courseId, wikiId, from, to, userIds, now];
}

export interface AskedStudent {
  readonly userId: number;
  readonly username: string;
}

/** The students of a walk whom the wiki has not refused, in the order of their ids. */
export async function listAskedStudents(db: Queryable, order: FetchOrder): Promise<readonly AskedStudent[]> {
  const { rows } = await db.query<AskedStudent>(
    `select id as "userId", username from users
     where id = any($3::bigint[]) and not exists (
       select from course_user_wiki_cursors refused
       where refused.course_id = $1::bigint and refused.wiki_id = $2::bigint and refused.user_id = users.id
         and refused.refused_at is not null)
     order by id`,
    [order.courseId, order.wikiId, order.userIds],
  );
  return rows;
}

/** Notes that the wiki takes a student's username for malformed. */
export async function refuseStudent(
  db: Queryable,
  { courseId, wikiId, now }: FetchOrder,
  userId: number,
): Promise<void> {
  await db.query(
    `insert into course_user_wiki_cursors (course_id, wiki_id, user_id, refused_at)
     values ($1::bigint, $2::bigint, $3::bigint, $4::timestamptz)
     on conflict (course_id, wiki_id, user_id) do update set refused_at = excluded.refused_at`,
    [courseId, wikiId, userId, now],
  );
}

export interface FetchedPage {
  readonly fetchId: number;
  /** How many pages were kept before this one. */
  readonly after: number;
  readonly facts: readonly (Fact & { readonly namespace: number; readonly title: string })[];
  readonly revisions: number;
  /** Undefined: the walk is complete. */
  readonly continuation: Continuation | undefined;
}

const keep = `
  with moved as (
    update wiki_fetches set continuation = $3::jsonb, pages = pages + 1, revisions = revisions + $4::bigint,
      is_complete = $3::jsonb is null, failing_since = null
    where id = $1::bigint and pages = $2::integer and not is_complete
    returning id)
  insert into wiki_fetched_pages (fetch_id, page, mw_page_ids, namespaces, titles, user_ids, starts_at, ends_at,
    character_sums, references_counts, revision_counts, new_articles, first_revisions, last_revisions)
  select id, $2::integer, $5::bigint[], $6::integer[], $7::text[], $8::bigint[], $9::bigint[], $10::bigint[],
    $11::bigint[], $12::integer[], $13::integer[], $14::boolean[], $15::bigint[], $16::bigint[]
  from moved
  returning page`;

/**
 * Keeps a page of results together with where the next one begins. `db` must be a transaction. False, and nothing is kept,
 * when another attempt has kept this page or begun anew.
 */
export async function keepPage(db: Queryable, page: FetchedPage): Promise<boolean> {
  const column = <Value>(value: (fact: FetchedPage['facts'][number]) => Value): readonly Value[] =>
    page.facts.map(value);
  const values = [
    page.fetchId,
    page.after,
    page.continuation ? JSON.stringify(page.continuation) : null,
    page.revisions,
    column((fact) => fact.pageId),
    column((fact) => fact.namespace),
    column((fact) => fact.title),
    column((fact) => fact.userId),
    column((fact) => fact.startAt),
    column((fact) => fact.endAt),
    column((fact) => fact.characterSum),
    column((fact) => fact.referencesCount),
    column((fact) => fact.revisionCount),
    column((fact) => fact.newArticle),
    column((fact) => fact.firstRevision),
    column((fact) => fact.lastRevision),
  ];
  // By name, so that a connection plans it once: that was a third of the cost.
  const { rows } = await db.query({ name: 'keep-page', text: keep, values });
  return rows.length > 0;
}

/** Notes that the wiki failed, and answers for how many milliseconds it has done so since its last page. */
export async function noteFailure(db: Queryable, fetchId: number): Promise<number> {
  const { rows } = await db.query<{ failingMs: number }>(
    `update wiki_fetches set failing_since = coalesce(failing_since, clock_timestamp()) where id = $1::bigint
     returning (extract(epoch from clock_timestamp() - failing_since) * 1000)::bigint as "failingMs"`,
    [fetchId],
  );
  return rows[0]?.failingMs ?? 0;
}

/** The known counts of references among `revisionIds`. */
export async function findReferences(
  db: Queryable,
  wikiId: number,
  revisionIds: readonly number[],
): Promise<ReadonlyMap<number, number>> {
  const { rows } = await db.query<{ id: number; count: number }>(
    `select mw_rev_id as id, references_count as count from revision_references
     where wiki_id = $1::bigint and mw_rev_id = any($2::bigint[])`,
    [wikiId, revisionIds],
  );
  return new Map(rows.map(({ id, count }) => [id, count]));
}

export async function keepReferences(
  db: Queryable,
  wikiId: number,
  counts: ReadonlyMap<number, number>,
): Promise<void> {
  await db.query(
    `insert into revision_references (wiki_id, mw_rev_id, references_count)
     select $1::bigint, id, count from unnest($2::bigint[], $3::bigint[]) as counted(id, count)
     on conflict do nothing`,
    [wikiId, [...counts.keys()], [...counts.values()]],
  );
}
