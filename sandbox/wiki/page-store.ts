import type { Pool } from 'pg';
import { listRows, type Statement } from '../shell/statements.ts';
import type { Title } from './titles.ts';

export interface Page extends Title {
  readonly id: number;
  readonly latestId: number;
  readonly touchedAt: Date;
  readonly length: number;
  /** Nobody has changed it since it was created or undeleted. */
  readonly isNew: boolean;
  readonly redirectsTo: Title | undefined;
}

interface PageRow extends Omit<Page, 'redirectsTo'> {
  readonly targetNs: number | null;
  readonly targetTitle: string | null;
}

function pages(name: string, condition: string): Statement {
  return {
    name,
    text: `
      select p.id::float8 as id, p.namespace as ns, p.title, p.latest_id::float8 as "latestId", r.at as "touchedAt", r.length,
        r.parent_id = 0 or p.restored_id is not distinct from r.id as "isNew", p.redirects_to_namespace as "targetNs", p.redirects_to_title as "targetTitle"
      from pages p join revisions r on r.id = p.latest_id
      where ${condition} order by p.id`,
  };
}

const byIds = pages('pages-by-ids', 'p.id = any($1::bigint[])');
const byRevisions = pages(
  'pages-by-revisions',
  'p.id in (select page_id from revisions where id = any($1::bigint[]))',
);
const byTitles = pages(
  'pages-by-titles',
  '(p.namespace, p.title) in (select * from unnest($1::integer[], $2::text[]))',
);

export async function listPages(pool: Pool, ids: readonly number[]): Promise<readonly Page[]> {
  return (await listRows<PageRow>(pool, byIds, [ids])).map(toPage);
}

export async function listPagesTitled(pool: Pool, titles: readonly Title[]): Promise<readonly Page[]> {
  const values = [titles.map(({ ns }) => ns), titles.map(({ title }) => title)];
  return (await listRows<PageRow>(pool, byTitles, values)).map(toPage);
}

/** The pages of revisions that are not deleted. */
export async function listPagesOfRevisions(
  pool: Pool,
  revisionIds: readonly number[],
): Promise<readonly Page[]> {
  return (await listRows<PageRow>(pool, byRevisions, [revisionIds])).map(toPage);
}

const liveRevisions: Statement = {
  name: 'live-revisions',
  text: 'select id::float8 as id from revisions where id = any($1::bigint[])',
};

/** Those of the ids that are revisions of pages that are there. */
export async function listLiveRevisions(pool: Pool, ids: readonly number[]): Promise<readonly number[]> {
  return (await listRows<{ id: number }>(pool, liveRevisions, [ids])).map(({ id }) => id);
}

function toPage({ targetNs, targetTitle, ...page }: PageRow): Page {
  const redirectsTo =
    targetNs === null || targetTitle === null ? undefined : { ns: targetNs, title: targetTitle };
  return { ...page, redirectsTo };
}
