/** Instants in this folder are whole seconds since the epoch, as MediaWiki keeps them. */
export type Second = number;

/** Half-open: a revision at exactly `endAt` belongs to the next slice. */
export interface Slice {
  readonly startAt: Second;
  readonly endAt: Second;
}

/** When a course counts edits; both ends inclusive. */
export interface Period {
  readonly startsAt: Second;
  readonly endsAt: Second;
}

/**
 * Cuts a period into slices of `lengthSeconds`, the first of which starts at the period's start; the last is not cut and
 * holds the period's end, so that an end exactly on the rhythm has a slice of its own.
 */
export function cutPeriod(period: Period, lengthSeconds: number): readonly Slice[] {
  refuseBackwards(period);
  return slicesForward(period.startsAt, period.endsAt, lengthSeconds);
}

/** Slices that follow one another from `startAt` up to the one that holds `until`; none when `until` is earlier. */
export function slicesForward(startAt: Second, until: Second, lengthSeconds: number): readonly Slice[] {
  refuseNoLength(lengthSeconds);
  const count = Math.max(0, Math.floor((until - startAt) / lengthSeconds) + 1);
  return Array.from({ length: count }, (_, index) => ({
    startAt: startAt + index * lengthSeconds,
    endAt: startAt + (index + 1) * lengthSeconds,
  }));
}

/** Slices, in order, that end one after the other at `endAt`, from the one that holds `since`; none when `since` is not earlier. */
export function slicesBackward(endAt: Second, since: Second, lengthSeconds: number): readonly Slice[] {
  refuseNoLength(lengthSeconds);
  const count = Math.max(0, Math.ceil((endAt - since) / lengthSeconds));
  const startAt = endAt - count * lengthSeconds;
  return Array.from({ length: count }, (_, index) => ({
    startAt: startAt + index * lengthSeconds,
    endAt: startAt + (index + 1) * lengthSeconds,
  }));
}

export function holds(slice: Slice, instant: Second): boolean {
  return slice.startAt <= instant && instant < slice.endAt;
}

/** True when a revision of that moment counts in the course. */
export function isWithin(period: Period, instant: Second): boolean {
  return period.startsAt <= instant && instant <= period.endsAt;
}

/** True when the slice holds any moment of the period. */
export function touches(slice: Slice, period: Period): boolean {
  return slice.startAt <= period.endsAt && slice.endAt > period.startsAt;
}

/** The slice that holds `instant`. `slices` are in order and do not overlap; their lengths may differ. */
export function findSlice(slices: readonly Slice[], instant: Second): Slice | undefined {
  let [low, high] = [0, slices.length - 1];
  while (low <= high) {
    const middle = (low + high) >> 1;
    const slice = slices[middle];
    if (!slice) return undefined;
    if (holds(slice, instant)) return slice;
    if (instant < slice.startAt) high = middle - 1;
    else low = middle + 1;
  }
  return undefined;
}

export function inOrder(slices: readonly Slice[]): readonly Slice[] {
  return slices.toSorted((left, right) => left.startAt - right.startAt);
}

function refuseBackwards({ startsAt, endsAt }: Period): void {
  if (endsAt < startsAt) throw new RangeError(`the period ends (${endsAt}) before it starts (${startsAt})`);
}

function refuseNoLength(lengthSeconds: number): void {
  if (Number.isSafeInteger(lengthSeconds) && lengthSeconds > 0) return;
  throw new RangeError(`a slice cannot be ${lengthSeconds} seconds long; it lasts one second or more`);
}
