import { createActionApi, type ActionApiOptions } from './action-api.ts';
import { listContributions, type ContributionsAnswer, type ContributionsAsked } from './contributions.ts';
import { describePages, type PageState } from './pages.ts';
import { describeSite, type WikiSite } from './site.ts';

export type { Continuation } from './api-answer.ts';
export type { Contribution, ContributionsAnswer, ContributionsAsked } from './contributions.ts';
export { NAMES_A_REQUEST } from './contributions.ts';
export { PAGES_A_REQUEST, type PageState } from './pages.ts';
export type { WikiSite } from './site.ts';

export type WikiClientOptions = ActionApiOptions;

/**
 * One wiki's Action API: three requests at once, a time-out on each. Whatever fails throws `ServiceFailure`, whose message
 * names no person: transient where waiting helps (no answer, 5xx, 429, `maxlag`, `ratelimited`, `readonly`, an answer that makes no
 * sense), with `retryAfterMs` where the wiki said how long, and 5 s where it wants patience and did not.
 * An aborted call throws the signal's reason.
 */
export interface WikiClient {
  /** One request of `list=usercontribs`, for 1 to 50 users; more are a `RangeError`. */
  listContributions(asked: ContributionsAsked): Promise<ContributionsAnswer>;
  /** One request of `prop=info` for at most 50 page ids: what became of each, in their order. */
  describePages(pageIds: readonly number[], signal?: AbortSignal): Promise<readonly PageState[]>;
  /** One request of `meta=siteinfo`. */
  describeSite(signal?: AbortSignal): Promise<WikiSite>;
  /** Waits for requests under way. */
  close(): Promise<void>;
}

/** Opens no connection yet. Throws a `TypeError` for an `apiUrl` that is no absolute address. */
export function createWikiClient(options: WikiClientOptions): WikiClient {
  const { href: apiUrl } = new URL(options.apiUrl);
  const api = createActionApi({ ...options, apiUrl });
  return {
    listContributions: (asked) => listContributions(api, asked),
    describePages: (pageIds, signal) => describePages(api, pageIds, signal),
    describeSite: (signal) => describeSite(api, apiUrl, signal),
    close: () => api.close(),
  };
}
