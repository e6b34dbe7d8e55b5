import { setTimeout as delay } from 'node:timers/promises';
import { awaitMigrations } from '../db/await-migrations.ts';
import type { Queryable } from '../db/database.ts';
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
  const onPending = (names: readonly string[]): void => {
    onChange('database', undefined);
    onChange('migrations', `the database lacks ${names.join(', ')}: run \`registrar setup\``);
  };
  while (!stop.aborted) {
    try {
      if (!(await awaitMigrations(database, { stop, onPending }))) return false;
      onChange('database', undefined);
      onChange('migrations', undefined);
      return true;
    } catch (error) {
      onChange('database', `the database does not answer (${nameOf(error)}): check DATABASE_URL`);
    }
    await delay(LOOK_EVERY_MS, undefined, { signal: stop }).catch(() => undefined);
  }
  return false;
}

/** Its text may quote the address, password and all. */
function nameOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (typeof code === 'string') return code;
  return error instanceof Error ? error.name : typeof error;
}
