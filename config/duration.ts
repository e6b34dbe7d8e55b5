const units = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const;

const amount = String.raw`(\d+(?:\.\d+)?)`;
const withUnits = new RegExp(
  `^${Object.keys(units)
    .map((unit) => `(?:${amount}${unit}\\s*)?`)
    .join('')}$`,
);

/**
 * Milliseconds of a duration: a number (or a text that is one) counts seconds, other texts name their units from the
 * largest to the smallest, as `2d`, `1h30m`, `10m`, `1.5s`, `500ms`. Undefined for everything else.
 */
export function parseDuration(duration: string | number): number | undefined {
  if (typeof duration === 'number') return milliseconds(duration * 1000);
  const text = duration.trim();
  if (text === '') return undefined;
  if (/^\d+(\.\d+)?$/.test(text)) return milliseconds(Number(text) * 1000);
  const found = withUnits.exec(text);
  if (found === null) return undefined;
  const sum = Object.values(units).reduce(
    (total, unit, index) => total + Number(found[index + 1] ?? 0) * unit,
    0,
  );
  return milliseconds(sum);
}

function milliseconds(value: number): number | undefined {
  return Number.isFinite(value) && value >= 0 ? Math.round(value) : undefined;
}
