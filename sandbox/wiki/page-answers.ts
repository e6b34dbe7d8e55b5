import type { PageEntry } from './page-set.ts';
import type { Parameters } from './parameters.ts';
import { isoTimestamp } from './timestamps.ts';
import { prefixedTitle } from './titles.ts';

const MODULE = 'query+info';

const infoProperties = [
  'associatedpage',
  'displaytitle',
  'linkclasses',
  'notificationtimestamp',
  'preload',
  'protection',
  'subjectid',
  'talkid',
  'url',
  'varianttitles',
  'visitingwatchers',
  'watched',
  'watchers',
];

/** Which further fields `inprop` asks for. Only `url` is answered; MediaWiki's others pass without an effect. */
export function readInfoProperties(parameters: Parameters): ReadonlySet<string> {
  return new Set(parameters.choices(MODULE, 'inprop', infoProperties, []));
}

/** One entry of `query.pages`; `info` is undefined when `prop=info` was not asked for. */
export function showPage(
  entry: PageEntry,
  info: ReadonlySet<string> | undefined,
  baseUrl: string,
): Readonly<Record<string, unknown>> {
  switch (entry.kind) {
    case 'page': {
      const { page } = entry;
      const shown = { pageid: page.id, ns: page.ns, title: prefixedTitle(page) };
      if (info === undefined) return shown;
      return {
        ...shown,
        ...language,
        touched: isoTimestamp(page.touchedAt),
        lastrevid: page.latestId,
        length: page.length,
        ...(page.redirectsTo === undefined ? {} : { redirect: true }),
        ...(page.isNew ? { new: true } : {}),
        ...(info.has('url') ? urls(shown.title, baseUrl) : {}),
      };
    }
    case 'missing-id':
      return { pageid: entry.key, missing: true };
    case 'missing-title': {
      const title = prefixedTitle(entry.title);
      const shown = { ns: entry.title.ns, title, missing: true };
      if (info === undefined) return shown;
      return { ...shown, ...language, ...(info.has('url') ? urls(title, baseUrl) : {}) };
    }
    case 'special':
      return { ns: entry.title.ns, title: prefixedTitle(entry.title), special: true, missing: true };
    case 'invalid':
      return { title: entry.typed, invalidreason: entry.reason, invalid: true };
  }
}

const language = {
  contentmodel: 'wikitext',
  pagelanguage: 'en',
  pagelanguagehtmlcode: 'en',
  pagelanguagedir: 'ltr',
};

function urls(title: string, baseUrl: string): Readonly<Record<string, string>> {
  const name = encodeURIComponent(title.replaceAll(' ', '_')).replaceAll('%2F', '/').replaceAll('%3A', ':');
  const url = `${baseUrl}/wiki/${name}`;
  return { fullurl: url, editurl: `${baseUrl}/w/index.php?title=${name}&action=edit`, canonicalurl: url };
}
