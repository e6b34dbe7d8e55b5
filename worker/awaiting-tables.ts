import { setTimeout as delay } from 'node:timers/promises';
import { connectionTrouble } from '../db/connection-trouble.ts';
import type { Queryable } from '../db/database.ts';
import { listPendingMigrations } from '../db/pending-migrations.ts';
import type { Readiness } from './observability/readiness.ts';

const LOOK_EVERY_MS = 2_000;

export interface AwaitTablesOptions {
  readonly database: Queryable;
  /** Ends the waiting. */
  readonly stop: AbortSignal;
  readonly onChange: Readiness['waitsFor'];
}

/**
 * Until the database answers and has every migration of this version, however long it takes: a worker that took work before would fail
 * all of it. False when asked to stop before that.
 */
export async function awaitTables({ database, stop, onChange }: AwaitTablesOptions): Promise<boolean> {
  while (!stop.aborted) {
    const pending = await listPendingMigrations(database).catch((error: unknown) => {
      // Other texts may quote what they were about.
      const code = error instanceof Error ? error.name : typeof error;
      onChange('database', connectionTrouble(error) ?? `the database does not answer (${code})`);
      return undefined;
    });
    if (pending !== undefined) {
      onChange('database', undefined);
      const names = pending.join(', ');
      onChange(
        'migrations',
        names === '' ? undefined : `the database lacks ${names}: run \`registrar setup\``,
      );
      if (names === '') return true;
    }
    await delay(LOOK_EVERY_MS, undefined, { signal: stop }).catch(() => undefined);
  }
  return false;
}
