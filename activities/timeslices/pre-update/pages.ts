import type { Queryable } from '../../../db/database.ts';
import type { PageState } from '../../../platform/wiki/client.ts';
import { changesOf, noChanges, type PageChanges, type StoredPage } from './page-changes.ts';

export interface PagesAsked {
  readonly courseId: number;
  readonly wikiId: number;
  /** Only pages that were not checked at that moment or later. */
  readonly checkedBefore: Date;
  /** The `articleId` of the last page listed; 0 at first. */
  readonly after: number;
  readonly limit: number;
}

export interface PageToCheck {
  readonly articleId: number;
  readonly pageId: number;
}

/**
 * Live pages are found by their article slices, one look into the key for each and none beyond the last that is wanted; deleted
 * ones, which have none, by their facts. Reading all facts took 1.5 s for a million, whatever was wanted.
 *
 * A page's live row stands for it also where only a deleted one has facts.
 */
const listPages = `
  with recursive live as (
    select $4::bigint as article_id, null::bigint as mw_page_id, false as is_due, 0 as found
    union all
    select next.article_id, article.mw_page_id, due.is_due, live.found + due.is_due::integer
    from live,
    lateral (
      select article_id from article_course_timeslices
      where course_id = $1::bigint and article_id > live.article_id
      order by article_id limit 1) next
    join articles article on article.id = next.article_id,
    lateral (
      select article.wiki_id = $2::bigint and not article.deleted
        and coalesce(article.checked_at < $3::timestamptz, true) as is_due) due
    where live.found < $5::bigint),
  gone as (
    select distinct on (article.mw_page_id) article.mw_page_id, coalesce(current.id, article.id) as article_id,
      coalesce(
        case when current.id is null then article.checked_at else current.checked_at end < $3::timestamptz,
        true) as is_due
    from articles article
    left join articles current
      on current.wiki_id = article.wiki_id and current.mw_page_id = article.mw_page_id and not current.deleted
    where article.wiki_id = $2::bigint and article.deleted and exists (
      select from article_course_user_wiki_timeslices fact
      where fact.article_id = article.id and fact.course_id = $1::bigint)
    order by article.mw_page_id, article.id desc)
  select article_id as "articleId", mw_page_id as "pageId" from live where is_due
  union
  select article_id, mw_page_id from gone where is_due and article_id > $4::bigint
  order by "articleId"
  limit $5::bigint`;

/**
 * Pages with facts in the course, deleted or not, about which the wiki was not asked lately; each once, in the order of their
 * articles. One whose facts are all in slices that still wait to be rebuilt may come the next time only.
 */
export async function listPagesToCheck(
  db: Queryable,
  { courseId, wikiId, checkedBefore, after, limit }: PagesAsked,
): Promise<readonly PageToCheck[]> {
  const { rows } = await db.query<PageToCheck>(listPages, [courseId, wikiId, checkedBefore, after, limit]);
  return rows;
}

const columns = `
  article.id as "articleId", article.wiki_id as "wikiId", article.mw_page_id as "pageId", article.namespace,
  article.title, article.deleted, article.checked_at as "checkedAt"`;

/** Live and deleted articles have an index of their own: each is asked by itself. */
const lockPages = `
  select ${columns} from articles article
  where article.id in (
    select id from articles where wiki_id = $1::bigint and mw_page_id = any($2::bigint[]) and not deleted
    union all
    select id from articles where wiki_id = $1::bigint and mw_page_id = any($2::bigint[]) and deleted)
  order by article.id
  for no key update`;

export interface PagesRecorded {
  readonly wikiId: number;
  readonly states: readonly PageState[];
  /** When the wiki was asked. */
  readonly checkedAt: Date;
}

/**
 * Records what the wiki says of its pages, in every course that knows them. A change marks the slices with facts of the page;
 * where the facts are not what the wiki would tell now, also to be fetched. Pages that are not stored, or were checked
 * later than `checkedAt`, are left alone. `db` must be a transaction. Safe to run twice.
 *
 * Articles are locked first, in the order of their ids, then slices in theirs: a single statement that changes an article,
 * whose trigger locks its slices, does the same.
 */
export async function recordPages(
  db: Queryable,
  { wikiId, states, checkedAt }: PagesRecorded,
): Promise<{ readonly changed: number }> {
  const stateOf = new Map(states.map((state) => [state.pageId, state]));
  const { rows } = await db.query<StoredPage>(lockPages, [wikiId, [...stateOf.keys()]]);
  const pages = [...byPage(rows).values()].filter((page) => !page.some((row) => isLater(row, checkedAt)));
  const changes = pages.map((page) => {
    const state = page[0] && stateOf.get(page[0].pageId);
    return state ? changesOf(page, state) : noChanges;
  });
  const changed = await writeChanges(db, changes);
  const checked = pages.flat().map(({ articleId }) => articleId);
  await db.query('update articles set checked_at = $2::timestamptz where id = any($1::bigint[])', [
    checked,
    checkedAt,
  ]);
  return { changed };
}

function byPage(rows: readonly StoredPage[]): ReadonlyMap<string, readonly StoredPage[]> {
  const pages = new Map<string, StoredPage[]>();
  for (const row of rows) {
    const key = `${row.wikiId} ${row.pageId}`;
    pages.set(key, [...(pages.get(key) ?? []), row]);
  }
  return pages;
}

function isLater(row: StoredPage, checkedAt: Date): boolean {
  return row.checkedAt !== null && row.checkedAt > checkedAt;
}

const lockSlices = `
  select slice.start_at from course_wiki_timeslices slice
  where (slice.course_id, slice.wiki_id, slice.start_at) in (
    select course_id, wiki_id, start_at from article_course_user_wiki_timeslices where article_id = any($1::bigint[]))
  order by slice.course_id, slice.wiki_id, slice.start_at
  for no key update`;

const markToFetch = `
  update course_wiki_timeslices slice set needs_update = true, needs_fetch = true
  where (slice.course_id, slice.wiki_id, slice.start_at) in (
    select course_id, wiki_id, start_at from article_course_user_wiki_timeslices where article_id = any($1::bigint[]))`;

const deleteFacts = 'delete from article_course_user_wiki_timeslices where article_id = any($1::bigint[])';

/** A trigger marks the slices of those that are deleted, back, or in another namespace. */
const writePages = `
  update articles article set deleted = page.deleted, namespace = page.namespace, title = page.title
  from unnest($1::bigint[], $2::boolean[], $3::integer[], $4::text[]) as page(id, deleted, namespace, title)
  where article.id = page.id`;

async function writeChanges(db: Queryable, changes: readonly PageChanges[]): Promise<number> {
  const changed = changes.flatMap((change) => change.changed);
  const superseded = changes.flatMap((change) => change.superseded);
  const refetch = [...changes.flatMap((change) => change.refetch), ...superseded];
  const ids = changed.map(({ articleId }) => articleId);
  if (ids.length + refetch.length === 0) return 0;
  await db.query(lockSlices, [[...ids, ...refetch]]);
  await db.query(markToFetch, [refetch]);
  await db.query(deleteFacts, [superseded]);
  await db.query(writePages, [
    ids,
    changed.map(({ deleted }) => deleted),
    changed.map(({ namespace }) => namespace),
    changed.map(({ title }) => title),
  ]);
  return changed.length;
}
