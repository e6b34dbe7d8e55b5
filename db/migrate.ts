import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import pg from 'pg';
import { connectionSettings } from './connection-settings.ts';
import { listRanMigrations } from './pending-migrations.ts';

/** Key of the advisory lock that lets only one process migrate at a time. */
const MIGRATION_LOCK = 3_141_592_653;

/** While a migration waits for a table, everybody who comes later waits behind it: so long, and no longer, workers stand still. */
const LOCK_TIMEOUT_MS = 3_000;
/** In between they catch up. */
const PAUSE_MS = 1_000;
const PATIENCE_MS = 5 * 60_000;

export interface MigrateOptions {
  /** Default: those of this version. */
  readonly folder?: string;
  /** How long tables that are in use are waited for; default five minutes. */
  readonly patienceMs?: number;
}

/**
 * Brings the schema up to date and returns the names of the migrations that ran now. Safe to repeat, to run beside workers, to be
 * killed, and to run from several processes at once: the others wait for the first (the library's own lock would make them fail).
 * Migrations of a newer version that ran before are left alone. Throws an Error of one line when a table stays in use.
 */
export async function migrate(
  databaseUrl: string,
  { folder = MIGRATIONS, patienceMs = PATIENCE_MS }: MigrateOptions = {},
): Promise<readonly string[]> {
  const client = new pg.Client({
    ...connectionSettings(databaseUrl),
    application_name: 'registrar setup',
  });
  // A connection that ends while nothing is asked of it would end the process; the next question says it too.
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query('select pg_advisory_lock($1::bigint)', [MIGRATION_LOCK]);
    await client.query(`set lock_timeout = ${LOCK_TIMEOUT_MS}`);
    const before = await listRanMigrations(client);
    await runPatiently(client, folder, Date.now() + patienceMs);
    return [...(await listRanMigrations(client))].filter((name) => !before.has(name));
  } finally {
    await client.end();
  }
}

const MIGRATIONS = fileURLToPath(new URL('./migrations', import.meta.url));
const LOCK_NOT_AVAILABLE = '55P03';

/** Each migration is a transaction of its own: what ran before one that has to wait stays. */
async function runPatiently(client: pg.Client, folder: string, deadline: number): Promise<void> {
  for (;;) {
    try {
      await run(client, folder);
      return;
    } catch (error) {
      // Fails where the connection is gone, of which the first error says more.
      await client.query('rollback').catch(() => undefined);
      if (!(error instanceof pg.DatabaseError) || error.code !== LOCK_NOT_AVAILABLE) throw error;
      if (Date.now() >= deadline) {
        throw new Error(
          'a table that is to be changed stays in use: see pg_stat_activity for the long transaction that holds it, then run `registrar setup` again',
          { cause: error },
        );
      }
      await delay(PAUSE_MS);
    }
  }
}

async function run(client: pg.Client, folder: string): Promise<void> {
  await runner({
    dbClient: client,
    noLock: true,
    dir: folder,
    direction: 'up',
    migrationsTable: 'schema_migrations',
    checkOrder: true,
    log: () => undefined,
  });
}
