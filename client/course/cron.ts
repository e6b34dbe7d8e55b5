import {
  DAYS_OF_WEEK,
  MONTHS,
  type CalendarSpecDescription,
  type Range,
  type ScheduleDescription,
} from '@temporalio/client';

/**
 * When a schedule comes, as a cron expression: the server keeps no text but what it understood. Several expressions are separated by
 * semicolons.
 */
export function cronText({
  calendars = [],
  intervals = [],
  timezone,
}: Pick<ScheduleDescription['spec'], 'calendars' | 'intervals' | 'timezone'>): string {
  const zone = timezone ? `CRON_TZ=${timezone} ` : '';
  const times = [
    ...calendars.map((calendar) => zone + calendarText(calendar)),
    ...intervals.map(({ every, offset }) => `@every ${every / 1000}s${offset ? `/${offset / 1000}s` : ''}`),
  ];
  return times.join('; ');
}

const parts = /(\d+(?:\.\d+)?)(ms|[smhd])/g;
const partMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * True for a cron spec, as the server reads it, that comes more than once a minute: with anything but one number for the seconds, the
 * first of seven fields, or with a shorter interval.
 */
export function comesTooOften(cron: string): boolean {
  const [text = ''] = cron
    .trim()
    .replace(/^(?:CRON_)?TZ=\S*\s+/, '')
    .split('#');
  const every = /^\s*@every\s*([^/]*)/.exec(text)?.[1];
  if (every !== undefined) {
    const lengths = [...every.matchAll(parts)].map(
      ([, count, unit = '']) => Number(count) * (partMs[unit] ?? 0),
    );
    return lengths.length > 0 && lengths.reduce((sum, length) => sum + length, 0) < 60_000;
  }
  const fields = text.trim().split(/\s+/);
  return fields.length === 7 && !/^\d+$/.test(fields[0] ?? '');
}

/** Five fields; with seconds or years seven. */
function calendarText(calendar: CalendarSpecDescription): string {
  const month = numbered(calendar.month, (name) => MONTHS.indexOf(name) + 1);
  const dayOfWeek = numbered(calendar.dayOfWeek, (name) => DAYS_OF_WEEK.indexOf(name));
  const five = [
    fieldText(calendar.minute, 0, 59),
    fieldText(calendar.hour, 0, 23),
    fieldText(calendar.dayOfMonth, 1, 31),
    fieldText(month, 1, 12),
    fieldText(dayOfWeek, 0, 6),
  ];
  const second = fieldText(calendar.second, 0, 59);
  const year = fieldText(calendar.year, 0, 0);
  return (second === '0' && year === '*' ? five : [second, ...five, year]).join(' ');
}

function numbered<Name>(
  ranges: readonly Range<Name>[],
  numberOf: (name: Name) => number,
): readonly Range<number>[] {
  return ranges.map(({ start, end, step }) => ({ start: numberOf(start), end: numberOf(end), step }));
}

/** No range means all; `min` and `max` are what a star stands for. */
function fieldText(ranges: readonly Range<number>[], min: number, max: number): string {
  if (ranges.length === 0) return '*';
  return ranges
    .map(({ start, end, step }) => {
      const last = Math.max(start, end);
      const isAll = start === min && last === max && max > min;
      const part = isAll ? '*' : last === start ? String(start) : `${start}-${last}`;
      return step > 1 ? `${part}/${step}` : part;
    })
    .join(',');
}
