import { isLive, type Revision } from './revisions.ts';
import { findSlice, isWithin, type Period, type Second, type Slice } from './slices.ts';

/** What one user did to one page in one slice. */
export interface Fact extends Slice {
  readonly pageId: number;
  readonly userId: number;
  /** Live revisions. */
  readonly revisionCount: number;
  /** Bytes added by live revisions; a removal counts 0. */
  readonly characterSum: number;
  /** May be negative. */
  readonly referencesCount: number;
  /** Any revision, live or not, created the page. */
  readonly newArticle: boolean;
  /** Of live revisions; null when there is none. */
  readonly firstRevision: Second | null;
  readonly lastRevision: Second | null;
}

export interface Counting {
  /** Of one wiki, in order. */
  readonly slices: readonly Slice[];
  readonly period: Period;
  /** From `systemTags`. */
  readonly system: ReadonlySet<string>;
}

/**
 * Folds revisions of one wiki into facts, in any order of revisions. A revision outside the period, or in no slice, is left out;
 * one that comes twice counts once. There is a fact wherever there is a revision, live or not.
 */
export function foldRevisions(revisions: Iterable<Revision>, counting: Counting): readonly Fact[] {
  const facts = new Map<string, Fact>();
  const seen = new Set<number>();
  for (const revision of revisions) {
    if (seen.has(revision.revisionId)) continue;
    seen.add(revision.revisionId);
    const slice = sliceOf(revision.at, counting);
    if (slice) add(facts, factOf(revision, slice, counting.system));
  }
  return [...facts.values()];
}

/** The slice in which a revision of that moment counts, if it counts. */
export function sliceOf(
  at: Second,
  { slices, period }: Pick<Counting, 'slices' | 'period'>,
): Slice | undefined {
  return isWithin(period, at) ? findSlice(slices, at) : undefined;
}

function factOf(revision: Revision, { startAt, endAt }: Slice, system: ReadonlySet<string>): Fact {
  const live = isLive(revision, system);
  return {
    pageId: revision.pageId,
    userId: revision.userId,
    startAt,
    endAt,
    revisionCount: live ? 1 : 0,
    characterSum: live ? Math.max(revision.sizeDiff ?? 0, 0) : 0,
    referencesCount: live ? revision.referencesAdded : 0,
    newArticle: revision.isNewPage,
    firstRevision: live ? revision.at : null,
    lastRevision: live ? revision.at : null,
  };
}

function add(facts: Map<string, Fact>, fact: Fact): void {
  const key = `${fact.pageId} ${fact.userId} ${fact.startAt}`;
  const known = facts.get(key);
  facts.set(key, known ? sum(known, fact) : fact);
}

function sum(left: Fact, right: Fact): Fact {
  return {
    ...left,
    revisionCount: left.revisionCount + right.revisionCount,
    characterSum: left.characterSum + right.characterSum,
    referencesCount: left.referencesCount + right.referencesCount,
    newArticle: left.newArticle || right.newArticle,
    firstRevision: either(left.firstRevision, right.firstRevision, Math.min),
    lastRevision: either(left.lastRevision, right.lastRevision, Math.max),
  };
}

function either(
  left: Second | null,
  right: Second | null,
  choose: (left: Second, right: Second) => Second,
): Second | null {
  if (left === null) return right;
  return right === null ? left : choose(left, right);
}
