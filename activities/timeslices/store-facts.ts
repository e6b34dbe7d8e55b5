import type { Database, Queryable } from '../../db/database.ts';
import type { Second } from '../../domain/timeslices/slices.ts';
import { recordPages } from './pre-update/pages.ts';
import type { CourseActivityDependencies } from './dependencies.ts';

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
 * changed and moves the students' cursors, all in one transaction; then the walk is forgotten. Safe to run twice: without
 * the walk there is nothing to do. What a later update has fetched meanwhile is not overwritten.
 */
export function createStoreFacts({
  database,
}: CourseActivityDependencies): (input: StoreFactsInput) => Promise<StoredFacts> {
  return async (input) => {
    await database.transaction((transaction) => storeArticles(transaction, input.fetchId));
    return storeFacts(database, input);
  };
}

/** The pages of a walk, each once. */
const pagesOfWalk = `
  select distinct on (mw_page_id) wiki_id, mw_page_id, namespace, title, began_at
  from wiki_fetched_facts join wiki_fetches on wiki_fetches.id = fetch_id
  where fetch_id = $1::bigint
  order by mw_page_id`;

interface SeenPage {
  readonly wikiId: number;
  readonly pageId: number;
  readonly namespace: number;
  readonly title: string;
  readonly beganAt: Date;
}

/** Notes pages that are called otherwise now or are back although they were deleted, and those seen for the first time. */
async function storeArticles(db: Queryable, fetchId: number): Promise<void> {
  const { rows } = await db.query<SeenPage>(
    `select page.wiki_id as "wikiId", page.mw_page_id as "pageId", page.namespace, page.title, page.began_at as "beganAt"
     from (${pagesOfWalk}) page
     left join articles live
       on live.wiki_id = page.wiki_id and live.mw_page_id = page.mw_page_id and not live.deleted
     where case when live.id is null
       then exists (
         select from articles gone
         where gone.wiki_id = page.wiki_id and gone.mw_page_id = page.mw_page_id and gone.deleted)
       else (live.namespace, live.title) <> (page.namespace, page.title) end`,
    [fetchId],
  );
  const [first] = rows;
  if (first) {
    const states = rows.map(({ pageId, namespace, title }) => ({
      kind: 'live' as const,
      pageId,
      namespace,
      title,
    }));
    await recordPages(db, { wikiId: first.wikiId, states, checkedAt: first.beganAt });
  }
  await db.query(
    `insert into articles (wiki_id, mw_page_id, title, namespace, checked_at)
     select wiki_id, mw_page_id, title, namespace, began_at from (${pagesOfWalk}) page
     where not exists (
         select from articles live
         where live.wiki_id = page.wiki_id and live.mw_page_id = page.mw_page_id and not live.deleted)
       and not exists (
         select from articles gone
         where gone.wiki_id = page.wiki_id and gone.mw_page_id = page.mw_page_id and gone.deleted)
     order by mw_page_id
     on conflict (wiki_id, mw_page_id) where not deleted do nothing`,
    [fetchId],
  );
}

interface Walk {
  readonly courseId: number;
  readonly wikiId: number;
  /** Whom the wiki answered about: not those whom it refuses. */
  readonly userIds: readonly number[];
  readonly from: Second;
  readonly to: Second;
  readonly beganAt: Date;
}

const sums = [
  'character_sum',
  'references_count',
  'revision_count',
  'new_article',
  'first_revision',
  'last_revision',
];

const key = ['course_id', 'wiki_id', 'start_at', 'article_id', 'user_id'];

const row = (name: string): string => sums.map((column) => `${name}.${column}`).join(', ');

/** The articles of a walk's pages, by page: the live one, else the deleted one that would come back. */
const articlesOfWalk = `
  select page.mw_page_id, coalesce(live.id, gone.id) as id
  from (select distinct mw_page_id from wiki_fetched_facts where fetch_id = $3::bigint) page
  left join articles live
    on live.wiki_id = $2::bigint and live.mw_page_id = page.mw_page_id and not live.deleted
  left join lateral (
    select id from articles
    where live.id is null and wiki_id = $2::bigint and mw_page_id = page.mw_page_id and deleted
    order by id desc limit 1) gone on true`;

/**
 * What the wiki says now, against what is stored of the same students in the same slices. Facts of pages that are deleted
 * stay, for the wiki does not tell of their edits.
 */
const replaceFacts = `
  with seen as materialized (${articlesOfWalk}),
  fresh as materialized (
    select $1::bigint as course_id, $2::bigint as wiki_id, seen.id as article_id, fetched.user_id, fetched.start_at, fetched.end_at,
      sum(fetched.character_sum)::bigint as character_sum, sum(fetched.references_count)::bigint as references_count,
      sum(fetched.revision_count)::bigint as revision_count, bool_or(fetched.new_article) as new_article,
      min(fetched.first_revision) as first_revision, max(fetched.last_revision) as last_revision
    from wiki_fetched_facts fetched
    join seen on seen.mw_page_id = fetched.mw_page_id
    join course_wiki_timeslices slice on slice.course_id = $1::bigint and slice.wiki_id = $2::bigint
      and slice.start_at = fetched.start_at and slice.end_at = fetched.end_at
    where fetched.fetch_id = $3::bigint
    group by seen.id, fetched.user_id, fetched.start_at, fetched.end_at),
  stored as materialized (
    select fact.* from article_course_user_wiki_timeslices fact
    join articles on articles.id = fact.article_id
    where (not articles.deleted or articles.id in (select id from seen)) and fact.course_id = $1::bigint and fact.wiki_id = $2::bigint and fact.user_id = any($4::bigint[])
      and fact.start_at <= to_timestamp($6::bigint) and fact.end_at > to_timestamp($5::bigint)),
  changed as materialized (
    select fresh.*, stored.article_id as old_article_id, stored.user_id as old_user_id, stored.start_at as old_start_at
    from fresh
    full join stored on (stored.article_id, stored.user_id, stored.start_at) = (fresh.article_id, fresh.user_id, fresh.start_at)
    where (${row('fresh')}) is distinct from (${row('stored')})),
  gone as (
    delete from article_course_user_wiki_timeslices fact using changed
    where changed.article_id is null and fact.course_id = $1::bigint and fact.wiki_id = $2::bigint
      and fact.start_at = changed.old_start_at and fact.article_id = changed.old_article_id
      and fact.user_id = changed.old_user_id),
  written as (
    insert into article_course_user_wiki_timeslices (${key.join(', ')}, end_at, ${sums.join(', ')})
    select ${key.join(', ')}, end_at, ${sums.join(', ')} from changed where article_id is not null
    on conflict (${key.join(', ')}) do update set ${sums.map((column) => `${column} = excluded.${column}`).join(', ')}),
  marked as (
    update course_wiki_timeslices slice set needs_update = true
    where slice.course_id = $1::bigint and slice.wiki_id = $2::bigint
      and slice.start_at in (select coalesce(start_at, old_start_at) from changed)
    returning 1)
  select count(*) as "slicesChanged" from marked`;

async function storeFacts(
  database: Database,
  { fetchId, fetchedUntil }: StoreFactsInput,
): Promise<StoredFacts> {
  return database.transaction(async (transaction) => {
    const walk = await findWalk(transaction, fetchId);
    if (!walk) return { slicesChanged: 0 };
    const isOutdated = await wasFetchedSince(transaction, walk);
    const changed = isOutdated ? 0 : await replace(transaction, fetchId, walk);
    if (!isOutdated && fetchedUntil !== undefined) await moveCursors(transaction, walk, fetchedUntil);
    await transaction.query('delete from wiki_fetches where id = $1::bigint', [fetchId]);
    return { slicesChanged: changed };
  });
}

async function findWalk(db: Queryable, fetchId: number): Promise<Walk | undefined> {
  const { rows } = await db.query<Omit<Walk, 'userIds'> & { readonly userIds: readonly string[] }>(
    `select course_id as "courseId", wiki_id as "wikiId", began_at as "beganAt",
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

async function replace(
  db: Queryable,
  fetchId: number,
  { courseId, wikiId, userIds, from, to }: Walk,
): Promise<number> {
  // Whoever deletes or moves a page, or excludes it, marks the slices of its facts: of all facts, or it must wait for these.
  await db.query('select id from courses where id = $1::bigint for share', [courseId]);
  await db.query(
    `select id from articles
     where id in (select id from (${articlesOfWalk.replace('$3', '$1')}) seen)
     order by id for share`,
    [fetchId, wikiId],
  );
  // In the order of the slices, as rebuilds and marks lock them.
  await db.query(
    `select start_at from course_wiki_timeslices
     where course_id = $1::bigint and wiki_id = $2::bigint and start_at <= to_timestamp($4::bigint) and end_at > to_timestamp($3::bigint)
     order by start_at for no key update`,
    [courseId, wikiId, from, to],
  );
  const { rows } = await db.query<StoredFacts>(replaceFacts, [courseId, wikiId, fetchId, userIds, from, to]);
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
