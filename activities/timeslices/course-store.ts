import type { Queryable } from '../../db/database.ts';
import type { CountedSlice } from '../../domain/timeslices/fetch-windows.ts';
import type { StudentCursor } from '../../domain/timeslices/request-groups.ts';
import type { Period, Second, Slice } from '../../domain/timeslices/slices.ts';

/** False: there is no such course. */
export async function hasCourse(db: Queryable, courseId: number): Promise<boolean> {
  const { rows } = await db.query('select 1 from courses where id = $1::bigint', [courseId]);
  return rows.length > 0;
}

export interface CourseWiki {
  readonly wikiId: number;
  /** What its slices were made for: edits count in this period until the slices follow the course. Null: there are none yet. */
  readonly period: Period | null;
  readonly apiUrl: string;
  readonly project: string;
  readonly language: string | null;
  /** `en.wikipedia`, `wikidata`: how people call it. */
  readonly label: string;
}

/** The wikis of a course, in the order of their ids. */
export async function listCourseWikis(db: Queryable, courseId: number): Promise<readonly CourseWiki[]> {
  const { rows } = await db.query<CourseWiki>(
    `select wikis.id as "wikiId", api_url as "apiUrl", project, language, concat_ws('.', language, project) as label,
       case when sliced_from is not null then jsonb_build_object(
         'startsAt', extract(epoch from sliced_from)::bigint, 'endsAt', extract(epoch from sliced_until)::bigint) end as period
     from courses_wikis join wikis on wikis.id = courses_wikis.wiki_id
     where course_id = $1::bigint
     order by wikis.id`,
    [courseId],
  );
  return rows;
}

/** Slices of a course's wiki, in order, with the revisions that count in each. */
export async function listSlices(
  db: Queryable,
  { courseId, wikiId }: { readonly courseId: number; readonly wikiId: number },
): Promise<readonly CountedSlice[]> {
  const { rows } = await db.query<CountedSlice>(
    `select extract(epoch from start_at)::bigint as "startAt", extract(epoch from end_at)::bigint as "endAt",
       revision_count as revisions
     from course_wiki_timeslices
     where course_id = $1::bigint and wiki_id = $2::bigint
     order by start_at`,
    [courseId, wikiId],
  );
  return rows;
}

/** The wikis with marked slices, in the order of their ids, and how many each has. */
export async function listMarkedWikis(
  db: Queryable,
  courseId: number,
): Promise<readonly { readonly wikiId: number; readonly wiki: string; readonly slices: number }[]> {
  const { rows } = await db.query<{ wikiId: number; wiki: string; slices: number }>(
    `select wikis.id as "wikiId", concat_ws('.', language, project) as wiki, count(*) as slices
     from course_wiki_timeslices slice join wikis on wikis.id = slice.wiki_id
     where slice.course_id = $1::bigint and slice.needs_update
     group by wikis.id
     order by wikis.id`,
    [courseId],
  );
  return rows;
}

/** Slices marked `needs_fetch`, in order. Notes that they are going to be fetched; see {@link takeOffFetchMarks}. */
export async function planFetches(
  db: Queryable,
  { courseId, wikiId }: { readonly courseId: number; readonly wikiId: number },
): Promise<readonly Slice[]> {
  const { rows } = await db.query<Slice>(
    `with locked as materialized (
       select start_at from course_wiki_timeslices
       where course_id = $1::bigint and wiki_id = $2::bigint and needs_update and needs_fetch
       order by start_at for no key update),
     planned as (
       update course_wiki_timeslices slice set fetch_planned_at = fetch_asked_at
       from locked
       where slice.course_id = $1::bigint and slice.wiki_id = $2::bigint and slice.start_at = locked.start_at
       returning slice.start_at, slice.end_at)
     select extract(epoch from start_at)::bigint as "startAt", extract(epoch from end_at)::bigint as "endAt"
     from planned
     order by start_at`,
    [courseId, wikiId],
  );
  return rows;
}

/** Slices of one wiki, by the starts of the first and the last. */
export interface SliceRange {
  readonly courseId: number;
  readonly wikiId: number;
  readonly first: Second;
  readonly last: Second;
}

/**
 * Takes off `needs_fetch` where it was planned for and nobody asked anew since; the slices stay marked to be rebuilt. Answers
 * how many these are.
 */
export async function takeOffFetchMarks(
  db: Queryable,
  { courseId, wikiId, first, last }: SliceRange,
): Promise<number> {
  const { rows } = await db.query(
    `with locked as materialized (
       select start_at from course_wiki_timeslices
       where course_id = $1::bigint and wiki_id = $2::bigint
         and start_at between to_timestamp($3::bigint) and to_timestamp($4::bigint)
         and needs_fetch and fetch_planned_at = fetch_asked_at
       order by start_at for no key update)
     update course_wiki_timeslices slice set needs_fetch = false
     from locked
     where slice.course_id = $1::bigint and slice.wiki_id = $2::bigint and slice.start_at = locked.start_at
     returning 1`,
    [courseId, wikiId, first, last],
  );
  return rows.length;
}

/** A student as ingest sees them. */
export interface CourseStudent extends StudentCursor {
  /** True when the update that began at `now` has fetched their news already. */
  readonly isFetched: boolean;
}

/** Students whom the wiki does not refuse, with how far they have been fetched; in the order of their ids. */
export async function listStudents(
  db: Queryable,
  { courseId, wikiId, now }: { readonly courseId: number; readonly wikiId: number; readonly now: string },
): Promise<readonly CourseStudent[]> {
  const { rows } = await db.query<CourseStudent>(
    `select courses_users.user_id as "userId", extract(epoch from ingested_until)::bigint as "ingestedUntil",
       coalesce(fetched_at >= $3::timestamptz, false) as "isFetched"
     from courses_users
     left join course_user_wiki_cursors known on known.course_id = $1::bigint and known.wiki_id = $2::bigint
       and known.user_id = courses_users.user_id
     where courses_users.course_id = $1::bigint and role = 0 and refused_at is null
     order by courses_users.user_id`,
    [courseId, wikiId, now],
  );
  return rows;
}

/** Writes on the course's wikis what the update left, or that it left nothing. */
export async function recordLeft(
  db: Queryable,
  {
    courseId,
    now,
    left,
  }: {
    readonly courseId: number;
    readonly now: string;
    readonly left: readonly { readonly wikiId: number; readonly because: string }[];
  },
): Promise<void> {
  await db.query(
    `update courses_wikis set left_at = case when because is not null then $2::timestamptz end, left_because = because
     from courses_wikis mine
     left join unnest($3::bigint[], $4::text[]) as given(wiki_id, because) on given.wiki_id = mine.wiki_id
     where mine.course_id = $1::bigint
       and (courses_wikis.course_id, courses_wikis.wiki_id) = (mine.course_id, mine.wiki_id)
       and (courses_wikis.left_because is not null or because is not null)`,
    [courseId, now, left.map(({ wikiId }) => wikiId), left.map(({ because }) => because)],
  );
}

/** Epoch seconds of an ISO 8601 instant, its fraction cut off. */
export function secondOf(instant: string): Second {
  return Math.floor(Date.parse(instant) / 1000);
}
