import { describe, expect, it } from 'vitest';
import {
  addRefused,
  archivedBefore,
  archiveFileKey,
  queryableTime,
} from '../../../domain/retirement/archive.ts';

describe('the key of an archive file', () => {
  it('has year, month, day, time and batch, in UTC, so that keys sort by time', () => {
    expect(archiveFileKey(new Date('2026-11-02T09:05:07.890Z'), 12)).toBe(
      'raw/2026/11/retirement_archive_2026_11_02_09_05_07_12.json.gz',
    );
    const [earlier, later] = ['2026-02-03T23:59:59Z', '2026-03-02T00:00:00Z'].map((at) =>
      archiveFileKey(new Date(at), 1),
    );
    expect((earlier ?? '') < (later ?? '')).toBe(true);
  });

  it('is another one for another batch of the same second', () => {
    const at = new Date();
    expect(archiveFileKey(at, 1)).not.toBe(archiveFileKey(at, 2));
  });
});

describe('a time for Athena', () => {
  it.each([
    ['2018-10-18T20:35:52.349757Z', '2018-10-18 20:35:52.349757'],
    ['2018-10-18T20:35:52Z', '2018-10-18 20:35:52'],
    ['2018-10-18T20:35:52.349757+02:00', '2018-10-18 20:35:52.349757+02:00'],
  ])('of %s is %s', (time, expected) => {
    expect(queryableTime(time)).toBe(expected);
  });
});

describe('the waiting time', () => {
  it('may be a fraction of a day, and no time at all', () => {
    const now = new Date('2026-11-22T12:00:00Z');
    expect(archivedBefore(now, 37.5)).toEqual(new Date('2026-10-16T00:00:00Z'));
    expect(archivedBefore(now, 0)).toEqual(now);
  });
});

describe('a tally of the refused', () => {
  it('counts all of them and names the first 200', () => {
    const refused = Array.from({ length: 150 }, (_, userId) => ({ userId, because: 'the LMS has ERRORED' }));
    const once = addRefused({ refused: [], refusedCount: 0 }, refused);
    expect(once).toEqual({ refused, refusedCount: 150 });
    const later = refused.map(({ userId, because }) => ({ userId: userId + 1_000, because }));
    const twice = addRefused(once, later);
    expect(twice.refusedCount).toBe(300);
    expect(twice.refused).toEqual([...refused, ...later.slice(0, 50)]);
  });
});
