import { wrongUsage } from '../operation-error.ts';
import { dayText } from '../times.ts';

/** A time of requests: from the first instant on, up to the second, which no longer belongs to it. */
export interface Period {
  readonly from: Date;
  readonly until: Date;
}

const DAY_MS = 86_400_000;

/**
 * The period of two days, YYYY-MM-DD in UTC, both belonging to it as a whole; undefined when neither is given.
 * Throws wrong usage for one alone, for what is no day, for a day in the future, and when they are the wrong way round.
 */
export function periodOf(
  { startDate, endDate }: { readonly startDate?: string | undefined; readonly endDate?: string | undefined },
  now: Date,
): Period | undefined {
  if (startDate === undefined && endDate === undefined) return undefined;
  if (startDate === undefined || endDate === undefined) {
    throw wrongUsage('--start-date and --end-date go together: say both, or neither for everybody');
  }
  const from = parseDay('--start-date', startDate, now);
  const last = parseDay('--end-date', endDate, now);
  if (from > last) {
    throw wrongUsage(`--start-date ${startDate} is later than --end-date ${endDate}: exchange the two`);
  }
  return { from, until: new Date(last.getTime() + DAY_MS) };
}

function parseDay(option: string, text: string, now: Date): Date {
  const day = new Date(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : Number.NaN);
  // JavaScript takes 2026-02-30 for the second of March.
  if (Number.isNaN(day.getTime()) || dayText(day) !== text) {
    throw wrongUsage(`${option} is a day as YYYY-MM-DD, such as ${dayText(now)}, found "${text}"`);
  }
  if (day > now) throw wrongUsage(`${option} ${text} is in the future: today is ${dayText(now)} in UTC`);
  return day;
}

export function isWithin(period: Period | undefined, instant: Date): boolean {
  return period === undefined || (instant >= period.from && instant < period.until);
}
