import type { Sample } from './series.ts';

interface Line {
  readonly name: string;
  readonly color: string;
  readonly value: (sample: Sample) => number | undefined;
}

interface Panel {
  readonly title: string;
  readonly lines: readonly Line[];
  /** A bound that is to be kept. */
  readonly bound?: { readonly value: number; readonly name: string };
}

const panels: readonly Panel[] = [
  {
    title: 'Learners',
    lines: [
      { name: 'waiting (PENDING)', color: '#1f6feb', value: ({ pending }) => pending },
      { name: 'under way', color: '#bf8700', value: ({ underWay }) => underWay },
      { name: 'ERRORED', color: '#cf222e', value: ({ errored }) => errored },
      { name: 'COMPLETE', color: '#1a7f37', value: ({ complete }) => complete },
    ],
  },
  {
    title: 'Memory, MiB',
    lines: [
      { name: 'worker', color: '#1f6feb', value: ({ worker }) => worker },
      { name: 'its heap', color: '#8250df', value: ({ workerHeap }) => workerHeap },
      { name: 'Temporal server', color: '#bf8700', value: ({ temporal }) => temporal },
      { name: 'PostgreSQL', color: '#1a7f37', value: ({ postgres }) => postgres },
    ],
    bound: { value: 512, name: '512 MiB, the worker’s bound' },
  },
  {
    title: 'On disk, MiB',
    lines: [
      { name: 'Temporal’s database', color: '#bf8700', value: ({ temporalDatabase }) => temporalDatabase },
      { name: 'Registrar’s database', color: '#1a7f37', value: ({ database }) => database },
    ],
  },
];

const WIDTH = 960;
const LEFT = 70;
const RIGHT = 20;
const PANEL_HEIGHT = 240;
const TOP = 44;
const BOTTOM = 30;
const GRAY = '#57606a';

/** Draws the series as an SVG document: learners, memory and sizes, one above the other over the same minutes. */
export function drawLoad(samples: readonly Sample[]): string {
  const height = panels.length * PANEL_HEIGHT + 24;
  const lastAt = samples.at(-1)?.at ?? 1;
  const drawn = panels.map((panel, index) =>
    drawPanel(panel, { samples, lastAt, top: index * PANEL_HEIGHT }),
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    ...drawn,
    `<text x="${WIDTH / 2}" y="${height - 8}" text-anchor="middle" fill="${GRAY}">minutes</text>`,
    '</svg>\n',
  ].join('\n');
}

interface Place {
  readonly samples: readonly Sample[];
  readonly lastAt: number;
  readonly top: number;
}

function drawPanel({ title, lines, bound }: Panel, { samples, lastAt, top }: Place): string {
  const highest = Math.max(
    ...samples.flatMap((sample) => lines.map(({ value }) => value(sample) ?? 0)),
    bound?.value ?? 0,
  );
  const [ticks, most] = ticksTo(highest);
  const x = (at: number): number => LEFT + (at / lastAt) * (WIDTH - LEFT - RIGHT);
  const y = (value: number): number => top + TOP + (1 - value / most) * (PANEL_HEIGHT - TOP - BOTTOM);
  const [minutes] = ticksTo(lastAt / 60);
  return [
    `<text x="${LEFT}" y="${top + 18}" font-size="14" font-weight="bold">${title}</text>`,
    ...ticks.map((tick) => horizontal({ y: y(tick), label: tick.toLocaleString('en'), color: '#d0d7de' })),
    ...(bound === undefined ? [] : [dashed({ y: y(bound.value), label: bound.name })]),
    ...minutes
      .filter((minute) => minute * 60 <= lastAt)
      .map((minute) => label({ x: x(minute * 60), y: y(0) + 16, text: String(minute) })),
    ...lines.map(
      ({ color, value }) =>
        `<polyline fill="none" stroke="${color}" stroke-width="1.5" points="${pointsOf(samples, (sample) => {
          const known = value(sample);
          return known === undefined ? undefined : [x(sample.at), y(known)];
        })}"/>`,
    ),
    ...legend(lines, top + 36),
  ].join('\n');
}

function pointsOf(
  samples: readonly Sample[],
  place: (sample: Sample) => readonly [number, number] | undefined,
): string {
  return samples
    .flatMap((sample) => {
      const point = place(sample);
      return point === undefined ? [] : [`${point[0].toFixed(1)},${point[1].toFixed(1)}`];
    })
    .join(' ');
}

function horizontal(line: { readonly y: number; readonly label: string; readonly color: string }): string {
  const at = line.y.toFixed(1);
  return (
    `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at}" y2="${at}" stroke="${line.color}"/>` +
    `<text x="${LEFT - 8}" y="${(line.y + 4).toFixed(1)}" text-anchor="end" fill="${GRAY}">${line.label}</text>`
  );
}

function dashed(line: { readonly y: number; readonly label: string }): string {
  const at = line.y.toFixed(1);
  return (
    `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at}" y2="${at}" stroke="#cf222e" stroke-dasharray="6 4"/>` +
    `<text x="${WIDTH - RIGHT}" y="${(line.y - 5).toFixed(1)}" text-anchor="end" fill="#cf222e">${line.label}</text>`
  );
}

function label({ x, y, text }: { readonly x: number; readonly y: number; readonly text: string }): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="middle" fill="${GRAY}">${text}</text>`;
}

const LEGEND_STEP = 165;

function legend(lines: readonly Line[], y: number): readonly string[] {
  return lines.map(({ name, color }, index) => {
    const x = LEFT + index * LEGEND_STEP;
    return (
      `<rect x="${x}" y="${y - 9}" width="10" height="10" fill="${color}"/>` +
      `<text x="${x + 15}" y="${y}" fill="${GRAY}">${name}</text>`
    );
  });
}

const STEPS = [1, 2, 2.5, 5, 10];

/** Round numbers from 0 to the first that is not below `highest`, about five of them; and that number. */
function ticksTo(highest: number): readonly [readonly number[], number] {
  const rough = Math.max(highest, 1) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * (STEPS.find((factor) => factor * power >= rough) ?? 10);
  const count = Math.ceil(Math.max(highest, 1) / step);
  return [Array.from({ length: count + 1 }, (_, index) => index * step), count * step];
}
