import type { Second } from './slices.ts';

/** An ISO 8601 text as whole seconds, or why it is none. */
export type ReadInstant =
  { readonly kind: 'instant'; readonly at: Second } | { readonly kind: 'wrong'; readonly why: string };

/** Of a day without a time: its first second as a beginning, its last as an end. */
export type DayMeans = 'first second' | 'last second';

const form =
  /^(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?(?: ?([Zz]|[+-]\d\d(?::?\d\d)?))?)?$/;

const DAY_SECONDS = 86_400;

/** Reads `2026-03-01T08:00:00+01:00`. Without a time zone it is UTC; fractions of a second are refused, as wikis know none. */
export function readInstant(text: string, dayMeans: DayMeans): ReadInstant {
  const match = form.exec(text.trim());
  if (match === null) return wrong('is no ISO 8601 date; write it as 2026-03-01T08:00:00Z');
  const [, year = '', month = '', day = '', hour, minute = '', second = '0', fraction = '', zone = 'Z'] =
    match;
  if (/[1-9]/.test(fraction)) return wrong('has a fraction of a second; write whole seconds');
  const midnight = Date.UTC(Number(year), Number(month) - 1, Number(day)) / 1000;
  if (new Date(midnight * 1000).toISOString().slice(0, 10) !== `${year}-${month}-${day}`) {
    return wrong('names a day that the calendar does not have; correct it');
  }
  if (hour === undefined) {
    return { kind: 'instant', at: dayMeans === 'first second' ? midnight : midnight + DAY_SECONDS - 1 };
  }
  const offset = offsetSeconds(zone);
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59 || offset === undefined) {
    return wrong('names a time that the clock does not have; correct it');
  }
  return {
    kind: 'instant',
    at: midnight + Number(hour) * 3600 + Number(minute) * 60 + Number(second) - offset,
  };
}

/** `+05:30` as seconds east of Greenwich. */
function offsetSeconds(zone: string): number | undefined {
  if (zone.toUpperCase() === 'Z') return 0;
  const [hours, minutes] = [Number(zone.slice(1, 3)), Number(zone.slice(3).replace(':', '') || '0')];
  if (hours > 14 || minutes > 59) return undefined;
  return (zone.startsWith('-') ? -1 : 1) * (hours * 3600 + minutes * 60);
}

function wrong(why: string): ReadInstant {
  return { kind: 'wrong', why };
}
