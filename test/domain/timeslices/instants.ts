import fc from 'fast-check';
import type { Period, Second, Slice } from '../../../domain/timeslices/slices.ts';

export const DAY = 86_400;

/** `2026-01-24T05:00:00`, in UTC. */
export function at(iso: string): Second {
  return Date.parse(`${iso}Z`) / 1000;
}

export function text({ startAt, endAt }: Slice): string {
  return [startAt, endAt].map((second) => new Date(second * 1000).toISOString().slice(0, 19)).join(' ');
}

/** Of up to a hundred seconds, near each other, so that they meet, touch and miss. */
export const periods: fc.Arbitrary<Period> = fc
  .tuple(fc.integer({ min: -150, max: 150 }), fc.integer({ min: 0, max: 100 }))
  .map(([startsAt, duration]) => ({ startsAt, endsAt: startsAt + duration }));

export const lengths: fc.Arbitrary<number> = fc.integer({ min: 1, max: 40 });
