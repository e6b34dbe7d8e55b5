import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';
import { unwrap } from './provided.ts';

export interface TestDatabase {
  readonly url: string;
  /** Ends its connections and removes it. */
  drop(): Promise<void>;
}

/** A fresh, empty database on the shared server. */
export async function createDatabase(): Promise<TestDatabase> {
  return createFrom('template0');
}

/** A fresh database with every migration, copied from one that was migrated once in the run. */
export async function createMigratedDatabase(): Promise<TestDatabase> {
  return createFrom(unwrap(inject('migratedTemplate')));
}

async function createFrom(template: string): Promise<TestDatabase> {
  const adminUrl = inject('adminDatabaseUrl');
  const name = `test_${randomBytes(6).toString('hex')}`;
  const url = await createDatabaseOn(adminUrl, name, template);
  return { url, drop: () => dropDatabaseOn(adminUrl, name) };
}

/** Creates the database and answers its URL. For the global setup, where nothing is provided yet. */
export async function createDatabaseOn(
  adminUrl: string,
  name: string,
  template = 'template0',
): Promise<string> {
  const [database, source] = [pg.escapeIdentifier(name), pg.escapeIdentifier(template)];
  // 20 ms without fsync; the default strategy, which writes everything to the log first, takes 300.
  await execute(adminUrl, `create database ${database} template ${source} strategy file_copy`);
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  return url.href;
}

export async function dropDatabaseOn(adminUrl: string, name: string): Promise<void> {
  await execute(adminUrl, `drop database if exists ${pg.escapeIdentifier(name)} with (force)`);
}

async function execute(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
