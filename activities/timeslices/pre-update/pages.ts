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

/** A page's live row stands for it also where only a deleted one has facts. */
const listPages = `
  select article_id as "articleId", mw_page_id as "pageId"
  from (
    select distinct on (known.mw_page_id) known.mw_page_id, coalesce(live.id, known.id) as article_id,
      case when live.id is null then known.checked_at else live.checked_at end as checked_at
    from (
      select distinct article_id from article_course_user_wiki_timeslices
      where course_id = $1::bigint and wiki_id = $2::bigint) mine
    join articles known on known.id = mine.article_id
    left join articles live
      on known.deleted and live.wiki_id = known.wiki_id and live.mw_page_id = known.mw_page_id and not live.deleted
    order by known.mw_page_id, known.deleted, known.id desc) page
  where article_id > $4::bigint and (checked_at is null or checked_at < $3::timestamptz)
  order by article_id
  limit $5::bigint`;

/**
 * Pages with facts in the course, deleted or not, about which the wiki was not asked lately; each once, in the order of their
 * articles. The course's facts are read through each time, so `limit` is better thousands than tens.
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

const lockPages = `
  select ${columns} from articles article
  where article.wiki_id = $1::bigint and article.mw_page_id = any($2::bigint[])
  order by article.id
  for no key update`;

/** With the other rows of the same pages. */
const lockPagesOfArticles = `
  select ${columns} from articles article
  where (article.wiki_id, article.mw_page_id) in (
    select wiki_id, mw_page_id from articles where id = any($1::bigint[]))
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

/**
 * Makes articles live that were stored as deleted, for whoever meets an edit of such a page; the slices with facts of
 * theirs are fetched again in every course. Those that live already, or of whose page another article lives, are left
 * alone. `db` must be a transaction, with no slice locked before. Safe to run twice.
 */
export async function reviveArticles(
  db: Queryable,
  { articleIds }: { readonly articleIds: readonly number[] },
): Promise<void> {
  const { rows } = await db.query<StoredPage>(lockPagesOfArticles, [articleIds]);
  const deleted = [...byPage(rows).values()].filter((page) => page.every((row) => row.deleted));
  await writeChanges(
    db,
    deleted.map((page) => {
      const newest = page.at(-1);
      return newest ? changesOf(page, { ...newest, kind: 'live' }) : noChanges;
    }),
  );
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
