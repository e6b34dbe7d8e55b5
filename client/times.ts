const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
] as const;

/** A span in whole units of the largest that fits: `12 d`, `3 h`, `5 min`, `40 s`. */
export function spanText(ms: number): string {
  const size = Math.abs(ms);
  const unit = units.find(([, unitMs]) => size >= unitMs);
  const text =
    unit === undefined ? `${Math.floor(size / 1000)} s` : `${Math.floor(size / unit[1])} ${unit[0]}`;
  return ms < 0 ? `-${text}` : text;
}

/** A span without rounding: `90 min`, not `1 h`. */
export function exactSpanText(ms: number): string {
  const unit = units.find(([, unitMs]) => ms >= unitMs && ms % unitMs === 0);
  return unit === undefined ? `${ms / 1000} s` : `${ms / unit[1]} ${unit[0]}`;
}

/** `2026-11-22 06:15:44Z` */
export function instantText(instant: Date | string): string {
  const iso = typeof instant === 'string' ? instant : instant.toISOString();
  return `${iso.slice(0, 19).replace('T', ' ')}Z`;
}

/** `2026-12-22`, in UTC. */
export function dayText(instant: Date): string {
  return instant.toISOString().slice(0, 10);
}
