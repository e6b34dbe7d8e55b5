import type { Database } from '../../db/database.ts';
import { hasReferences, isLive, referencesAdded, type Revision } from '../../domain/timeslices/revisions.ts';
import { groupsOf } from '../../domain/timeslices/request-groups.ts';
import type { Contribution } from '../../platform/wiki/client.ts';
import { REVISIONS_A_REQUEST, type ReferenceCounter } from '../../platform/wiki/reference-counter.ts';
import type { CourseWiki } from './course-store.ts';
import { findReferences, keepReferences } from './fetch-store.ts';

/** Projects whose pages are no texts: the counter does not know them. */
const uncounted: ReadonlySet<string> = new Set(['wikidata']);

export interface ReferenceCounting {
  readonly database: Database;
  readonly counter: ReferenceCounter | undefined;
  readonly wiki: CourseWiki;
  readonly systemTags: ReadonlySet<string>;
  readonly signal: AbortSignal;
}

/**
 * The references that each contribution added, by revision id; 0 where they are not counted. The counter is asked once in the
 * life of a revision, 50 at a time, and never about one that does not count. Throws `ServiceFailure` when it fails.
 */
export async function countReferences(
  contributions: readonly Contribution[],
  counting: ReferenceCounting,
): Promise<ReadonlyMap<number, number>> {
  const { counter, systemTags, wiki } = counting;
  if (counter === undefined || uncounted.has(wiki.project)) return new Map();
  const counted = contributions.filter(
    (contribution) => hasReferences(contribution.namespace) && isLive(contribution, systemTags),
  );
  const wanted = new Set(
    counted.flatMap(({ revisionId, parentId, isNewPage }) =>
      isNewPage ? [revisionId] : [revisionId, parentId],
    ),
  );
  const known = await countsOf([...wanted], counting, counter);
  return new Map(
    counted.map(({ revisionId, parentId, isNewPage }) => [
      revisionId,
      referencesAdded({
        isNewPage,
        own: known.get(revisionId) ?? null,
        parent: known.get(parentId) ?? null,
      }),
    ]),
  );
}

async function countsOf(
  revisionIds: readonly number[],
  { database, wiki, signal }: ReferenceCounting,
  counter: ReferenceCounter,
): Promise<ReadonlyMap<number, number>> {
  const known = new Map(await findReferences(database, wiki.wikiId, revisionIds));
  const unknown = revisionIds.filter((id) => !known.has(id));
  for (const group of groupsOf(unknown, REVISIONS_A_REQUEST)) {
    const { project, language } = wiki;
    const answer = await counter.count({ project, language, revisionIds: group, signal });
    const found = new Map([...answer].flatMap(([id, count]) => (count === null ? [] : [[id, count]])));
    await keepReferences(database, wiki.wikiId, found);
    for (const [id, count] of found) known.set(id, count);
  }
  return known;
}

/** A contribution as the formulas want it. */
export function revisionOf(
  contribution: Contribution,
  userId: number,
  referencesOf: ReadonlyMap<number, number>,
): Revision {
  const { revisionId, pageId, at, sizeDiff, isNewPage, isTextHidden, tags } = contribution;
  return {
    revisionId,
    pageId,
    userId,
    at,
    sizeDiff,
    isNewPage,
    isTextHidden,
    tags,
    referencesAdded: referencesOf.get(revisionId) ?? 0,
  };
}
