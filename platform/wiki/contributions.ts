import { isObject, listOf, wholeNumber, type JsonObject } from '../../domain/json-object.ts';
import type { Second } from '../../domain/timeslices/slices.ts';
import type { ActionApi } from './action-api.ts';
import { isBadUser, type Continuation } from './api-answer.ts';
import { findRefused, findUnaskable, nameFinder } from './asked-names.ts';
import { pageTitle } from './page-title.ts';

/** Usernames that one request may carry. */
export const NAMES_A_REQUEST = 50;

export interface ContributionsAsked {
  /** 1 to 50. The pages that follow one another must all be asked with the same ones. */
  readonly usernames: readonly string[];
  /** Both ends are inclusive. */
  readonly from: Second;
  readonly to: Second;
  /** Of the page before; none for the first one. */
  readonly continuation?: Continuation | undefined;
  readonly signal?: AbortSignal | undefined;
}

export type ContributionsAnswer =
  | {
      readonly kind: 'page';
      /** By user, then by time; users are not merged. Up to 500, where a user's edits may go on in the next page. */
      readonly contributions: readonly Contribution[];
      /** Undefined: this was the last page. */
      readonly continuation: Continuation | undefined;
    }
  /** One of the names is malformed, and nobody's contributions were told. Undefined: the wiki did not say which name. */
  | { readonly kind: 'bad-user'; readonly username: string | undefined };

export interface Contribution {
  /** As it was asked for; as the wiki writes it, where that is like none of the names asked for. */
  readonly username: string;
  readonly revisionId: number;
  /** 0: the revision made the page, or the wiki does not know; see `isNewPage`. */
  readonly parentId: number;
  readonly pageId: number;
  readonly namespace: number;
  /** With underscores, without the namespace's prefix. */
  readonly title: string;
  readonly at: Second;
  /** Byte change; null where the wiki does not know it. */
  readonly sizeDiff: number | null;
  readonly isNewPage: boolean;
  readonly isTextHidden: boolean;
  readonly tags: readonly string[];
}

/** One request of `list=usercontribs`, or none where a name cannot be asked about. */
export async function listContributions(
  api: ActionApi,
  asked: ContributionsAsked,
): Promise<ContributionsAnswer> {
  const { usernames, continuation } = asked;
  if (usernames.length < 1 || usernames.length > NAMES_A_REQUEST) {
    throw new RangeError(
      `a request asks about 1 to ${NAMES_A_REQUEST} users, not about ${usernames.length}; ask in groups`,
    );
  }
  const unaskable = findUnaskable(usernames);
  if (unaskable !== undefined) return { kind: 'bad-user', username: unaskable };
  const reply = await api.query({
    module: 'list=usercontribs',
    parameters: { ...parametersOf(asked), ...continuation },
    signal: asked.signal,
  });
  if (reply.kind === 'refused') {
    if (!isBadUser(reply.error)) throw reply.failure;
    return { kind: 'bad-user', username: findRefused(reply.error, usernames) };
  }
  const findName = nameFinder(usernames);
  const { usercontribs } = reply.query;
  if (!Array.isArray(usercontribs)) throw reply.malformed('no contributions');
  const contributions = listOf(usercontribs).map((row) => {
    const contribution = isObject(row) ? readContribution(row) : undefined;
    if (contribution === undefined) throw reply.malformed('a contribution that lacks something');
    return { ...contribution, username: findName(contribution.username) ?? contribution.username };
  });
  if (isSame(reply.continuation, continuation)) throw reply.malformed('the continuation that it was sent');
  return { kind: 'page', contributions, continuation: reply.continuation };
}

function parametersOf({ usernames, from, to }: ContributionsAsked): Readonly<Record<string, string>> {
  return {
    list: 'usercontribs',
    ucuser: usernames.join('|'),
    ucstart: isoTime(from),
    ucend: isoTime(to),
    ucdir: 'newer',
    ucprop: 'ids|title|timestamp|size|sizediff|flags|tags',
    uclimit: 'max',
    maxlag: '5',
  };
}

/** Undefined when the row lacks anything that the numbers are made of. */
function readContribution(row: JsonObject): Contribution | undefined {
  const { user, title, timestamp, tags, sizediff } = row;
  const [revisionId, pageId, namespace] = [row['revid'], row['pageid'], row['ns']].map(wholeNumber);
  const milliseconds = typeof timestamp === 'string' ? Date.parse(timestamp) : Number.NaN;
  const names = listOf(tags).filter((tag) => typeof tag === 'string');
  if (
    typeof user !== 'string' ||
    typeof title !== 'string' ||
    revisionId === undefined ||
    pageId === undefined ||
    namespace === undefined ||
    Number.isNaN(milliseconds) ||
    typeof row['new'] !== 'boolean' ||
    !Array.isArray(tags)
  ) {
    return undefined;
  }
  return {
    username: user,
    revisionId,
    // Revisions that were imported long ago have none.
    parentId: wholeNumber(row['parentid']) ?? 0,
    pageId,
    namespace,
    title: pageTitle(namespace, title),
    at: Math.floor(milliseconds / 1000),
    sizeDiff: wholeNumber(sizediff) ?? null,
    isNewPage: row['new'],
    isTextHidden: row['texthidden'] === true,
    tags: names,
  };
}

/** A wiki that sends its caller back to the same place would keep it there for ever. */
function isSame(left: Continuation | undefined, right: Continuation | undefined): boolean {
  if (left === undefined || right === undefined) return false;
  const names = Object.keys(left);
  return names.length === Object.keys(right).length && names.every((name) => left[name] === right[name]);
}

function isoTime(second: Second): string {
  return new Date(second * 1000).toISOString().replace('.000Z', 'Z');
}
