import { isObject, type JsonObject } from '../domain/json-object.ts';
import { canonicalJson } from './canonical-json.ts';

/** The object that a text is the canonical JSON of; undefined for any other text. */
export function readCanonical(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) && canonicalJson(value) === text ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a value is an object with exactly these members, each of which its check accepts. */
export function hasShape(
  value: unknown,
  shape: Readonly<Record<string, (member: unknown) => boolean>>,
): value is JsonObject {
  if (!isObject(value)) return false;
  const names = Object.keys(shape);
  if (Object.keys(value).length !== names.length) return false;
  return names.every((name) => Object.hasOwn(value, name) && shape[name]?.(value[name]) === true);
}

export function isText(value: unknown): value is string {
  return typeof value === 'string';
}

/** As `Date.toISOString` writes it. */
export function isInstant(value: unknown): boolean {
  return typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value);
}

export function isId(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

export function isPlace(value: unknown): value is number {
  return isId(value) && value > 0;
}

export function isHash(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
}

export function isOneOf(...texts: readonly string[]): (value: unknown) => boolean {
  return (value) => typeof value === 'string' && texts.includes(value);
}

export function isListOf(isItem: (item: unknown) => boolean): (value: unknown) => boolean {
  return (value) => Array.isArray(value) && value.every((item) => isItem(item));
}
