const MW = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/;
const ISO = /^(\d{4})-(\d\d?)-(\d\d?)[T ](\d\d?):(\d\d?):(\d\d?)(?:\.\d*)?Z?$/;

/** Reads the forms that MediaWiki takes, all UTC and to the second; undefined for others, such as a date or an offset. */
export function parseTimestamp(text: string): Date | undefined {
  if (text === 'now') return wholeSecond(new Date());
  if (/^\d{1,13}$/.test(text)) return new Date(Number(text) * 1000);
  const parts = (MW.exec(text) ?? ISO.exec(text))?.slice(1).map(Number);
  if (parts === undefined) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts;
  const at = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  const isReal = at.getUTCMonth() === month - 1 && at.getUTCDate() === day && at.getUTCHours() === hour;
  return isReal && minute < 60 && second < 60 ? at : undefined;
}

/** `2024-01-31T23:59:59Z` */
export function isoTimestamp(at: Date): string {
  return at.toISOString().replace(/\.\d+Z$/, 'Z');
}

/** `20240131235959`, as continuations carry it. */
export function plainTimestamp(at: Date): string {
  return isoTimestamp(at).replace(/\D/g, '');
}

/** Revisions have no fractions of a second; the fraction is cut off. */
export function wholeSecond(at: Date): Date {
  return new Date(Math.floor(at.getTime() / 1000) * 1000);
}
