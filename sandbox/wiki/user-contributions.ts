import type { Pool } from 'pg';
import { ApiError } from './api-error.ts';
import { listContributions, type Contribution, type ContributionCursor } from './contribution-store.ts';
import { pageNamespaceIds } from './namespaces.ts';
import { invalid, type Parameters } from './parameters.ts';
import { isoTimestamp, parseTimestamp, plainTimestamp } from './timestamps.ts';
import { prefixedTitle } from './titles.ts';
import { canonicalUsername } from './usernames.ts';

const MODULE = 'query+usercontribs';
const HIGHEST_LIMIT = 500;

const properties = [
  'ids',
  'title',
  'timestamp',
  'comment',
  'parsedcomment',
  'size',
  'sizediff',
  'flags',
  'patrolled',
  'tags',
];
const usualProperties = ['ids', 'title', 'timestamp', 'comment', 'flags', 'size'];
const filters = [
  '!autopatrolled',
  '!minor',
  '!new',
  '!patrolled',
  '!top',
  'autopatrolled',
  'minor',
  'new',
  'patrolled',
  'top',
];

export interface ContributionsAnswer {
  readonly contributions: readonly Readonly<Record<string, unknown>>[];
  /** What `uccontinue` has to be for the rest; undefined at the end. */
  readonly continueWith: string | undefined;
  /** The limit that `uclimit=max` stood for. */
  readonly maxLimit: number | undefined;
}

/** `list=usercontribs`, in the shape of `formatversion=2`. */
export async function answerUserContributions(
  pool: Pool,
  parameters: Parameters,
): Promise<ContributionsAnswer> {
  const limit = parameters.limit(MODULE, 'uclimit', 10, HIGHEST_LIMIT);
  const from = parameters.timestamp(MODULE, 'ucstart');
  const until = parameters.timestamp(MODULE, 'ucend');
  const names = readNames(parameters);
  const direction = parameters.choice(MODULE, 'ucdir', ['newer', 'older'], 'older');
  const namespaces = readNamespaces(parameters);
  const wanted = new Set(parameters.choices(MODULE, 'ucprop', properties, usualProperties));
  const shown = readFilters(parameters, wanted);
  const tag = parameters.text('uctag');
  const hasSeveral = names.length > 1;
  const start = readContinuation(parameters, hasSeveral);
  const rows = await listContributions(pool, {
    // No edit of the sandbox is minor.
    names: shown.isMinor === true ? [] : names,
    direction,
    from,
    until,
    namespaces,
    isNew: shown.isNew,
    isTop: shown.isTop,
    tag,
    start,
    limit: limit.value + 1,
  });
  const next = rows[limit.value];
  return {
    contributions: rows.slice(0, limit.value).map((row) => show(row, wanted)),
    continueWith: next && continuation(next, hasSeveral),
    maxLimit: limit.isMax ? limit.value : undefined,
  };
}

function readNames(parameters: Parameters): readonly string[] {
  const typed = parameters.list(MODULE, 'ucuser');
  if (typed === undefined) {
    const asking = ['ucuserprefix', 'ucuserids', 'uciprange', 'ucuser'];
    throw new ApiError(MODULE, 'missingparam', {
      text: 'One of the parameters "ucuserprefix", "ucuserids", "uciprange" and "ucuser" is required.',
      key: 'apierror-missingparam-one-of',
      params: [{ list: asking.map((name) => `<var>${name}</var>`), type: 'text' }, asking.length],
    });
  }
  if (typed.length === 0) {
    throw new ApiError(MODULE, 'paramempty_ucuser', {
      text: 'The parameter "ucuser" may not be empty.',
      key: 'apierror-paramempty',
      params: ['ucuser'],
    });
  }
  const names = typed.map((name) => {
    const canonical = canonicalUsername(name);
    if (canonical !== undefined) return canonical;
    throw invalid(MODULE, 'user', 'ucuser', name);
  });
  return [...new Set(names)];
}

/** Undefined: all. A list in which nothing is known is no filter either, as in MediaWiki. */
function readNamespaces(parameters: Parameters): readonly number[] | undefined {
  if (parameters.text('ucnamespace') === '*') return undefined;
  const asked = parameters.choices(MODULE, 'ucnamespace', pageNamespaceIds.map(String), []);
  return asked.length === 0 ? undefined : asked.map(Number);
}

function readFilters(
  parameters: Parameters,
  wanted: ReadonlySet<string>,
): Readonly<Record<'isNew' | 'isTop' | 'isMinor', boolean | undefined>> {
  const show = new Set(parameters.choices(MODULE, 'ucshow', filters, []));
  const opposed = filters.some((filter) => show.has(filter) && show.has(`!${filter}`));
  if (opposed || (show.has('autopatrolled') && show.has('!patrolled'))) {
    throw new ApiError(MODULE, 'show', {
      text: 'Incorrect parameter - mutually exclusive values may not be supplied.',
      key: 'apierror-show',
      params: [],
    });
  }
  if (wanted.has('patrolled') || [...show].some((filter) => filter.endsWith('patrolled'))) {
    throw new ApiError(MODULE, 'permissiondenied', {
      text: 'You need the "patrol" or "patrolmarks" right to request the patrolled flag.',
      key: 'apierror-permissiondenied-patrolflag',
      params: [],
    });
  }
  const asked = (filter: string): boolean | undefined => {
    if (show.has(filter)) return true;
    return show.has(`!${filter}`) ? false : undefined;
  };
  return { isNew: asked('new'), isTop: asked('top'), isMinor: asked('minor') };
}

/** `time|revision` for one user, `actor|id|time|revision` for several: the forms of MediaWiki, opaque to the caller. */
function continuation(next: Contribution, hasSeveral: boolean): string {
  const place = `${plainTimestamp(next.at)}|${next.revisionId}`;
  return hasSeveral ? `actor|${next.actorId}|${place}` : place;
}

function readContinuation(parameters: Parameters, hasSeveral: boolean): ContributionCursor | undefined {
  const text = parameters.text('uccontinue');
  if (text === undefined) return undefined;
  const parts = text.split('|');
  const [mode, actorId, time = '', revisionId = ''] = hasSeveral ? parts : ['actor', undefined, ...parts];
  const at = /^\d{14}$/.test(time) ? parseTimestamp(time) : undefined;
  const isWhole = parts.length === (hasSeveral ? 4 : 2) && mode === 'actor';
  if (!isWhole || at === undefined || !/^\d{1,18}$/.test(actorId ?? '0') || !/^\d{1,18}$/.test(revisionId)) {
    throw new ApiError(MODULE, 'badcontinue', {
      text: 'Invalid continue param. You should pass the original value returned by the previous query.',
      key: 'apierror-badcontinue',
      params: [],
    });
  }
  return { actorId, at, revisionId };
}

function show(row: Contribution, wanted: ReadonlySet<string>): Readonly<Record<string, unknown>> {
  const part = (property: string, shown: Readonly<Record<string, unknown>>) =>
    wanted.has(property) ? shown : {};
  return {
    ...(row.isTextHidden ? { texthidden: true } : {}),
    userid: Number(row.actorId),
    user: row.user,
    ...part('ids', { pageid: row.pageId, revid: row.revisionId, parentid: row.parentId }),
    ...part('title', { ns: row.ns, title: prefixedTitle(row) }),
    ...part('timestamp', { timestamp: isoTimestamp(row.at) }),
    ...part('flags', { new: row.parentId === 0, minor: false, top: row.isTop }),
    ...part('comment', { comment: '' }),
    ...part('parsedcomment', { parsedcomment: '' }),
    ...part('size', { size: row.length }),
    ...part('sizediff', { sizediff: row.sizediff }),
    ...part('tags', { tags: row.tags }),
    ...(row.isTextHidden && row.isSuppressed ? { suppressed: true } : {}),
  };
}
