import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseDuration } from '../../config/duration.ts';

it.each([
  [90, 90_000],
  [0, 0],
  [0.5, 500],
  ['90', 90_000],
  ['1.5', 1500],
  ['500ms', 500],
  ['10m', 600_000],
  ['1h30m', 5_400_000],
  ['1h 30m', 5_400_000],
  ['2d', 172_800_000],
  ['1d2h3m4s5ms', 93_784_005],
  [' 1.5h ', 5_400_000],
])('reads %j as %d ms', (duration, ms) => {
  expect(parseDuration(duration)).toBe(ms);
});

it.each([
  '',
  ' ',
  '-1',
  '1x',
  '30m1h',
  '1h1h',
  'm',
  '1 2',
  '1e3',
  'ten',
  '1.m',
  Number.NaN,
  -1,
  Number.POSITIVE_INFINITY,
])('refuses %j', (duration) => {
  expect(parseDuration(duration)).toBeUndefined();
});

it('adds its units up', () => {
  fc.assert(
    fc.property(fc.nat(1000), fc.nat(1000), fc.nat(1000), (hours, seconds, ms) => {
      expect(parseDuration(`${hours}h${seconds}s${ms}ms`)).toBe(hours * 3_600_000 + seconds * 1000 + ms);
    }),
  );
});
