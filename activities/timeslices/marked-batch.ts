import type { Queryable } from '../../db/database.ts';

/** Facts in a batch: about a second of work, and a few megabytes to sort. */
const FACTS_A_BATCH = 50_000;
const SLICES_A_BATCH = 500;

const findBatch = `
  with recursive marked as materialized (
    select start_at, row_number() over (order by start_at) as place
    from course_wiki_timeslices
    where course_id = $1::bigint and wiki_id = $2::bigint and needs_update and start_at > coalesce(to_timestamp($3::bigint), '-infinity')
    order by start_at
    limit ${SLICES_A_BATCH}),
  batch as (
    select 0::bigint as place, null::timestamptz as start_at, 0::bigint as facts
    union all
    select marked.place, marked.start_at, batch.facts + held.facts
    from batch
    join marked on marked.place = batch.place + 1,
    lateral (
      select count(*) as facts from article_course_user_wiki_timeslices fact
      where fact.course_id = $1::bigint and fact.wiki_id = $2::bigint and fact.start_at = marked.start_at) held
    where batch.place = 0 or batch.facts + held.facts <= ${FACTS_A_BATCH})
  select extract(epoch from start_at)::bigint as "startAt" from batch where place > 0 order by start_at`;

const countMarked = `
  select count(*) as count from course_wiki_timeslices
  where course_id = $1::bigint and wiki_id = $2::bigint and needs_update and start_at > coalesce(to_timestamp($3::bigint), '-infinity')`;

export interface MarkedBatch {
  /** Starts of the next slices, epoch seconds, ascending. Empty: none is left. */
  readonly startsAt: readonly number[];
  /** Marked slices behind `after`, these included. */
  readonly remaining: number;
}

/**
 * The next marked slices of a wiki, as many as one transaction works well: the earliest that start behind `after` (epoch
 * seconds). A slice that `needs_fetch` keeps its marks when it is rebuilt, so whoever works batch after batch gives the
 * start of the last slice, or is handed the same ones for ever.
 */
export async function findMarkedBatch(
  db: Queryable,
  {
    courseId,
    wikiId,
    after,
  }: { readonly courseId: number; readonly wikiId: number; readonly after?: number | undefined },
): Promise<MarkedBatch> {
  const values = [courseId, wikiId, after ?? null];
  const { rows: batch } = await db.query<{ startAt: number }>(findBatch, values);
  if (batch.length === 0) return { startsAt: [], remaining: 0 };
  const { rows: counted } = await db.query<{ count: number }>(countMarked, values);
  return {
    startsAt: batch.map(({ startAt }) => startAt),
    remaining: Math.max(batch.length, counted[0]?.count ?? 0),
  };
}
