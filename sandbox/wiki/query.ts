import type { Pool } from 'pg';
import { showPage, readInfoProperties } from './page-answers.ts';
import { findPageSet } from './page-set.ts';
import type { Parameters } from './parameters.ts';
import { answerSiteInfo, answerUserInfo, type Site } from './site.ts';
import { answerUserContributions } from './user-contributions.ts';

export interface QueryContext {
  readonly pool: Pool;
  readonly site: Site;
  /** The caller's address, which is its name. */
  readonly address: string;
}

/** `action=query`: the keys of the answer, in the shape of the site's `formatversion`. */
export async function answerQuery(
  context: QueryContext,
  parameters: Parameters,
): Promise<Readonly<Record<string, unknown>>> {
  const { pool, site } = context;
  const asked = [
    ...parameters.choices('query', 'prop', ['info'], []),
    ...parameters.choices('query', 'list', ['usercontribs'], []),
    ...parameters.choices('query', 'meta', ['siteinfo', 'userinfo'], []),
  ];
  // `continue` names after its bars what has been answered in full before.
  const [generator, answeredProps = '', ...answered] = (parameters.text('continue') ?? '').split('||');
  const before = new Set([answeredProps, ...answered].join('|').split('|'));
  const runs = (module: string): boolean => asked.includes(module) && !before.has(module);

  if (before.has('siteinfo')) parameters.ignore('siprop');
  if (before.has('userinfo')) parameters.ignore('uiprop');
  const info = asked.includes('info') ? readInfoProperties(parameters) : undefined;
  const pageSet = await findPageSet(pool, parameters);
  const showsPages = generator !== '-' || runs('info');
  const contributions = runs('usercontribs') ? await answerUserContributions(pool, parameters) : undefined;
  const query = {
    ...(pageSet.normalized.length > 0
      ? { normalized: pageSet.normalized.map((change) => ({ fromencoded: false, ...change })) }
      : {}),
    ...(pageSet.redirects.length > 0 ? { redirects: pageSet.redirects } : {}),
    ...(pageSet.badRevisionIds.length > 0
      ? {
          badrevids: Object.fromEntries(
            pageSet.badRevisionIds.map((revid) => [revid, { revid, missing: true }]),
          ),
        }
      : {}),
    ...(pageSet.entries.length > 0 && showsPages
      ? {
          pages: keyed(
            pageSet.entries.map((entry) => [entry.key, showPage(entry, info, site.url)]),
            site.formatVersion,
          ),
        }
      : {}),
    ...(contributions === undefined ? {} : { usercontribs: contributions.contributions }),
    ...(runs('siteinfo') ? await answerSiteInfo(pool, parameters, site) : {}),
    ...(runs('userinfo') ? { userinfo: answerUserInfo(parameters, context.address) } : {}),
  };
  const done = asked.filter((module) => module !== 'usercontribs').join('|');
  return {
    batchcomplete: true,
    ...(contributions?.continueWith === undefined
      ? {}
      : { continue: { uccontinue: contributions.continueWith, continue: `-||${done}` } }),
    ...(contributions?.maxLimit === undefined ? {} : { limits: { usercontribs: contributions.maxLimit } }),
    ...(Object.keys(query).length === 0 ? {} : { query }),
  };
}

/** Version 1 keys the pages by id. */
function keyed(pages: readonly (readonly [key: number, page: unknown])[], formatVersion: 1 | 2): unknown {
  return formatVersion === 2 ? pages.map(([, page]) => page) : Object.fromEntries(pages);
}
