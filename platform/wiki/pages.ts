import { isObject, listOf, wholeNumber, type JsonObject } from '../../domain/json-object.ts';
import type { ActionApi } from './action-api.ts';
import { pageTitle } from './page-title.ts';

/** Page ids that one request may carry. */
export const PAGES_A_REQUEST = 50;

/** What became of a page. `missing`: it was deleted, or never was. */
export type PageState =
  | {
      readonly kind: 'live';
      readonly pageId: number;
      readonly namespace: number;
      /** With underscores, without the namespace's prefix. */
      readonly title: string;
    }
  | { readonly kind: 'missing'; readonly pageId: number };

/** One request of `prop=info`; none for no pages. In the order of `pageIds`; throws unless the wiki told of every one. */
export async function describePages(
  api: ActionApi,
  pageIds: readonly number[],
  signal?: AbortSignal,
): Promise<readonly PageState[]> {
  const asked = [...new Set(pageIds)];
  if (asked.length === 0) return [];
  if (asked.length > PAGES_A_REQUEST) {
    throw new RangeError(
      `a request asks about ${PAGES_A_REQUEST} pages, not about ${asked.length}; ask in groups`,
    );
  }
  const reply = await api.query({
    module: 'prop=info',
    parameters: { prop: 'info', pageids: asked.join('|'), maxlag: '5' },
    signal,
  });
  if (reply.kind === 'refused') throw reply.failure;
  const states = listOf(reply.query['pages']).map((page) => (isObject(page) ? readPage(page) : undefined));
  const byId = new Map(states.map((state) => [state?.pageId, state]));
  return pageIds.map((pageId) => {
    const state = byId.get(pageId);
    // A page of which nothing was said is not taken for deleted.
    if (state === undefined) throw reply.malformed(`nothing about page ${pageId}`);
    return state;
  });
}

function readPage(page: JsonObject): PageState | undefined {
  const [pageId, namespace] = [page['pageid'], page['ns']].map(wholeNumber);
  if (pageId === undefined) return undefined;
  if (page['missing'] === true) return { kind: 'missing', pageId };
  if (namespace === undefined || typeof page['title'] !== 'string') return undefined;
  return { kind: 'live', pageId, namespace, title: pageTitle(namespace, page['title']) };
}
