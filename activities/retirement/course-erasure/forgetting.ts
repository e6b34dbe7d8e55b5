import type { Queryable } from '../../../db/database.ts';
import { hasTraces, type LinkedPerson } from './store.ts';

/** Pages in the person's own user space, and their talk pages; `$2` is their name as a wiki writes it in titles. */
const isOwnPage = `
  article.namespace in (2, 3) and (article.title = $2::text or starts_with(article.title, $2::text || '/'))`;

/**
 * Pages that may go: what the person edited in the courses that they left, and their own pages. The index on titles begins with the
 * wiki, so wikis are asked one by one: among 500,000 articles an `or` of the two cost half a second.
 */
const listPagesOf = `
  select unnest(article_ids) as id from course_departures where lms_user_id = $1::bigint
  union
  select article.id from wikis join articles article on article.wiki_id = wikis.id
  where ${isOwnPage}`;

/** Asked course by course, each by its key, which begins with the course: neither table has an index by article alone. */
const isIn = (table: string): string => `exists (
  select from courses cross join lateral (
    select from ${table} held where held.course_id = courses.id and held.article_id = article.id offset 0) found)`;

/**
 * Pages that only the person had a part in, as far as we know: of `$3`, those of theirs for which nothing is counted any more. A page
 * that others edited too stays, even one that is called after the person: its title is public, and the numbers of the others hang on
 * it. So does what was excluded by hand, but for own pages.
 */
const isNobodys = `
  article.id = any($3::bigint[])
  and (article.id in (
      select unnest(article_ids) from course_departures where lms_user_id = $1::bigint)
    or ${isOwnPage})
  and not exists (select from article_course_user_wiki_timeslices fact where fact.article_id = article.id)
  and not ${isIn('article_course_timeslices')}
  and not ${isIn('articles_courses')}`;

/** The person's name as a wiki writes it in titles. */
const selectHome =
  "select replace(wiki_username(username), ' ', '_') as home from users where id = $1::bigint";

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
  where ${isNobodys} and not ${isExcluded}
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
  const { rows: named } = await db.query<{ home: string }>(selectHome, [userId]);
  const home = named[0]?.home;
  if (home === undefined) return true;
  // Before anything is locked: it looks through the user pages of every wiki. Whoever enrols the person meanwhile leaves a trace.
  const { rows: theirs } = await db.query<{ id: number }>(listPagesOf, [lmsUserId, home]);
  // From here on nobody enrols them, or writes a fact of theirs.
  const { rows: locked } = await db.query<{ home: string }>(`${selectHome} for update`, [userId]);
  if (locked[0] === undefined) return true;
  if (locked[0].home !== home) return false;
  if ((await hasTraces(db, person)) || (await hasOpenDepartures(db, lmsUserId))) return false;
  await deleteNobodys(
    db,
    [lmsUserId, home],
    theirs.map(({ id }) => id),
  );
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

async function deleteNobodys(
  db: Queryable,
  person: readonly [lmsUserId: number, home: string],
  articleIds: readonly number[],
): Promise<void> {
  if (articleIds.length === 0) return;
  const theirs = [...person, articleIds];
  await db.query(deleteExclusions, theirs);
  const { rows: pages } = await db.query<{ id: number }>(lockPages, theirs);
  if (pages.length === 0) return;
  // No walk keeps a page of results, and with it one of these, between the look and the deletion. With a million slices, and
  // 50 pages to delete, walks wait for a second.
  await db.query('lock table wiki_fetched_pages in share mode');
  await db.query(deletePages, [...person, pages.map(({ id }) => id)]);
}

async function hasOpenDepartures(db: Queryable, lmsUserId: number): Promise<boolean> {
  const { rows } = await db.query(
    'select 1 from course_departures where lms_user_id = $1::bigint and not is_rebuilt limit 1',
    [lmsUserId],
  );
  return rows.length > 0;
}
