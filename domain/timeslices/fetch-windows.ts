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

/** A slice with the revisions that are known of it. */
export interface CountedSlice extends Slice {
  readonly revisions: number;
}

/**
 * Joins windows that follow one another where one request for both, and for what lies between, is no more than the requests
 * for each. `requests` says how many a window of so many revisions takes; `slices` are all of the wiki, in order.
 */
export function joinWindows(
  windows: readonly SliceWindow[],
  {
    slices,
    requests,
  }: { readonly slices: readonly CountedSlice[]; readonly requests: (revisions: number) => number },
): readonly SliceWindow[] {
  const cost = (window: SliceWindow): number =>
    requests(slicesOf(window, slices).reduce((sum, { revisions }) => sum + revisions, 0));
  const joined: SliceWindow[] = [];
  for (const window of windows) {
    const before = joined.at(-1);
    const both = before && join(before, window, slices);
    if (before && both && cost(both) <= cost(before) + cost(window)) joined[joined.length - 1] = both;
    else joined.push(window);
  }
  return joined;
}

function join(first: SliceWindow, second: SliceWindow, slices: readonly Slice[]): SliceWindow {
  const window = { from: first.from, to: second.to };
  return { ...window, slices: slicesOf(window, slices).map(({ startAt, endAt }) => ({ startAt, endAt })) };
}

function slicesOf<One extends Slice>({ from, to }: FetchWindow, slices: readonly One[]): readonly One[] {
  return slices.filter((slice) => slice.startAt <= to && slice.endAt > from);
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

function windowOf(slices: readonly Slice[], { period, now }: Reach): SliceWindow | undefined {
  const [first, last] = [slices[0], slices.at(-1)];
  if (!first || !last) return undefined;
  const from = Math.max(first.startAt, period.startsAt);
  const to = Math.min(last.endAt - 1, period.endsAt, now);
  return from <= to ? { from, to, slices: slices.filter((slice) => slice.startAt <= to) } : undefined;
}
