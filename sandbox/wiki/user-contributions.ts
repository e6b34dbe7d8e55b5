import type { Pool } from 'pg';
import { ApiError } from './api-error.ts';
import { listContributions, type Contribution, type ContributionCursor } from './contribution-store.ts';
import { pageNamespaceIds } from './namespaces.ts';
import type { Parameters } from './parameters.ts';
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
    throw new ApiError(
      MODULE,
      'missingparam',
      'One of the parameters "ucuserprefix", "ucuserids", "uciprange" and "ucuser" is required.',
    );
  }
  if (typed.length === 0) {
    throw new ApiError(MODULE, 'paramempty_ucuser', 'The parameter "ucuser" may not be empty.');
  }
  const names = typed.map((name) => {
    const canonical = canonicalUsername(name);
    if (canonical !== undefined) return canonical;
    throw new ApiError(MODULE, 'baduser', `Invalid value "${name}" for user parameter "ucuser".`);
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
    throw new ApiError(
      MODULE,
      'show',
      'Incorrect parameter - mutually exclusive values may not be supplied.',
    );
  }
  if (wanted.has('patrolled') || [...show].some((filter) => filter.endsWith('patrolled'))) {
    throw new ApiError(
      MODULE,
      'permissiondenied',
      'You need the "patrol" or "patrolmarks" right to request the patrolled flag.',
    );
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
    throw new ApiError(
      MODULE,
      'badcontinue',
      'Invalid continue param. You should pass the original value returned by the previous query.',
    );
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
