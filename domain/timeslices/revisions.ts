import type { Second } from './slices.ts';

/** One edit as a wiki tells of it, with the references that it added. */
export interface Revision {
  readonly revisionId: number;
  readonly pageId: number;
  readonly userId: number;
  readonly at: Second;
  /** Byte change; null where the wiki does not know it. */
  readonly sizeDiff: number | null;
  readonly isNewPage: boolean;
  readonly isTextHidden: boolean;
  readonly tags: readonly string[];
  /** May be negative. */
  readonly referencesAdded: number;
}

/** Namespaces whose revisions the reference counter is asked about: articles, user space, drafts. */
const referenceNamespaces: ReadonlySet<number> = new Set([0, 2, 118]);

export function hasReferences(namespace: number): boolean {
  return referenceNamespaces.has(namespace);
}

/** The change tags of edits that a system made in a student's name: `OAuth CID: n`. */
export function systemTags(oauthIds: readonly number[]): ReadonlySet<string> {
  return new Set(oauthIds.map((id) => `OAuth CID: ${id}`));
}

/** True when the revision counts: its text is shown and a person made it. */
export function isLive(
  revision: Pick<Revision, 'isTextHidden' | 'tags'>,
  system: ReadonlySet<string>,
): boolean {
  return !revision.isTextHidden && !revision.tags.some((tag) => system.has(tag));
}

/** The references of a revision less its parent's; those of a new page's first revision. An unknown count of either adds 0. */
export function referencesAdded(counts: {
  readonly isNewPage: boolean;
  readonly own: number | null;
  readonly parent: number | null;
}): number {
  if (counts.own === null) return 0;
  if (counts.isNewPage) return counts.own;
  return counts.parent === null ? 0 : counts.own - counts.parent;
}
