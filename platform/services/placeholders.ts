import { isPlaceholder, placeholders, type Placeholder } from '../../domain/retirement/placeholders.ts';
import type { Learner } from '../learner.ts';
import { placeholder } from './path.ts';

/** What a declaration may write in braces, and what becomes of it. Undefined: not known for this learner. */
const values: Readonly<Record<Placeholder, (learner: Learner) => string | number | null | undefined>> = {
  user_id: (learner) => learner.userId,
  original_username: (learner) => learner.originalUsername,
  original_email: (learner) => learner.originalEmail,
  original_name: (learner) => learner.originalName,
  retired_username: (learner) => learner.retiredUsername,
  retired_email: (learner) => learner.retiredEmail,
  ecommerce_segment_id: (learner) => learner.ecommerceSegmentId,
};

/**
 * Throws a plain Error that names `where`, for a misspelt placeholder (sent as it is, it would seem to name nobody) and for
 * one in a key (keys are never filled in).
 */
export function checkPlaceholders(where: string, path: string, body: unknown): void {
  const known = placeholders.map((each) => `{${each}}`);
  for (const text of [path, ...textsOf(body)]) {
    const unknown = (text.match(placeholder) ?? []).find((each) => !known.some((name) => name === each));
    if (unknown !== undefined) {
      throw new Error(`${where}: unknown placeholder ${unknown}; there are: ${known.join(', ')}`);
    }
  }
  const key = keysOf(body).find((each) => known.some((name) => each.includes(name)));
  if (key !== undefined)
    throw new Error(`${where}: a placeholder in the key "${key}"; only values are filled in`);
}

/** The value as text, null where ecommerce knows none. `refuse` makes the error for what was never asked for. */
export function placeholderValue(
  learner: Learner,
  name: string,
  refuse: (what: string) => Error,
): string | null {
  const value = rawValue(learner, name, refuse);
  return value === null ? null : `${value}`;
}

/**
 * The body with every placeholder in its texts filled in, each in one pass, so that a value is never filled in itself.
 * A text that is one placeholder and nothing else takes the value's own type: `{user_id}` a number.
 */
export function fillBody(body: unknown, learner: Learner, refuse: (what: string) => Error): unknown {
  if (typeof body === 'string') return fillText(body, learner, refuse);
  if (Array.isArray(body)) return body.map((item) => fillBody(item, learner, refuse));
  if (typeof body !== 'object' || body === null) return body;
  return Object.fromEntries(
    Object.entries(body).map(([key, value]) => [key, fillBody(value, learner, refuse)]),
  );
}

function fillText(text: string, learner: Learner, refuse: (what: string) => Error): string | number | null {
  const whole = /^\{([a-z_]+)\}$/.exec(text)?.[1];
  if (whole !== undefined) return rawValue(learner, whole, refuse);
  return text.replace(placeholder, (_, name: string) => placeholderValue(learner, name, refuse) ?? '');
}

function rawValue(learner: Learner, name: string, refuse: (what: string) => Error): string | number | null {
  const value = isPlaceholder(name) ? values[name](learner) : undefined;
  if (value !== undefined) return value;
  throw refuse(
    `cannot be asked: {${name}} is not known, set fetch_ecommerce_segment_id in the configuration`,
  );
}

function textsOf(body: unknown): readonly string[] {
  if (typeof body === 'string') return [body];
  return typeof body === 'object' && body !== null ? Object.values(body).flatMap(textsOf) : [];
}

function keysOf(body: unknown): readonly string[] {
  if (typeof body !== 'object' || body === null) return [];
  const own = Array.isArray(body) ? [] : Object.keys(body);
  return [...own, ...Object.values(body).flatMap(keysOf)];
}
