import type { Queryable } from '../../db/database.ts';
import type { Second } from '../../domain/timeslices/slices.ts';
import { permanent } from '../failures.ts';
import { beating } from '../heartbeat.ts';
import { recordPages } from './pre-update/pages.ts';
import type { CourseActivityDependencies } from './dependencies.ts';
import { replacingRows, type DerivedTable } from './replacing-rows.ts';

export interface StoreFactsInput {
  readonly fetchId: number;
  /** How far the students are fetched then; absent: the walk did not reach up to the present. */
  readonly fetchedUntil?: Second | undefined;
}

export interface StoredFacts {
  /** Slices whose facts are others now, and which are marked. */
  readonly slicesChanged: number;
}

/**
 * Puts the facts of a complete walk in place of what was known of its students in its slices, marks the slices that really
 * changed and moves the students' cursors, all in one transaction. Safe to run twice: the walk remembers that it was stored.
 * Throws a permanent `WikiUnavailable`, with nothing stored, when another update has begun meanwhile and fetches for itself.
 */
export function createStoreFacts({
  database,
}: CourseActivityDependencies): (input: StoreFactsInput) => Promise<StoredFacts> {
  return (input) =>
    beating(async () => {
      await database.transaction((transaction) => storeArticles(transaction, input.fetchId));
      return database.transaction((transaction) => putInPlace(transaction, input));
    });
}

/** The pages of a walk, each once. */
const pagesOfWalk = `
  select distinct on (mw_page_id) mw_page_id, namespace, title
  from (
    select unnest(mw_page_ids) as mw_page_id, unnest(namespaces) as namespace, unnest(titles) as title
    from wiki_fetched_pages where fetch_id = $1::bigint) seen
  order by mw_page_id`;

/** As the article that stands for it is known: the live one, else the deleted one that would come back. */
const storeNewArticles = `
  with known as materialized (
    select walk.wiki_id, walk.began_at, page.mw_page_id, page.namespace, page.title, article.id,
      article.deleted or (article.namespace, article.title) <> (page.namespace, page.title) as is_otherwise
    from wiki_fetches walk
    cross join (${pagesOfWalk}) page
    left join lateral (
      select id, namespace, title, deleted from articles
      where articles.wiki_id = walk.wiki_id and articles.mw_page_id = page.mw_page_id
      order by deleted, id desc limit 1) article on true
    where walk.id = $1::bigint),
  added as (
    insert into articles (wiki_id, mw_page_id, title, namespace, checked_at)
    select wiki_id, mw_page_id, title, namespace, began_at from known where id is null
    order by mw_page_id
    on conflict (wiki_id, mw_page_id) where not deleted do nothing)
  select wiki_id as "wikiId", mw_page_id as "pageId", namespace, title, began_at as "beganAt"
  from known where is_otherwise`;

interface SeenPage {
  readonly wikiId: number;
  readonly pageId: number;
  readonly namespace: number;
  readonly title: string;
  readonly beganAt: Date;
}

/** Notes pages seen for the first time, and those that are called otherwise now or are back although they were deleted. */
async function storeArticles(db: Queryable, fetchId: number): Promise<void> {
  const { rows } = await db.query<SeenPage>(storeNewArticles, [fetchId]);
  const [first] = rows;
  if (!first) return;
  const states = rows.map(({ pageId, namespace, title }) => ({
    kind: 'live' as const,
    pageId,
    namespace,
    title,
  }));
  await recordPages(db, { wikiId: first.wikiId, states, checkedAt: first.beganAt });
}

interface Walk {
  readonly courseId: number;
  readonly wikiId: number;
  /** Whom the wiki answered about: not those whom it refuses. */
  readonly userIds: readonly number[];
  readonly from: Second;
  readonly to: Second;
  readonly beganAt: Date;
  readonly isStored: boolean;
}

const facts = {
  name: 'article_course_user_wiki_timeslices',
  key: ['course_id', 'wiki_id', 'start_at', 'article_id', 'user_id'],
  values: [
    'end_at',
    'character_sum',
    'references_count',
    'revision_count',
    'new_article',
    'first_revision',
    'last_revision',
  ],
} as const satisfies DerivedTable;

/** What the wiki says now: `$3` is the walk, `$7` and `$8` are its articles and their pages. */
const freshFacts = `
  select $1::bigint as course_id, $2::bigint as wiki_id, slice.start_at, seen.id as article_id, summed.user_id, slice.end_at,
    summed.character_sum, summed.references_count, summed.revision_count, summed.new_article,
    to_timestamp(summed.first_revision) as first_revision, to_timestamp(summed.last_revision) as last_revision
  from (
    select mw_page_id, user_id, start_second, end_second,
      sum(character_sum)::bigint as character_sum, sum(references_count) as references_count,
      sum(revision_count) as revision_count, bool_or(new_article) as new_article,
      min(first_revision) as first_revision, max(last_revision) as last_revision
    from (
      select unnest(mw_page_ids) as mw_page_id, unnest(user_ids) as user_id, unnest(starts_at) as start_second,
        unnest(ends_at) as end_second, unnest(character_sums) as character_sum,
        unnest(references_counts) as references_count, unnest(revision_counts) as revision_count,
        unnest(new_articles) as new_article, unnest(first_revisions) as first_revision,
        unnest(last_revisions) as last_revision
      from wiki_fetched_pages where fetch_id = $3::bigint) partial
    where user_id = any($4::bigint[])
    group by mw_page_id, user_id, start_second, end_second) summed
  join unnest($7::bigint[], $8::bigint[]) seen(id, mw_page_id) on seen.mw_page_id = summed.mw_page_id
  join course_wiki_timeslices slice on slice.course_id = $1::bigint and slice.wiki_id = $2::bigint
    and slice.start_at = to_timestamp(summed.start_second) and slice.end_at = to_timestamp(summed.end_second)`;

/**
 * What is stored of the same students in the same slices. Facts of pages that are deleted are left out and so stay, for
 * the wiki does not tell of their edits.
 */
const storedFacts = `
  old.course_id = $1::bigint and old.wiki_id = $2::bigint and old.user_id = any($4::bigint[])
  and old.start_at <= to_timestamp($6::bigint) and old.end_at > to_timestamp($5::bigint)
  and (old.article_id = any($7::bigint[]) or not (select deleted from articles where id = old.article_id))`;

const replaceFacts = `
  with fresh as (${freshFacts}),
  ${replacingRows(facts, 'fresh', storedFacts)},
  touched as materialized (
    select start_at from changed where start_at is not null union select start_at from gone),
  marked as (
    update course_wiki_timeslices slice set needs_update = true
    where slice.course_id = $1::bigint and slice.wiki_id = $2::bigint and not slice.needs_update
      and slice.start_at in (select start_at from touched))
  select count(*) as "slicesChanged" from touched`;

async function putInPlace(db: Queryable, { fetchId, fetchedUntil }: StoreFactsInput): Promise<StoredFacts> {
  const walk = await findWalk(db, fetchId);
  if (!walk || (await wasFetchedSince(db, walk)))
    throw permanent('WikiUnavailable', 'another update of the course has begun, and fetches for itself');
  if (walk.isStored) return { slicesChanged: 0 };
  const slicesChanged = await replace(db, fetchId, walk);
  if (fetchedUntil !== undefined) await moveCursors(db, walk, fetchedUntil);
  await db.query('update wiki_fetches set is_stored = true where id = $1::bigint', [fetchId]);
  await db.query('delete from wiki_fetched_pages where fetch_id = $1::bigint', [fetchId]);
  return { slicesChanged };
}

async function findWalk(db: Queryable, fetchId: number): Promise<Walk | undefined> {
  const { rows } = await db.query<Omit<Walk, 'userIds'> & { readonly userIds: readonly string[] }>(
    `select course_id as "courseId", wiki_id as "wikiId", began_at as "beganAt", is_stored as "isStored",
       extract(epoch from from_at)::bigint as "from", extract(epoch from to_at)::bigint as "to",
       array(
         select asked from unnest(user_ids) asked
         where not exists (
           select from course_user_wiki_cursors refused
           where (refused.course_id, refused.wiki_id, refused.user_id) = (walk.course_id, walk.wiki_id, asked)
             and refused.refused_at is not null)) as "userIds"
     from wiki_fetches walk where id = $1::bigint and is_complete
     for update`,
    [fetchId],
  );
  const [walk] = rows;
  return walk && { ...walk, userIds: walk.userIds.map(Number) };
}

async function wasFetchedSince(
  db: Queryable,
  { courseId, wikiId, userIds, beganAt }: Walk,
): Promise<boolean> {
  const { rows } = await db.query(
    `select 1 from course_user_wiki_cursors
     where course_id = $1::bigint and wiki_id = $2::bigint and user_id = any($3::bigint[]) and fetched_at > $4::timestamptz
     limit 1`,
    [courseId, wikiId, userIds, beganAt],
  );
  return rows.length > 0;
}

/** Arrays of ids in PostgreSQL's own writing: only it reads them. */
interface Articles {
  readonly ids: string;
  readonly pageIds: string;
}

/** The articles that stand for the pages of a walk, as `storeNewArticles` finds them. */
const lockArticles = `
  select coalesce(array_agg(id), '{}')::text as ids, coalesce(array_agg(mw_page_id), '{}')::text as "pageIds"
  from (
    select id, mw_page_id from articles
    where id = any(array(
      select (
        select id from articles
        where articles.wiki_id = $2::bigint and articles.mw_page_id = page.mw_page_id
        order by deleted, id desc limit 1)
      from (${pagesOfWalk}) page))
    order by id for share) locked`;

/** In the order of the slices, as rebuilds and marks lock them. */
const lockSlices = `
  select count(*) from (
    select from course_wiki_timeslices
    where course_id = $1::bigint and wiki_id = $2::bigint and start_at <= to_timestamp($4::bigint) and end_at > to_timestamp($3::bigint)
    order by start_at for no key update) locked`;

async function replace(
  db: Queryable,
  fetchId: number,
  { courseId, wikiId, userIds, from, to }: Walk,
): Promise<number> {
  // Whoever deletes or moves a page, or excludes it, marks the slices of its facts: of all facts, or it must wait for these.
  await db.query('select id from courses where id = $1::bigint for share', [courseId]);
  const { rows: locked } = await db.query<Articles>(lockArticles, [fetchId, wikiId]);
  const { ids, pageIds } = locked[0] ?? { ids: '{}', pageIds: '{}' };
  await db.query(lockSlices, [courseId, wikiId, from, to]);
  // All sets here may be big, and statistics know nothing of a table that was filled a minute ago: 10,000 facts against as
  // many, row by row, took minutes.
  await db.query('set local enable_nestloop = off');
  const values = [courseId, wikiId, fetchId, userIds, from, to, ids, pageIds];
  const { rows } = await db.query<StoredFacts>(replaceFacts, values);
  return rows[0]?.slicesChanged ?? 0;
}

/** Of those who are students still: a cursor of somebody who left meanwhile would keep them from being fetched on return. */
async function moveCursors(
  db: Queryable,
  { courseId, wikiId, userIds, beganAt }: Walk,
  fetchedUntil: Second,
): Promise<void> {
  await db.query(
    `insert into course_user_wiki_cursors (course_id, wiki_id, user_id, ingested_until, fetched_at)
     select course_id, $2::bigint, user_id, to_timestamp($4::bigint), $5::timestamptz
     from courses_users
     where course_id = $1::bigint and user_id = any($3::bigint[]) and role = 0
     order by user_id
     on conflict (course_id, wiki_id, user_id) do update
     set ingested_until = excluded.ingested_until, fetched_at = excluded.fetched_at
     where course_user_wiki_cursors.refused_at is null`,
    [courseId, wikiId, userIds, fetchedUntil, beganAt],
  );
}
