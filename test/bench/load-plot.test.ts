import { expect, test } from 'vitest';
import { metricOf } from '../../bench/load/metrics.ts';
import { drawLoad } from '../../bench/load/plot.ts';
import type { Sample } from '../../bench/load/series.ts';

const sample: Sample = {
  at: 0,
  phase: 'waiting',
  worker: 250,
  workerHeap: 80,
  temporal: 230,
  postgres: 90,
  database: 12,
  temporalDatabase: 30,
  pending: 10_000,
  underWay: 0,
  errored: 0,
  complete: 0,
};

/** Every line's points, as [x, y] in the picture. */
function pointsIn(svg: string): readonly (readonly (readonly number[])[])[] {
  return [...svg.matchAll(/points="([^"]*)"/g)].map(([, points = '']) =>
    points.split(' ').map((point) => point.split(',').map(Number)),
  );
}

test('draws each of the ten series through every sample, inside of the picture', () => {
  const svg = drawLoad([sample, { ...sample, at: 60, pending: 0, complete: 10_000 }]);
  const [, , width = 0, height = 0] = /viewBox="([^"]*)"/.exec(svg)?.[1]?.split(' ').map(Number) ?? [];
  const lines = pointsIn(svg);
  expect(lines).toHaveLength(10);
  for (const line of lines) {
    expect(line).toHaveLength(2);
    for (const [x = Number.NaN, y = Number.NaN] of line) {
      expect(x).toBeGreaterThan(0);
      expect(x).toBeLessThan(width);
      expect(y).toBeGreaterThan(0);
      expect(y).toBeLessThan(height);
    }
  }
});

test('draws more higher up', () => {
  const [waiting] = pointsIn(drawLoad([sample, { ...sample, at: 60, pending: 5_000 }]));
  const [[, first = 0] = [], [, second = 0] = []] = waiting ?? [];
  expect(first).toBeLessThan(second);
});

test('leaves out what could not be seen at a moment', () => {
  const lines = pointsIn(drawLoad([sample, { ...sample, at: 60, workerHeap: undefined }]));
  expect(lines.map((line) => line.length)).toEqual([2, 2, 2, 2, 2, 1, 2, 2, 2, 2]);
});

test('adds a metric up over its labels, and takes no other that begins with the same name', () => {
  const text = [
    '# HELP cache_size of workflows',
    'cache_size{task_queue="a"} 3',
    'cache_size{task_queue="b",kind="x y"} 4.5',
    'cache_size_total{task_queue="a"} 100',
  ].join('\n');
  expect(metricOf(text, 'cache_size')).toBe(7.5);
  expect(metricOf(text, 'cache')).toBeUndefined();
});
