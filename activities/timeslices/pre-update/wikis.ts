import type { Queryable } from '../../../db/database.ts';
import { lockCourse } from '../locking.ts';

/** Wikis of which something is stored, though the course has them no more. */
const listLostWikis = `
  select wiki_id as "wikiId" from (
    select wiki_id from course_wiki_timeslices where course_id = $1::bigint
    union select wiki_id from course_user_wiki_cursors where course_id = $1::bigint
    union select wiki_id from wiki_fetches where course_id = $1::bigint) known
  where not exists (
    select from courses_wikis kept where kept.course_id = $1::bigint and kept.wiki_id = known.wiki_id)
  order by wiki_id`;

const deleteLost = [
  `delete from articles_courses mine using articles article
   where mine.course_id = $1::bigint and article.id = mine.article_id and article.wiki_id = any($2::bigint[])`,
  'delete from wiki_fetches where course_id = $1::bigint and wiki_id = any($2::bigint[])',
  'delete from course_user_wiki_cursors where course_id = $1::bigint and wiki_id = any($2::bigint[])',
];

const deleteSlices = `
  with lost as (
    select course_id, wiki_id, start_at from course_wiki_timeslices
    where course_id = $1::bigint and wiki_id = any($2::bigint[])
    order by wiki_id, start_at
    for update)
  delete from course_wiki_timeslices slice using lost
  where (slice.course_id, slice.wiki_id, slice.start_at) = (lost.course_id, lost.wiki_id, lost.start_at)`;

/**
 * Deletes everything of the wikis that the course has no more: slices with their facts and numbers, cursors, unfinished walks.
 * An exclusion by hand stays, and holds when the wiki comes back. `db` must be a transaction. Safe to run twice: the second
 * time nothing is lost. The wikis are named once, so that one which comes back meanwhile is begun anew and not half kept.
 */
export async function removeLostWikis(
  db: Queryable,
  { courseId }: { readonly courseId: number },
): Promise<{ readonly slicesRemoved: number }> {
  await lockCourse(db, courseId);
  const { rows } = await db.query<{ wikiId: number }>(listLostWikis, [courseId]);
  if (rows.length === 0) return { slicesRemoved: 0 };
  const values = [courseId, rows.map(({ wikiId }) => wikiId)];
  for (const statement of deleteLost) await db.query(statement, values);
  const { rowCount } = await db.query(deleteSlices, values);
  return { slicesRemoved: rowCount ?? 0 };
}
