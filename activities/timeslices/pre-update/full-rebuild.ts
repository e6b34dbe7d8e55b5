import type { Queryable } from '../../../db/database.ts';

const takeRequest = `update courses set needs_update = false where id = $1::bigint and needs_update`;

const markSlices = `
  with every as (
    select course_id, wiki_id, start_at from course_wiki_timeslices
    where course_id = $1::bigint
    order by wiki_id, start_at
    for no key update)
  update course_wiki_timeslices slice set needs_update = true, needs_fetch = true
  from every
  where (slice.course_id, slice.wiki_id, slice.start_at) = (every.course_id, every.wiki_id, every.start_at)`;

const forgetRefusals = `
  update course_user_wiki_cursors set refused_at = null where course_id = $1::bigint and refused_at is not null`;

/**
 * Turns a request for a full rebuild (`courses.needs_update`) into marks: every slice is fetched again, and the wikis are asked
 * anew about usernames that they refused. The slices stay as they are. Answers whether there was a request.
 *
 * `db` must be a transaction. Safe to run twice: the request goes together with what it asks for.
 */
export async function markFullRebuild(
  db: Queryable,
  { courseId }: { readonly courseId: number },
): Promise<boolean> {
  const { rowCount } = await db.query(takeRequest, [courseId]);
  if (!rowCount) return false;
  await db.query(markSlices, [courseId]);
  await db.query(forgetRefusals, [courseId]);
  return true;
}
