import type { Database, Queryable } from '../../db/database.ts';
import { groupsOf } from '../../domain/timeslices/request-groups.ts';
import { PAGES_A_REQUEST, type WikiClient } from '../../platform/wiki/client.ts';
import type { AskedStudent, FetchOrder } from './fetch-store.ts';
import { recordPages } from './pre-update/pages.ts';

interface Asking {
  readonly database: Database;
  readonly client: WikiClient;
  readonly order: FetchOrder;
  readonly students: readonly AskedStudent[];
  readonly signal: AbortSignal;
}

/**
 * A complete walk that says nothing any more of a page on which we have facts: the page may be deleted, and then its facts
 * must stay for the day on which it comes back. So the wiki is asked about such pages before the facts are put in place;
 * most walks have none.
 */
export async function settleVanishedPages(
  fetchId: number,
  { database, client, order, students, signal }: Asking,
): Promise<void> {
  const pageIds = await listVanished(
    database,
    fetchId,
    order,
    students.map(({ userId }) => userId),
  );
  for (const group of groupsOf(pageIds, PAGES_A_REQUEST)) {
    const states = await client.describePages(group, signal);
    await database.transaction((transaction) =>
      recordPages(transaction, { wikiId: order.wikiId, states, checkedAt: new Date(order.now) }),
    );
  }
}

async function listVanished(
  db: Queryable,
  fetchId: number,
  { courseId, wikiId, from, to }: FetchOrder,
  userIds: readonly number[],
): Promise<readonly number[]> {
  const { rows } = await db.query<{ pageId: number }>(
    `select distinct article.mw_page_id as "pageId"
     from article_course_user_wiki_timeslices fact
     join articles article on article.id = fact.article_id and not article.deleted
     where fact.course_id = $1::bigint and fact.wiki_id = $2::bigint and fact.user_id = any($3::bigint[])
       and fact.start_at <= to_timestamp($5::bigint) and fact.end_at > to_timestamp($4::bigint)
       and article.mw_page_id not in (select unnest(mw_page_ids) from wiki_fetched_pages where fetch_id = $6::bigint)
     order by 1`,
    [courseId, wikiId, userIds, from, to, fetchId],
  );
  return rows.map(({ pageId }) => pageId);
}
