import { isObject } from '../../domain/json-object.ts';
import type { ActionApi } from './action-api.ts';

export interface WikiSite {
  readonly name: string;
  /** Absolute: `https://en.wikipedia.org`. */
  readonly server: string;
  /** Of the content: `en`. */
  readonly language: string;
  /** `MediaWiki 1.39.17` */
  readonly generator: string;
}

/** One request of `meta=siteinfo`; without `maxlag`, since a person waits for the answer. */
export async function describeSite(api: ActionApi, apiUrl: string, signal?: AbortSignal): Promise<WikiSite> {
  const reply = await api.query({
    module: 'meta=siteinfo',
    parameters: { meta: 'siteinfo', siprop: 'general' },
    signal,
  });
  if (reply.kind === 'refused') throw reply.failure;
  const general = isObject(reply.query['general']) ? reply.query['general'] : {};
  const { sitename, server, lang, generator } = general;
  if (
    typeof sitename !== 'string' ||
    typeof server !== 'string' ||
    // Wikis that are reached by http and https leave the scheme out.
    !URL.canParse(server, apiUrl) ||
    typeof lang !== 'string' ||
    typeof generator !== 'string'
  ) {
    throw reply.malformed('nothing about the site');
  }
  return { name: sitename, server: new URL(server, apiUrl).origin, language: lang, generator };
}
