import type { Queryable } from '../../../db/database.ts';
import { planSlices, type SlicePlan, type StoredSlices } from '../../../domain/timeslices/move-slices.ts';
import type { Period, Second, Slice } from '../../../domain/timeslices/slices.ts';

export interface CourseWikiKey {
  readonly courseId: number;
  readonly wikiId: number;
}

export interface SlicesAdjusted {
  readonly slicesAdded: number;
  readonly slicesRemoved: number;
  /** Of those added and those kept: marked to be fetched (again). */
  readonly slicesToFetch: number;
}

/** Keeps the wiki in the course, and other adjustments of it away, until the transaction ends. */
const lockWiki = `
  select extract(epoch from starts_at)::bigint as "startsAt", extract(epoch from ends_at)::bigint as "endsAt",
    extract(epoch from sliced_from)::bigint as "slicedFrom", extract(epoch from sliced_until)::bigint as "slicedUntil",
    timeslice_seconds as "lengthSeconds"
  from courses_wikis join courses on courses.id = courses_wikis.course_id
  where courses_wikis.course_id = $1::bigint and wiki_id = $2::bigint
  for no key update of courses_wikis`;

const listSlices = `
  select extract(epoch from start_at)::bigint as "startAt", extract(epoch from end_at)::bigint as "endAt"
  from course_wiki_timeslices
  where course_id = $1::bigint and wiki_id = $2::bigint
  order by start_at`;

const findLatestCursor = `
  select floor(extract(epoch from max(ingested_until)))::bigint as "latestCursor"
  from course_user_wiki_cursors
  where course_id = $1::bigint and wiki_id = $2::bigint`;

const inSlices = `course_id = $1::bigint and wiki_id = $2::bigint
  and start_at in (select to_timestamp(second) from unnest($3::bigint[]) second)`;

const lockSlices = `select start_at from course_wiki_timeslices where ${inSlices} order by start_at for update`;

/** Facts and numbers go with them. */
const deleteSlices = `delete from course_wiki_timeslices where ${inSlices}`;

const markToFetch = `update course_wiki_timeslices set needs_update = true, needs_fetch = true where ${inSlices}`;

const insertSlices = `
  insert into course_wiki_timeslices (course_id, wiki_id, start_at, end_at, needs_update, needs_fetch)
  select $1::bigint, $2::bigint, to_timestamp(start_at), to_timestamp(end_at), needs_fetch, needs_fetch
  from unnest($3::bigint[], $4::bigint[], $5::boolean[]) as planned(start_at, end_at, needs_fetch)`;

const noteSliced = `
  update courses_wikis set sliced_from = to_timestamp($3::bigint), sliced_until = to_timestamp($4::bigint)
  where course_id = $1::bigint and wiki_id = $2::bigint`;

/**
 * Makes the slices of a course's wiki those of the course's period, all of them for a wiki that is new. A slice outside goes
 * with its facts; one that ingest would not reach, or of which another part counts now, is marked to be fetched. Until it is
 * fetched its numbers are those of the facts on hand, so that a wiki that does not answer lowers none.
 *
 * `db` must be a transaction. Safe to run twice: slices that are right are not touched. A wiki that is no longer the
 * course's has nothing to adjust. What the removed slices had in the course's totals goes with the next roll-up.
 */
export async function adjustSlices(
  db: Queryable,
  { courseId, wikiId }: CourseWikiKey,
): Promise<SlicesAdjusted> {
  const key = [courseId, wikiId];
  const { rows } = await db.query<WikiPeriods>(lockWiki, key);
  const [periods] = rows;
  if (!periods) return { slicesAdded: 0, slicesRemoved: 0, slicesToFetch: 0 };
  const { startsAt, endsAt, lengthSeconds } = periods;
  const stored = await readStored(db, key, madeFor(periods));
  const plan = planSlices(stored, { startsAt, endsAt }, lengthSeconds);
  await carryOut(db, key, plan);
  if (startsAt !== stored.madeFor?.startsAt || endsAt !== stored.madeFor.endsAt) {
    await db.query(noteSliced, [...key, startsAt, endsAt]);
  }
  return {
    slicesAdded: plan.add.length,
    slicesRemoved: plan.remove.length,
    slicesToFetch: plan.refetch.length + plan.add.filter(({ needsFetch }) => needsFetch).length,
  };
}

interface WikiPeriods extends Period {
  readonly slicedFrom: Second | null;
  readonly slicedUntil: Second | null;
  readonly lengthSeconds: number;
}

function madeFor({ slicedFrom, slicedUntil }: WikiPeriods): Period | null {
  return slicedFrom === null || slicedUntil === null ? null : { startsAt: slicedFrom, endsAt: slicedUntil };
}

async function readStored(
  db: Queryable,
  key: readonly number[],
  period: Period | null,
): Promise<StoredSlices> {
  const { rows: slices } = await db.query<Slice>(listSlices, key);
  const { rows: cursors } = await db.query<Pick<StoredSlices, 'latestCursor'>>(findLatestCursor, key);
  return { slices, madeFor: period, latestCursor: cursors[0]?.latestCursor ?? null };
}

async function carryOut(
  db: Queryable,
  key: readonly number[],
  { remove, add, refetch }: SlicePlan,
): Promise<void> {
  if (remove.length + refetch.length > 0) {
    await db.query(lockSlices, [...key, startsOf([...remove, ...refetch])]);
    await db.query(deleteSlices, [...key, startsOf(remove)]);
    await db.query(markToFetch, [...key, startsOf(refetch)]);
  }
  if (add.length === 0) return;
  const ends = add.map(({ endAt }) => endAt);
  await db.query(insertSlices, [...key, startsOf(add), ends, add.map(({ needsFetch }) => needsFetch)]);
}

function startsOf(slices: readonly Slice[]): readonly Second[] {
  return slices.map(({ startAt }) => startAt);
}
