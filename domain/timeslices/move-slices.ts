import {
  cutPeriod,
  findSlice,
  inOrder,
  slicesBackward,
  slicesForward,
  touches,
  type Period,
  type Second,
  type Slice,
} from './slices.ts';

export interface StoredSlices {
  /** In any order; their lengths may differ. */
  readonly slices: readonly Slice[];
  /** The period that they were made for and their facts counted in; null when none was ever made. */
  readonly madeFor: Period | null;
  /** Of the student who was fetched furthest; null when nobody was fetched yet. */
  readonly latestCursor: Second | null;
}

export interface PlannedSlice extends Slice {
  /** Ingest, which goes on from the slice that holds a student's cursor, would not reach it. */
  readonly needsFetch: boolean;
}

export interface SlicePlan {
  /** To be deleted with their facts: they hold no moment of the period. */
  readonly remove: readonly Slice[];
  readonly add: readonly PlannedSlice[];
  /** Slices that stay and are to be fetched again: another part of them counts now. */
  readonly refetch: readonly Slice[];
}

/**
 * Plans how the stored slices of a wiki become those of `period`. The stored rhythm goes on, backward from the first slice that
 * stays and forward from the last; where none stays, the period is cut anew from its own start. Slices that stay
 * are never cut or moved, whatever `lengthSeconds` is now. A plan for slices that are right already is empty.
 */
export function planSlices(stored: StoredSlices, period: Period, lengthSeconds: number): SlicePlan {
  const kept = inOrder(stored.slices.filter((slice) => touches(slice, period)));
  const remove = inOrder(stored.slices.filter((slice) => !touches(slice, period)));
  const [first, last] = [kept[0], kept.at(-1)];
  const added =
    first && last
      ? [
          ...slicesBackward(first.startAt, period.startsAt, lengthSeconds),
          ...slicesForward(last.endAt, period.endsAt, lengthSeconds),
        ]
      : cutPeriod(period, lengthSeconds);
  return {
    remove,
    add: added.map((slice) => ({ ...slice, needsFetch: isBehind(slice, stored.latestCursor) })),
    refetch: stored.madeFor ? boundarySlices(kept, stored.madeFor, period) : kept,
  };
}

/** Those of `slices`, in order, that hold the old or the new place of a boundary which moved. */
export function boundarySlices(slices: readonly Slice[], before: Period, after: Period): readonly Slice[] {
  const moved = [
    ...(before.startsAt === after.startsAt ? [] : [before.startsAt, after.startsAt]),
    ...(before.endsAt === after.endsAt ? [] : [before.endsAt, after.endsAt]),
  ];
  const touched = moved.flatMap((boundary) => findSlice(slices, boundary) ?? []);
  return inOrder([...new Set(touched)]);
}

function isBehind(slice: Slice, cursor: Second | null): boolean {
  return cursor !== null && slice.endAt <= cursor;
}
