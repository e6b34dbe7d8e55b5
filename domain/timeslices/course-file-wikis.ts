import { isLinkLocal } from '../link-local.ts';
import {
  isAbsent,
  kindOf,
  needed,
  readKeys,
  readList,
  readText,
  readWholeNumber,
  type Complain,
  type Field,
} from './course-file-values.ts';
import type { Period } from './slices.ts';
import { isMultilingual, wikimediaApiUrl } from './wiki-address.ts';

/** A wiki of a course as its file describes it. */
export interface WikiEntry {
  /** Null for a project that is one wiki for all languages. */
  readonly language: string | null;
  readonly project: string;
  readonly apiUrl: string;
  /** Tracked ones, ascending; empty means the mainspace alone. */
  readonly namespaces: readonly number[];
  readonly timesliceSeconds: number;
}

const wikiKeys = ['language', 'project', 'api_url', 'namespaces', 'timeslice_seconds'] as const;

const DAY_SECONDS = 86_400;
const MOST_SECONDS = 2_147_483_647;
const MOST_NAMESPACE = 2_147_483_647;
/** Ten years of hours. More rows than this for one wiki are a slip of the keyboard. */
const MOST_SLICES = 100_000;

export function readWikis(
  complain: Complain,
  field: Field,
  period: Period | undefined,
): readonly WikiEntry[] | undefined {
  const items = readList(complain, needed(complain, field, 'at least one wiki'), 'wikis');
  if (items?.length === 0) complain(field.where, 'is empty; a course has at least one wiki');
  const entries = items?.map((item) => ({ where: item.where, wiki: readWiki(complain, item, period) }));
  const places = new Map<string, string>();
  for (const { where, wiki } of entries ?? []) {
    if (wiki === undefined) continue;
    const known = places.get(wiki.apiUrl);
    if (known === undefined) places.set(wiki.apiUrl, where);
    else complain(where, `is the same wiki as ${known} (${wiki.apiUrl}); keep one of them`);
  }
  return entries?.flatMap(({ wiki }) => wiki ?? []);
}

function readWiki(complain: Complain, item: Field, period: Period | undefined): WikiEntry | undefined {
  const at = readKeys(complain, item, { what: 'a wiki', known: wikiKeys });
  if (at === undefined) return undefined;
  const project = readName(complain, needed(complain, at('project'), 'a project such as wikipedia'));
  const given = readName(complain, at('language'));
  const language = given === undefined || (project !== undefined && isMultilingual(project)) ? null : given;
  const apiUrl = readApiUrl(complain, at('api_url'));
  const namespaces = readNamespaces(complain, at('namespaces'));
  const timesliceSeconds = readLength(complain, at('timeslice_seconds'), period);
  if (project === undefined) return undefined;
  const place = isAbsent(at('api_url')) ? wikimediaApiUrl({ language, project }) : apiUrl;
  if (place === undefined && isAbsent(at('api_url')) && isAbsent(at('language'))) {
    complain(at('language').where, `is missing; ${project} needs one, such as en, or an api_url`);
  }
  return place === undefined ? undefined : { language, project, apiUrl: place, namespaces, timesliceSeconds };
}

/** A part of a host name, as languages and projects of Wikimedia are. */
function readName(complain: Complain, field: Field): string | undefined {
  const text = readText(complain, field);
  if (text === undefined || /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(text)) return text;
  complain(
    field.where,
    `must be small letters, digits and hyphens, such as en or wikipedia, found ${kindOf(text)}`,
  );
  return undefined;
}

function readApiUrl(complain: Complain, field: Field): string | undefined {
  const text = readText(complain, field);
  if (text === undefined) return undefined;
  const url = /^https?:\/\/[^/]/i.test(text) && URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || /\s/.test(text)) {
    complain(field.where, `must be an address such as https://host/w/api.php, found ${kindOf(text)}`);
    return undefined;
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    complain(field.where, 'must have no user name, password, query or fragment; remove them');
    return undefined;
  }
  if (isLinkLocal(url.hostname)) {
    complain(
      field.where,
      'is a link-local or metadata address, where clouds give out credentials; correct it',
    );
    return undefined;
  }
  return url.href;
}

function readNamespaces(complain: Complain, field: Field): readonly number[] {
  const numbers = new Set<number>();
  for (const item of readList(complain, field, 'numbers of namespaces') ?? []) {
    if (isAbsent(item)) complain(item.where, 'is empty; write a number or remove the item');
    const number = readWholeNumber(complain, item, { min: 0, max: MOST_NAMESPACE });
    if (number === undefined) continue;
    if (numbers.has(number)) complain(item.where, `${number} is there twice; keep one of them`);
    numbers.add(number);
  }
  // The mainspace alone is what a wiki without tracked namespaces has.
  if (numbers.size === 1 && numbers.has(0)) return [];
  return [...numbers].sort((one, other) => one - other);
}

function readLength(complain: Complain, field: Field, period: Period | undefined): number {
  const seconds = readWholeNumber(complain, field, { min: 1, max: MOST_SECONDS }) ?? DAY_SECONDS;
  const slices = period === undefined ? 1 : Math.floor((period.endsAt - period.startsAt) / seconds) + 1;
  if (slices > MOST_SLICES) {
    complain(
      field.where,
      `${seconds} would cut the course into ${slices} slices, more than ${MOST_SLICES}; lengthen them or correct the dates`,
    );
  }
  return seconds;
}
