import { didYouMean } from './closest.ts';
import { parseDuration } from './duration.ts';
import { keyPath, kindOf, shown, type Report } from './problem.ts';
import { unresolved } from './substitution.ts';

/*
 * Readers of single values. They are ours and not a schema library's because every mistake must become one line of our
 * words, and because what is right must stay usable (for the checks between keys) while something else is wrong.
 * Each gives undefined for a value that is absent or wrong; the latter is reported.
 */

/** A value and the key path that leads to it. */
export interface Field {
  readonly where: string;
  readonly value: unknown;
}

/** A mapping and the key path that leads to it. */
export interface Section {
  readonly where: string;
  readonly values: Readonly<Record<string, unknown>>;
}

export function field(section: Section, key: string): Field {
  const value = Object.hasOwn(section.values, key) ? section.values[key] : undefined;
  return { where: keyPath(section.where, key), value };
}

/** Keys without a value and empty texts are absent, as they are for Open edX. A wrong value is not absent. */
export function isAbsent({ value }: Field): boolean {
  return value === undefined || value === null || value === '';
}

/** The value as a mapping; an absent one is undefined. */
export function readSection(report: Report, from: Field, holds = 'keys'): Section | undefined {
  if (isAbsent(from) || from.value === unresolved) return undefined;
  if (!isRecord(from.value)) {
    report.problem(
      from.where,
      `must be a mapping of ${holds}, found ${kindOf(from.value)}; indent its keys below it`,
    );
    return undefined;
  }
  return { where: from.where, values: from.value };
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return kindOf(value) === 'a mapping' && typeof value === 'object';
}

export function fieldsOf(section: Section): readonly (Field & { readonly key: string })[] {
  return Object.keys(section.values).map((key) => ({ key, ...field(section, key) }));
}

export function readList(report: Report, from: Field, of: string): readonly Field[] | undefined {
  if (isAbsent(from) || from.value === unresolved) return undefined;
  if (!Array.isArray(from.value)) {
    report.problem(
      from.where,
      `must be a list of ${of}, found ${kindOf(from.value)}; begin each item with "- "`,
    );
    return undefined;
  }
  return from.value.map((value: unknown, index) => ({ where: `${from.where}[${index}]`, value }));
}

/** Whole numbers are taken as texts, as Open edX takes them; a secret's value goes into no message. */
export function readText(
  report: Report,
  from: Field,
  options: { readonly secret?: boolean } = {},
): string | undefined {
  const { where, value } = from;
  if (isAbsent(from) || value === unresolved) return undefined;
  if (typeof value !== 'string' && !Number.isSafeInteger(value)) {
    report.problem(where, `must be text, found ${kindOf(value, options)}; put the value in quotes`);
    return undefined;
  }
  const text = String(value);
  if (options.secret) report.secret(text, '(secret)');
  // They would break HTTP headers and lines.
  if (/[\u0000-\u001f\u007f]/.test(text)) {
    report.problem(where, 'has a line break or another control character; remove it');
    return undefined;
  }
  return text;
}

/** As {@link readText}; a secret is kept out of every message. */
export function readSecret(report: Report, from: Field): string | undefined {
  return readText(report, from, { secret: true });
}

export interface NumberRange {
  readonly min: number;
  readonly max: number;
  readonly whole?: boolean;
  readonly unit?: string;
}

export function readNumber(report: Report, from: Field, range: NumberRange): number | undefined {
  const { where, value } = from;
  if (isAbsent(from) || value === unresolved) return undefined;
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  const fits =
    typeof number === 'number' &&
    number >= range.min &&
    number <= range.max &&
    (!range.whole || Number.isInteger(number));
  if (fits) return number;
  const kind = range.whole ? 'a whole number' : 'a number';
  const unit = range.unit === undefined ? '' : ` of ${range.unit}`;
  report.problem(
    where,
    `must be ${kind}${unit} from ${range.min} to ${range.max}, found ${shown(value)}; correct it`,
  );
  return undefined;
}

export function readFlag(report: Report, from: Field): boolean | undefined {
  const { where, value } = from;
  if (isAbsent(from) || value === unresolved) return undefined;
  if (typeof value === 'boolean') return value;
  // A variable's value is always text.
  if (typeof value === 'string' && /^(true|false)$/i.test(value)) return value.toLowerCase() === 'true';
  report.problem(where, `must be true or false, found ${shown(value)}; write one of the two`);
  return undefined;
}

/** Milliseconds; `min` and `max` are milliseconds too, `range` says them in words. */
export function readDuration(
  report: Report,
  from: Field,
  limits: { readonly min: number; readonly max: number; readonly range: string },
): number | undefined {
  const { where, value } = from;
  if (isAbsent(from) || value === unresolved) return undefined;
  const duration = typeof value === 'string' || typeof value === 'number' ? parseDuration(value) : undefined;
  if (duration === undefined) {
    report.problem(
      where,
      `must be a duration, found ${shown(value)}; write seconds such as 90, or 500ms, 10m, 1h30m, 2d`,
    );
    return undefined;
  }
  if (duration >= limits.min && duration <= limits.max) return duration;
  report.problem(where, `must be ${limits.range}, found ${shown(value)}; correct it`);
  return undefined;
}

/** An absolute http or https address without slashes at its end. An address that may hold a password is not shown. */
export function readUrl(report: Report, from: Field): string | undefined {
  const text = readText(report, from);
  if (text === undefined) return undefined;
  const trouble = urlTrouble(text);
  if (trouble === undefined) return text.replace(/\/+$/, '');
  report.problem(from.where, trouble);
  return undefined;
}

function urlTrouble(text: string): string | undefined {
  const presentable = /^[\w.:/-]+$/.test(text) && /[.:]/.test(text) ? `, found ${shown(text)}` : '';
  if (!/^https?:\/\/[^/]/i.test(text) || /[\s\\]/.test(text) || !URL.canParse(text)) {
    return `must be an absolute address${presentable}; write it as https://host or http://host`;
  }
  const url = new URL(text);
  if (/\{|\}|%7B/i.test(text)) return 'must not have placeholders; put them into paths and bodies of methods';
  if (url.username !== '' || url.password !== '' || text.includes('@')) {
    return 'must not have a user name or password in it; remove them';
  }
  if (text.includes('?') || text.includes('#'))
    return 'must not have a query or a fragment; remove "?" or "#" and what follows';
  return undefined;
}

const KEYLESS =
  'an unknown key without a value, ignored; remove it, or write the key in front where this is a value';

/** Unknown keys are ignored and said so, with the known key that was probably meant. */
export function warnOfUnknownKeys(report: Report, section: Section, known: readonly string[]): void {
  for (const key of Object.keys(section.values)) {
    if (known.includes(key)) continue;
    const meant = didYouMean(key, known);
    // Where its key was forgotten this is the value, which may be a secret.
    if (meant === '' && isAbsent(field(section, key))) {
      report.warning(section.where, KEYLESS);
      continue;
    }
    report.warning(
      keyPath(section.where, key),
      meant === '' ? 'unknown key, ignored; remove it or check its spelling' : `unknown key, ignored${meant}`,
    );
  }
}
