import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import pg from 'pg';

/** Key of the advisory lock that lets only one process migrate at a time. */
const MIGRATION_LOCK = 3_141_592_653;

/**
 * Brings the schema up to date and returns the names of the migrations that ran now. Safe to repeat, and to run from
 * several processes at once: the others wait for the first (the library's own lock would make them fail).
 */
export async function migrate(databaseUrl: string): Promise<readonly string[]> {
  const client = new pg.Client({ connectionString: databaseUrl, application_name: 'registrar setup' });
  await client.connect();
  try {
    await client.query('select pg_advisory_lock($1::bigint)', [MIGRATION_LOCK]);
    const ran = await runner({
      dbClient: client,
      noLock: true,
      dir: fileURLToPath(new URL('./migrations', import.meta.url)),
      direction: 'up',
      migrationsTable: 'schema_migrations',
      checkOrder: true,
      log: () => undefined,
    });
    return ran.map((migration) => migration.name);
  } finally {
    await client.end();
  }
}
