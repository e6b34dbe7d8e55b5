import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { boundarySlices, planSlices, type SlicePlan } from '../../../domain/timeslices/move-slices.ts';
import { cutPeriod, holds, touches, type Period, type Slice } from '../../../domain/timeslices/slices.ts';
import { lengths, periods } from './instants.ts';

const period: Period = { startsAt: 100, endsAt: 149 };
const slices = cutPeriod(period, 10);
const stored = { slices, madeFor: period, latestCursor: 149 };

describe('dates that move', () => {
  test('a later end adds slices in the rhythm, and the slice of the old end is fetched again', () => {
    expect(planSlices(stored, { startsAt: 100, endsAt: 165 }, 10)).toEqual({
      remove: [],
      add: [unfetched(150, 160), unfetched(160, 170)],
      refetch: [{ startAt: 140, endAt: 150 }],
    });
  });

  test('an end that moves inside the last slice adds nothing', () => {
    const short = {
      slices: cutPeriod({ startsAt: 100, endsAt: 142 }, 10),
      madeFor: { startsAt: 100, endsAt: 142 },
    };
    expect(planSlices({ ...short, latestCursor: 142 }, { startsAt: 100, endsAt: 147 }, 10)).toEqual({
      remove: [],
      add: [],
      refetch: [{ startAt: 140, endAt: 150 }],
    });
  });

  test('an end that moves onto the rhythm has a slice of its own', () => {
    expect(planSlices(stored, { startsAt: 100, endsAt: 150 }, 10).add).toEqual([unfetched(150, 160)]);
  });

  test('an earlier end takes slices away, and the slice of the new end is fetched again', () => {
    expect(planSlices(stored, { startsAt: 100, endsAt: 125 }, 10)).toEqual({
      remove: [
        { startAt: 130, endAt: 140 },
        { startAt: 140, endAt: 150 },
      ],
      add: [],
      refetch: [{ startAt: 120, endAt: 130 }],
    });
  });

  test('an end moved back exactly onto a slice keeps that slice', () => {
    expect(planSlices(stored, { startsAt: 100, endsAt: 130 }, 10).remove).toEqual([
      { startAt: 140, endAt: 150 },
    ]);
  });

  test('an earlier start adds slices backward in the rhythm, behind every cursor', () => {
    expect(planSlices(stored, { startsAt: 85, endsAt: 149 }, 10)).toEqual({
      remove: [],
      add: [
        { startAt: 80, endAt: 90, needsFetch: true },
        { startAt: 90, endAt: 100, needsFetch: true },
      ],
      refetch: [{ startAt: 100, endAt: 110 }],
    });
  });

  test('a later start takes slices away and keeps the one that holds it whole', () => {
    expect(planSlices(stored, { startsAt: 125, endsAt: 149 }, 10)).toEqual({
      remove: [
        { startAt: 100, endAt: 110 },
        { startAt: 110, endAt: 120 },
      ],
      add: [],
      refetch: [{ startAt: 120, endAt: 130 }],
    });
  });

  test('a start moved exactly onto the end of a slice takes that slice away', () => {
    expect(planSlices(stored, { startsAt: 110, endsAt: 149 }, 10).remove).toEqual([
      { startAt: 100, endAt: 110 },
    ]);
  });

  test('a period without overlap is cut anew from its own start', () => {
    expect(planSlices(stored, { startsAt: 203, endsAt: 214 }, 10)).toEqual({
      remove: slices,
      add: [unfetched(203, 213), unfetched(213, 223)],
      refetch: [],
    });
  });

  test('a period that ends a second before the first slice does not overlap', () => {
    expect(planSlices(stored, { startsAt: 97, endsAt: 99 }, 10)).toEqual({
      remove: slices,
      add: [{ startAt: 97, endAt: 107, needsFetch: true }],
      refetch: [],
    });
  });

  test('a new length is for new slices only', () => {
    expect(planSlices(stored, { startsAt: 100, endsAt: 155 }, 7)).toMatchObject({
      remove: [],
      add: [unfetched(150, 157)],
    });
  });

  test('the slice that holds the furthest cursor needs no fetching, and the one before it does', () => {
    const ended = { ...stored, latestCursor: 155 };
    expect(planSlices(ended, { startsAt: 100, endsAt: 169 }, 5).add.map((slice) => slice.needsFetch)).toEqual(
      [true, false, false, false],
    );
  });

  test('nothing needs fetching where nobody was fetched yet', () => {
    const fresh = { slices: [], madeFor: null, latestCursor: null };
    const plan = planSlices(fresh, period, 10);
    expect(plan.add.map(plain)).toEqual(slices);
    expect(plan.add.some((slice) => slice.needsFetch)).toBe(false);
  });

  test('slices of an unknown period are all fetched again', () => {
    expect(planSlices({ ...stored, madeFor: null }, period, 10)).toEqual({
      remove: [],
      add: [],
      refetch: slices,
    });
  });

  test('only boundaries that moved are looked at', () => {
    expect(boundarySlices(slices, period, { startsAt: 100, endsAt: 135 })).toEqual([
      { startAt: 130, endAt: 140 },
      { startAt: 140, endAt: 150 },
    ]);
    expect(boundarySlices(slices, period, period)).toEqual([]);
  });
});

describe('any move', () => {
  test('leaves slices without gap or overlap that cover the period and hold nothing but its moments', () => {
    fc.assert(
      fc.property(fc.array(periods, { minLength: 1, maxLength: 6 }), lengths, (moves, length) => {
        let current: readonly Slice[] = [];
        let madeFor: Period | null = null;
        for (const target of moves) {
          const plan = planSlices({ slices: current, madeFor, latestCursor: null }, target, length);
          current = applied(current, plan);
          madeFor = target;
          expect(current[0] && holds(current[0], target.startsAt)).toBe(true);
          const last = current.at(-1);
          expect(last && holds(last, target.endsAt)).toBe(true);
          expect(current.every((slice) => touches(slice, target))).toBe(true);
          expect(current.slice(1).map((slice) => slice.startAt)).toEqual(
            current.slice(0, -1).map((slice) => slice.endAt),
          );
        }
      }),
    );
  });

  test('is planned once: the plan of what was done is empty', () => {
    fc.assert(
      fc.property(periods, periods, lengths, (before, after, length) => {
        const moved = applied(cutPeriod(before, length), planFrom(before, after, length));
        const again = planSlices({ slices: moved, madeFor: after, latestCursor: null }, after, length);
        expect(again).toEqual({ remove: [], add: [], refetch: [] });
      }),
    );
  });

  test('there and back gives the same slices, as long as one of them stays', () => {
    fc.assert(
      fc.property(periods, periods, lengths, (before, after, length) => {
        const start = cutPeriod(before, length);
        fc.pre(start.some((slice) => touches(slice, after)));
        const there = applied(start, planFrom(before, after, length));
        fc.pre(there.some((slice) => touches(slice, before)));
        const back = planSlices({ slices: there, madeFor: after, latestCursor: null }, before, length);
        expect(applied(there, back)).toEqual(start);
      }),
    );
  });

  test('fetches again every kept slice of which another part counts now', () => {
    fc.assert(
      fc.property(periods, periods, lengths, (before, after, length) => {
        const plan = planFrom(before, after, length);
        const kept = cutPeriod(before, length).filter((slice) => touches(slice, after));
        const changed = kept.filter((slice) => !alike(part(slice, before), part(slice, after)));
        expect(plan.refetch).toEqual(expect.arrayContaining(changed.map(plain)));
      }),
    );
  });
});

function planFrom(before: Period, after: Period, length: number): SlicePlan {
  return planSlices(
    { slices: cutPeriod(before, length), madeFor: before, latestCursor: null },
    after,
    length,
  );
}

function applied(current: readonly Slice[], plan: SlicePlan): readonly Slice[] {
  const removed = new Set(plan.remove.map((slice) => slice.startAt));
  return [...current.filter((slice) => !removed.has(slice.startAt)), ...plan.add.map(plain)].toSorted(
    (left, right) => left.startAt - right.startAt,
  );
}

function plain({ startAt, endAt }: Slice): Slice {
  return { startAt, endAt };
}

function unfetched(startAt: number, endAt: number): Slice & { readonly needsFetch: boolean } {
  return { startAt, endAt, needsFetch: false };
}

/** The seconds of a slice that count, first and last. */
function part(slice: Slice, { startsAt, endsAt }: Period): readonly [number, number] {
  return [Math.max(slice.startAt, startsAt), Math.min(slice.endAt - 1, endsAt)];
}

function alike(left: readonly [number, number], right: readonly [number, number]): boolean {
  return left[0] === right[0] && left[1] === right[1];
}
