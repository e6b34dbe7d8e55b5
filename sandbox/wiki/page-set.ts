import type { Pool } from 'pg';
import { ApiError } from './api-error.ts';
import {
  listLiveRevisions,
  listPages,
  listPagesOfRevisions,
  listPagesTitled,
  type Page,
} from './page-store.ts';
import type { Parameters } from './parameters.ts';
import { parseTitle, prefixedTitle, type Title } from './titles.ts';

const MODULE = 'query';

/** What `titles`, `pageids` or `revids` asked for, each under the key by which MediaWiki sorts it. */
export type PageEntry =
  | { readonly kind: 'page'; readonly key: number; readonly page: Page }
  | { readonly kind: 'missing-id'; readonly key: number }
  | { readonly kind: 'missing-title'; readonly key: number; readonly title: Title }
  | { readonly kind: 'special'; readonly key: number; readonly title: Title }
  | { readonly kind: 'invalid'; readonly key: number; readonly typed: string; readonly reason: string };

export interface PageSet {
  /** Lowest key first: what has no id comes first, in an order of MediaWiki's own. */
  readonly entries: readonly PageEntry[];
  readonly normalized: readonly { readonly from: string; readonly to: string }[];
  readonly redirects: readonly { readonly from: string; readonly to: string }[];
  readonly badRevisionIds: readonly number[];
}

const none: PageSet = { entries: [], normalized: [], redirects: [], badRevisionIds: [] };

/** Resolves the pages that a query names, at most 50. Two of the three parameters at once are refused with `multisource`. */
export async function findPageSet(pool: Pool, parameters: Parameters): Promise<PageSet> {
  const [titles, pageIds, revisionIds] = [
    parameters.list(MODULE, 'titles') ?? [],
    parameters.integers(MODULE, 'pageids') ?? [],
    parameters.integers(MODULE, 'revids') ?? [],
  ];
  const resolvesRedirects = parameters.flag('redirects');
  const named = Object.entries({ titles, pageids: pageIds, revids: revisionIds }).filter(
    ([, values]) => values.length > 0,
  );
  const [first, second] = named.map(([name]) => name);
  if (first !== undefined && second !== undefined) {
    throw new ApiError(MODULE, 'multisource', {
      text: `The "${second}" parameter cannot be used with "${first}".`,
      key: 'apierror-invalidparammix-cannotusewith',
      params: [second, first],
    });
  }
  const found = await findNamed(pool, titles, pageIds, revisionIds);
  const resolved = resolvesRedirects ? await followRedirects(pool, found) : found;
  return { ...resolved, entries: [...resolved.entries].sort((a, b) => a.key - b.key) };
}

async function findNamed(
  pool: Pool,
  titles: readonly string[],
  pageIds: readonly number[],
  revisionIds: readonly number[],
): Promise<PageSet> {
  if (titles.length > 0) return findTitles(pool, titles);
  if (revisionIds.length > 0) {
    const live = new Set(await listLiveRevisions(pool, revisionIds));
    return {
      ...none,
      entries: (await listPagesOfRevisions(pool, revisionIds)).map(pageEntry),
      badRevisionIds: revisionIds.filter((id) => !live.has(id)),
    };
  }
  if (pageIds.length === 0) return none;
  const pages = await listPages(pool, pageIds);
  const there = new Set(pages.map(({ id }) => id));
  const missing = pageIds.filter((id) => !there.has(id)).map((key) => ({ kind: 'missing-id', key }) as const);
  return { ...none, entries: [...pages.map(pageEntry), ...missing] };
}

async function findTitles(pool: Pool, typed: readonly string[]): Promise<PageSet> {
  const entries: PageEntry[] = [];
  const normalized: { from: string; to: string }[] = [];
  const asked = new Map<string, Title>();
  // MediaWiki counts down from -1 for whatever has no id: first as it reads the titles, then for those it misses.
  let fakeId = -1;
  for (const text of typed) {
    const parsed = parseTitle(text);
    if (parsed.kind === 'invalid') {
      entries.push({ kind: 'invalid', key: fakeId--, typed: text, reason: parsed.reason });
      continue;
    }
    const to = prefixedTitle(parsed.title);
    if (to !== text) normalized.push({ from: text, to });
    if (parsed.title.ns < 0) entries.push({ kind: 'special', key: fakeId--, title: parsed.title });
    else asked.set(to, parsed.title);
  }
  const namespaces = [...new Set([...asked.values()].map(({ ns }) => ns))];
  const pages = await listPagesTitled(pool, [...asked.values()]);
  for (const page of pages) asked.delete(prefixedTitle(page));
  for (const title of namespaces.flatMap((ns) => [...asked.values()].filter((left) => left.ns === ns))) {
    entries.push({ kind: 'missing-title', key: fakeId--, title });
  }
  return { ...none, normalized, entries: [...entries, ...pages.map(pageEntry)] };
}

/** One step, as MediaWiki follows them: a redirect to a redirect stays one. */
async function followRedirects(pool: Pool, found: PageSet): Promise<PageSet> {
  const entries = new Map(found.entries.map((entry) => [entry.key, entry]));
  const redirects: { from: string; to: string }[] = [];
  let fakeId = Math.min(0, ...entries.keys()) - 1;
  for (const entry of found.entries) {
    if (entry.kind !== 'page' || entry.page.redirectsTo === undefined) continue;
    const title = entry.page.redirectsTo;
    redirects.push({ from: prefixedTitle(entry.page), to: prefixedTitle(title) });
    entries.delete(entry.key);
    const [page] = await listPagesTitled(pool, [title]);
    const target: PageEntry =
      page === undefined ? { kind: 'missing-title', key: fakeId--, title } : pageEntry(page);
    entries.set(target.key, target);
  }
  return { ...found, redirects, entries: [...entries.values()] };
}

function pageEntry(page: Page): PageEntry {
  return { kind: 'page', key: page.id, page };
}
