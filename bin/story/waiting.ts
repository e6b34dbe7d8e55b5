import { setTimeout as delay } from 'node:timers/promises';

const PATIENCE_MS = 120_000;

/** Asks until there is an answer. Throws when two minutes have brought none. */
export async function waitFor<Value>(
  what: string,
  ask: () => Promise<Value | undefined | false>,
): Promise<Value> {
  const until = Date.now() + PATIENCE_MS;
  for (;;) {
    const value = await ask();
    if (value) return value;
    if (Date.now() > until) throw new Error(`waited ${PATIENCE_MS / 1000} s for ${what}`);
    await delay(100);
  }
}
