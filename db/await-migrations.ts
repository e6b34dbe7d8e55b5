import { setTimeout as delay } from 'node:timers/promises';
import type { Queryable } from './database.ts';
import { listPendingMigrations } from './pending-migrations.ts';

const LOOK_EVERY_MS = 2_000;

export interface AwaitMigrationsOptions {
  /** Ends the waiting. */
  readonly stop: AbortSignal;
  /** Told at every look that finds some missing; the names, in order. */
  readonly onPending: (names: readonly string[]) => void;
}

/**
 * Waits until the database has every migration of this version, so that a worker that is started before `registrar setup` has run
 * takes no work that it cannot do. True when it has them, false when asked to stop before. Throws when the database does not answer.
 */
export async function awaitMigrations(
  db: Queryable,
  { stop, onPending }: AwaitMigrationsOptions,
): Promise<boolean> {
  while (!stop.aborted) {
    const pending = await listPendingMigrations(db);
    if (pending.length === 0) return true;
    onPending(pending);
    await delay(LOOK_EVERY_MS, undefined, { signal: stop }).catch(() => undefined);
  }
  return false;
}
