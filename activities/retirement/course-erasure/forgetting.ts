import type { Queryable } from '../../../db/database.ts';
import { hasTraces, type LinkedPerson } from './store.ts';

/** Pages in the person's own user space, and their talk pages; `$2` is their name as a wiki writes it in titles. */
const isOwnPage = `
  article.namespace in (2, 3) and (article.title = $2::text or starts_with(article.title, $2::text || '/'))`;

/**
 * Pages that only the person had a part in, as far as we know: of what they edited in the courses that they left, and of their own
 * pages, that which nothing is counted for any more. A page that others edited too stays, even one that is called after the
 * person: its title is public, and the numbers of the others hang on it. So does what was excluded by hand, but for own pages.
 */
const isNobodys = `
  (article.id in (
      select unnest(article_ids) from course_departures where lms_user_id = $1::bigint)
    or ${isOwnPage})
  and not exists (select from article_course_user_wiki_timeslices fact where fact.article_id = article.id)
  and not exists (select from article_course_timeslices slice where slice.article_id = article.id)
  and not exists (select from articles_courses mine where mine.article_id = article.id)`;

const isExcluded =
  'exists (select from course_excluded_articles excluded where excluded.article_id = article.id)';

/** First, for the trigger locks courses, and they come before articles. */
const deleteExclusions = `
  delete from course_excluded_articles excluded using articles article
  where article.id = excluded.article_id and ${isOwnPage} and ${isNobodys}`;

const lockPages = `
  select article.id from articles article where ${isNobodys} and not ${isExcluded} order by article.id for update`;

/** A walk under way knows its pages by their articles: without them it would lose what others did there. */
const deletePages = `
  delete from articles article
  where article.id = any($3::bigint[]) and ${isNobodys} and not ${isExcluded}
    and not exists (
      select from wiki_fetched_pages page join wiki_fetches walk on walk.id = page.fetch_id
      where walk.wiki_id = article.wiki_id and article.mw_page_id = any(page.mw_page_ids))`;

/**
 * Deletes what names the person when no course has anything of theirs any more: the pages that only they had a part in, and
 * their row of `users`. False, and nothing is deleted, when something has come up meanwhile. `db` must be a transaction. Safe to
 * run twice: a person who is gone is `true`.
 *
 * `revision_references` has only numbers of revisions, which say nothing of whose they are here.
 */
export async function forgetPerson(db: Queryable, person: LinkedPerson): Promise<boolean> {
  const { userId, lmsUserId } = person;
  // From here on nobody enrols them, or writes a fact of theirs.
  const { rows } = await db.query<{ home: string }>(
    `select replace(wiki_username(username), ' ', '_') as home from users where id = $1::bigint for update`,
    [userId],
  );
  const [locked] = rows;
  if (locked === undefined) return true;
  if ((await hasTraces(db, person)) || (await hasOpenDepartures(db, lmsUserId))) return false;
  const theirs = [lmsUserId, locked.home];
  await db.query(deleteExclusions, theirs);
  const { rows: pages } = await db.query<{ id: number }>(lockPages, theirs);
  if (pages.length > 0) {
    // No walk keeps a page of results, and with it one of these, between the look and the deletion. With a million slices, and
    // 50 pages to delete, walks wait for a second.
    await db.query('lock table wiki_fetched_pages in share mode');
    await db.query(deletePages, [...theirs, pages.map(({ id }) => id)]);
  }
  await db.query('delete from users where id = $1::bigint', [userId]);
  await db.query(
    `update statistics_erasures set done_at = now(), courses = (
       select count(*) from course_departures where lms_user_id = $1::bigint)
     where lms_user_id = $1::bigint`,
    [lmsUserId],
  );
  await db.query('delete from course_departures where lms_user_id = $1::bigint', [lmsUserId]);
  return true;
}

async function hasOpenDepartures(db: Queryable, lmsUserId: number): Promise<boolean> {
  const { rows } = await db.query(
    'select 1 from course_departures where lms_user_id = $1::bigint and not is_rebuilt limit 1',
    [lmsUserId],
  );
  return rows.length > 0;
}
