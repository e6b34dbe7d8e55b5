const MW = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/;
const ISO = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,]\d{1,6})?(?:Z|([+-])(\d\d)(?::?(\d\d))?)?$/;

/**
 * Reads the usual ones of the forms that MediaWiki takes, to the second; undefined for others, such as a mere date. A day or an hour
 * that there is not is counted on, as there: the 32nd of January is the 1st of February.
 */
export function parseTimestamp(text: string): Date | undefined {
  if (text === 'now') return wholeSecond(new Date());
  if (/^\d{1,13}$/.test(text)) return new Date(Number(text) * 1000);
  const parts = (MW.exec(text) ?? ISO.exec(text))?.slice(1);
  if (parts === undefined) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.slice(0, 6).map(Number);
  const [sign, hoursOff = '0', minutesOff = '0'] = parts.slice(6);
  const offset = (Number(hoursOff) * 60 + Number(minutesOff)) * (sign === '-' ? -1 : 1);
  return new Date(Date.UTC(year, month - 1, day, hour, minute - offset, second));
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
