import fc from 'fast-check';
import { expect, test } from 'vitest';
import { joinWindows, newsWindow, windowsOf } from '../../../domain/timeslices/fetch-windows.ts';
import { groupsOf, groupStudents } from '../../../domain/timeslices/request-groups.ts';
import { cutPeriod, type Slice } from '../../../domain/timeslices/slices.ts';
import { lengths, periods } from './instants.ts';

const period = { startsAt: 103, endsAt: 145 };
const slices = cutPeriod({ startsAt: 100, endsAt: 145 }, 10);
const reach = { period, now: 10_000 };

test('a window ends a second before the next slice', () => {
  expect(bounds(windowsOf(pick(1), reach))).toEqual([[110, 119]]);
});

test('neighbouring slices share a window, and a slice apart has its own', () => {
  expect(bounds(windowsOf(pick(3, 1, 2), reach))).toEqual([[110, 139]]);
  expect(bounds(windowsOf(pick(1, 3), reach))).toEqual([
    [110, 119],
    [130, 139],
  ]);
});

test('windows of slices that reach beyond the course stay inside it', () => {
  expect(bounds(windowsOf(pick(0, 4), reach))).toEqual([
    [103, 109],
    [140, 145],
  ]);
});

test('nothing is asked of the future', () => {
  expect(windowsOf(pick(1, 2, 3), { period, now: 125 })).toEqual([
    { from: 110, to: 125, slices: pick(1, 2) },
  ]);
  expect(windowsOf(pick(3), { period, now: 125 })).toEqual([]);
});

test('news of a student who was never fetched begin with the course', () => {
  expect(newsWindow(slices, null, reach)).toEqual({ from: 103, to: 145, slices });
});

test('news begin with the slice that holds the cursor, which is replaced whole', () => {
  expect(newsWindow(slices, 125, { period, now: 133 })).toEqual({ from: 120, to: 133, slices: pick(2, 3) });
  expect(newsWindow(slices, 130, { period, now: 133 })).toEqual({ from: 130, to: 133, slices: pick(3) });
});

test('a cursor outside the course, after its dates moved, is taken for the nearest end', () => {
  expect(newsWindow(slices, 50, reach)?.from).toBe(103);
  expect(newsWindow(slices, 900, reach)).toEqual({ from: 140, to: 145, slices: pick(4) });
});

test('a course that has not begun has no news', () => {
  expect(newsWindow(slices, null, { period, now: 102 })).toBeUndefined();
  expect(newsWindow(slices, null, { period, now: 103 })).toEqual({ from: 103, to: 103, slices: pick(0) });
});

test('windows are joined where one request for both takes no more than one for each', () => {
  const windows = windowsOf(pick(0, 2, 4), reach);
  const known = (...revisions: readonly number[]) =>
    slices.map((slice, index) => ({ ...slice, revisions: revisions[index] ?? 0 }));
  const requests = (revisions: number): number => Math.max(1, Math.ceil(revisions / 500));
  expect(bounds(joinWindows(windows, { slices: known(1, 100, 1, 100, 1), requests }))).toEqual([[103, 145]]);
  expect(bounds(joinWindows(windows, { slices: known(1, 2000, 1, 100, 1), requests }))).toEqual([
    [103, 109],
    [120, 145],
  ]);
  expect(bounds(joinWindows(windows, { slices: known(500, 501, 500, 0, 0), requests }))).toEqual([
    [103, 109],
    [120, 145],
  ]);
  expect(joinWindows(windows, { slices: known(1, 1, 1, 9000, 1), requests })[0]?.slices).toEqual(
    pick(0, 1, 2),
  );
});

test('students whose cursors are in the same slice share requests, fifty at a time', () => {
  const students = Array.from({ length: 120 }, (_, index) => ({
    userId: index + 1,
    ingestedUntil: index < 51 ? 120 + (index % 10) : null,
  }));
  const groups = groupStudents(students, { slices, reach, size: 50 });
  expect(groups.map((group) => [group.window.from, group.userIds.length])).toEqual([
    [120, 50],
    [120, 1],
    [103, 50],
    [103, 19],
  ]);
  expect(groups.flatMap((group) => group.userIds)).toEqual(students.map((student) => student.userId));
});

test('nobody is asked about in a course that has not begun', () => {
  const students = [{ userId: 1, ingestedUntil: null }];
  expect(groupStudents(students, { slices, reach: { period, now: 1 }, size: 50 })).toEqual([]);
});

test('groups hold fifty, and the last one what is left', () => {
  const sizes = [0, 1, 50, 51, 120].map((count) =>
    groupsOf(Array.from({ length: count }), 50).map((group) => group.length),
  );
  expect(sizes).toEqual([[], [1], [50], [50, 1], [50, 50, 20]]);
  expect(() => groupsOf([1], 0)).toThrow(/group of 0/);
});

test('windows of any slices ask for every second of theirs that counts, once, and for no other', () => {
  const cases = fc.tuple(
    periods,
    lengths,
    fc.infiniteStream(fc.boolean()),
    fc.integer({ min: -200, max: 300 }),
  );
  fc.assert(
    fc.property(cases, ([any, length, choice, now]) => {
      const chosen = cutPeriod(any, length).filter(() => choice.next().value);
      const windows = windowsOf(chosen, { period: any, now });
      const asked = windows.flatMap((window) => seconds(window.from, window.to));
      const counting = chosen
        .flatMap((slice) => seconds(slice.startAt, slice.endAt - 1))
        .filter((second) => second <= any.endsAt && second <= now);
      expect(asked).toEqual(counting);
      expect(windows.slice(1).every((window, index) => window.from > (windows[index]?.to ?? 0) + 1)).toBe(
        true,
      );
    }),
  );
});

function pick(...indexes: readonly number[]): readonly Slice[] {
  return indexes.flatMap((index) => slices[index] ?? []);
}

function bounds(
  windows: readonly { readonly from: number; readonly to: number }[],
): readonly (readonly number[])[] {
  return windows.map(({ from, to }) => [from, to]);
}

function seconds(from: number, to: number): readonly number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);
}
