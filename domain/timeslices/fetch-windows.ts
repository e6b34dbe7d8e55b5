import { findSlice, inOrder, type Period, type Second, type Slice } from './slices.ts';

/** What a request to a wiki asks for: both bounds inclusive, as the API has them. */
export interface FetchWindow {
  readonly from: Second;
  readonly to: Second;
}

export interface SliceWindow extends FetchWindow {
  /** The slices whose facts it replaces, in order. */
  readonly slices: readonly Slice[];
}

/** Until when there is anything to fetch: the course's end, or now. */
export interface Reach {
  readonly period: Period;
  readonly now: Second;
}

/**
 * The windows that fetch the given slices again: neighbours share one, which ends a second before the next slice and never
 * reaches out of the period or past now. Slices without a moment to fetch have no window.
 */
export function windowsOf(slices: readonly Slice[], reach: Reach): readonly SliceWindow[] {
  const runs: Slice[][] = [];
  for (const slice of inOrder(slices)) {
    const run = runs.at(-1);
    if (run?.at(-1)?.endAt === slice.startAt) run.push(slice);
    else runs.push([slice]);
  }
  return runs.flatMap((run) => windowOf(run, reach) ?? []);
}

/**
 * The window of what is new to a student: from the start of the slice that holds the cursor (of the first one, without a
 * cursor), so that this slice's facts are replaced whole, to the course's end or now. `slices` are all of a wiki, in order.
 * Undefined where nothing can have happened: the course has not begun.
 */
export function newsWindow(
  slices: readonly Slice[],
  cursor: Second | null,
  reach: Reach,
): SliceWindow | undefined {
  const since = Math.min(
    Math.max(cursor ?? reach.period.startsAt, reach.period.startsAt),
    reach.period.endsAt,
  );
  const first = findSlice(slices, since);
  if (!first) return undefined;
  const to = Math.min(reach.period.endsAt, reach.now);
  return windowOf(
    slices.filter((slice) => slice.startAt >= first.startAt && slice.startAt <= to),
    reach,
  );
}

/** Two halves of a window that holds too much, or undefined when it is a single second. */
export function halve({ from, to }: FetchWindow): readonly [FetchWindow, FetchWindow] | undefined {
  if (from >= to) return undefined;
  const middle = Math.floor((from + to) / 2);
  return [
    { from, to: middle },
    { from: middle + 1, to },
  ];
}

function windowOf(slices: readonly Slice[], { period, now }: Reach): SliceWindow | undefined {
  const [first, last] = [slices[0], slices.at(-1)];
  if (!first || !last) return undefined;
  const from = Math.max(first.startAt, period.startsAt);
  const to = Math.min(last.endAt - 1, period.endsAt, now);
  return from <= to ? { from, to, slices: slices.filter((slice) => slice.startAt <= to) } : undefined;
}
