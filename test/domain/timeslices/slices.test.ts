import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  cutPeriod,
  findSlice,
  holds,
  isWithin,
  slicesBackward,
  slicesForward,
  type Slice,
} from '../../../domain/timeslices/slices.ts';
import { at, DAY, lengths, periods, text } from './instants.ts';

test('a course that starts at 05:00 has slices from 05:00 to 05:00', () => {
  const slices = cutPeriod({ startsAt: at('2026-01-24T05:00:00'), endsAt: at('2026-01-25T23:59:59') }, DAY);
  expect(slices.map(text)).toEqual([
    '2026-01-24T05:00:00 2026-01-25T05:00:00',
    '2026-01-25T05:00:00 2026-01-26T05:00:00',
  ]);
});

test('an end exactly on the rhythm has a slice of its own', () => {
  const slices = cutPeriod({ startsAt: at('2026-01-24T05:00:00'), endsAt: at('2026-01-30T05:00:00') }, DAY);
  expect(slices).toHaveLength(7);
  expect(slices.at(-1)?.startAt).toBe(at('2026-01-30T05:00:00'));
});

test('an end one second before the rhythm has no slice of its own', () => {
  const slices = cutPeriod({ startsAt: at('2026-01-24T05:00:00'), endsAt: at('2026-01-30T04:59:59') }, DAY);
  expect(slices).toHaveLength(6);
});

test('the last slice passes the end and is not cut', () => {
  const slices = cutPeriod({ startsAt: 0, endsAt: 10 }, 7);
  expect(slices).toEqual([
    { startAt: 0, endAt: 7 },
    { startAt: 7, endAt: 14 },
  ]);
});

test('a course of one second has one slice', () => {
  expect(cutPeriod({ startsAt: 5, endsAt: 5 }, DAY)).toEqual([{ startAt: 5, endAt: 5 + DAY }]);
});

test('a period that ends before it starts, and a slice without length, are refused', () => {
  expect(() => cutPeriod({ startsAt: 5, endsAt: 4 }, DAY)).toThrow(/ends \(4\) before it starts \(5\)/);
  expect(() => cutPeriod({ startsAt: 5, endsAt: 6 }, 0)).toThrow(/0 seconds long/);
  expect(() => cutPeriod({ startsAt: 5, endsAt: 6 }, 0.5)).toThrow(/0.5 seconds long/);
});

test('a moment at exactly the end of a slice is in the next one', () => {
  const slices = cutPeriod({ startsAt: 0, endsAt: 20 }, 10);
  expect(findSlice(slices, 9)?.startAt).toBe(0);
  expect(findSlice(slices, 10)?.startAt).toBe(10);
  expect(findSlice(slices, -1)).toBeUndefined();
  expect(findSlice(slices, 30)).toBeUndefined();
});

test('both ends of a course count, and the seconds beyond them do not', () => {
  const period = { startsAt: 10, endsAt: 20 };
  expect([9, 10, 20, 21].map((second) => isWithin(period, second))).toEqual([false, true, true, false]);
});

test('slices backward end where they were told to and reach the one that holds the start', () => {
  expect(slicesBackward(100, 85, 10)).toEqual([
    { startAt: 80, endAt: 90 },
    { startAt: 90, endAt: 100 },
  ]);
  expect(slicesBackward(100, 90, 10)).toEqual([{ startAt: 90, endAt: 100 }]);
  expect(slicesBackward(100, 100, 10)).toEqual([]);
  expect(slicesForward(100, 99, 10)).toEqual([]);
  expect(slicesForward(100, 100, 10)).toEqual([{ startAt: 100, endAt: 110 }]);
});

test('slices of any period leave no gap, do not overlap, and reach from its start to its end', () => {
  fc.assert(
    fc.property(periods, lengths, (period, length) => {
      const slices = cutPeriod(period, length);
      const [first, last] = [slices[0], slices.at(-1)];
      expect(first?.startAt).toBe(period.startsAt);
      expect(last && holds(last, period.endsAt)).toBe(true);
      expectUnbroken(slices);
      expect(slices.every((slice) => slice.endAt - slice.startAt === length)).toBe(true);
    }),
  );
});

test('every moment of a period is found in the one slice that holds it', () => {
  const cases = periods.chain((period) =>
    fc.tuple(fc.constant(period), lengths, fc.integer({ min: period.startsAt, max: period.endsAt })),
  );
  fc.assert(
    fc.property(cases, ([period, length, moment]) => {
      const slices = cutPeriod(period, length);
      expect([findSlice(slices, moment)]).toEqual(slices.filter((slice) => holds(slice, moment)));
    }),
  );
});

function expectUnbroken(slices: readonly Slice[]): void {
  expect(slices.slice(1).map((slice) => slice.startAt)).toEqual(
    slices.slice(0, -1).map((slice) => slice.endAt),
  );
}
