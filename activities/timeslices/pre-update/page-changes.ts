import { hasReferences } from '../../../domain/timeslices/revisions.ts';
import type { PageState } from '../../../platform/wiki/client.ts';

/** A row of `articles`; a page may have several, of which one at most is not deleted. */
export interface StoredPage {
  readonly articleId: number;
  readonly wikiId: number;
  readonly pageId: number;
  readonly namespace: number;
  readonly title: string;
  readonly deleted: boolean;
  readonly checkedAt: Date | null;
}

export interface PageChanges {
  /** Rows that become others. */
  readonly changed: readonly StoredPage[];
  /** Articles whose facts are not what the wiki would tell now. */
  readonly refetch: readonly number[];
  /** Articles of a page for which another one stands now: their facts are to be fetched again, as facts of that one. */
  readonly superseded: readonly number[];
}

export const noChanges: PageChanges = { changed: [], refetch: [], superseded: [] };

/**
 * What the state of a page means for its rows, of which there is one or more. A page that is missing has no live row; one that is
 * there has one: the live row there is, or else the newest of the deleted ones. Facts of a page that came back are fetched
 * again, because nothing was fetched of it meanwhile; and those of one that moved in or out of the namespaces where
 * references are counted.
 */
export function changesOf(rows: readonly StoredPage[], state: PageState): PageChanges {
  if (state.kind === 'missing') {
    const gone = rows.filter(({ deleted }) => !deleted);
    return { ...noChanges, changed: gone.map((row) => ({ ...row, deleted: true })) };
  }
  const [newest] = rows.toSorted((left, right) => right.articleId - left.articleId);
  const current = rows.find(({ deleted }) => !deleted) ?? newest;
  if (!current) return noChanges;
  const { namespace, title } = state;
  const isOther = current.deleted || current.namespace !== namespace || current.title !== title;
  const isRefetched = current.deleted || hasReferences(current.namespace) !== hasReferences(namespace);
  return {
    changed: isOther ? [{ ...current, namespace, title, deleted: false }] : [],
    refetch: isRefetched ? [current.articleId] : [],
    superseded: rows.filter((row) => row !== current).map(({ articleId }) => articleId),
  };
}
