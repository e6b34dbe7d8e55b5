import { setTimeout as delay } from 'node:timers/promises';

export interface WaitOptions {
  /** Completes "waited for …": `the learner to be COMPLETE`. */
  readonly what: string;
  readonly timeoutMs?: number;
  readonly everyMs?: number;
}

export type Truthy<Value> = Exclude<Value, false | 0 | '' | null | undefined>;

/**
 * Asks again and again until `predicate` answers something true, and answers that. A throw counts as "not yet".
 * Throws after `timeoutMs` (default 30 s), with what was last answered or thrown.
 */
export async function waitFor<Value>(
  predicate: () => Value | Promise<Value>,
  { what, timeoutMs = 30_000, everyMs = 25 }: WaitOptions,
): Promise<Truthy<Value>> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const answer = await ask(predicate);
    if (answer.kind === 'answered' && isTruthy(answer.value)) return answer.value;
    if (Date.now() >= deadline) {
      const last =
        answer.kind === 'answered' ? `last answer: ${JSON.stringify(answer.value)}` : 'the last try threw';
      const cause = answer.kind === 'threw' ? { cause: answer.error } : {};
      throw new Error(`waited ${timeoutMs / 1000} s for ${what}; ${last}`, cause);
    }
    await delay(everyMs);
  }
}

type Answer<Value> =
  { readonly kind: 'answered'; readonly value: Value } | { readonly kind: 'threw'; readonly error: unknown };

async function ask<Value>(predicate: () => Value | Promise<Value>): Promise<Answer<Value>> {
  try {
    return { kind: 'answered', value: await predicate() };
  } catch (error) {
    return { kind: 'threw', error };
  }
}

function isTruthy<Value>(value: Value): value is Truthy<Value> {
  return Boolean(value);
}
