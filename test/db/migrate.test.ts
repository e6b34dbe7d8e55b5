import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDatabase, type Database } from '../../db/database.ts';
import { migrate } from '../../db/migrate.ts';
import { listPendingMigrations, listUnknownMigrations } from '../../db/pending-migrations.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { temporaryFolder } from '../support/folder.ts';
import { startScript } from '../support/script.ts';
import { waitFor } from '../support/wait.ts';

const shipped = readdirSync(new URL('../../db/migrations', import.meta.url))
  .map((file) => path.basename(file, '.sql'))
  .sort();

let testDatabase: TestDatabase;
let database: Database;
beforeEach(async () => {
  testDatabase = await createDatabase();
  database = openDatabase({ url: testDatabase.url });
});
afterEach(async () => {
  await database.close();
  await testDatabase.drop();
});

/** A folder with these migrations, in order. */
function migrations(...statements: readonly string[]): string {
  const folder = temporaryFolder();
  for (const [index, statement] of statements.entries()) {
    writeFileSync(
      path.join(folder, `000${index + 1}_number-${index + 1}.sql`),
      `-- Up Migration\n\n${statement}\n`,
    );
  }
  return folder;
}

/** Holds the lock of a reader while `work` runs. */
async function whileReading(table: string, work: () => Promise<void>): Promise<void> {
  await database.transaction(async (transaction) => {
    await transaction.query(`select from ${table}`);
    await work();
  });
}

async function waitingForLocks(): Promise<number> {
  const { rows } = await database.query<{ count: number }>(
    `select count(*) from pg_stat_activity
     where datname = current_database() and wait_event_type = 'Lock' and application_name = 'registrar setup'`,
  );
  return rows[0]?.count ?? 0;
}

async function tables(): Promise<readonly string[]> {
  const { rows } = await database.query<{ name: string }>(
    `select tablename as name from pg_tables where schemaname = 'public' and tablename <> 'schema_migrations' order by 1`,
  );
  return rows.map(({ name }) => name);
}

const [one, two] = [
  'create table one (id int);',
  'create table two (id int); alter table one add column more int;',
];

describe('migrating', () => {
  it('is done once when several begin at once', async () => {
    const ran = await Promise.all([1, 2, 3].map(() => migrate(testDatabase.url)));
    expect(ran.toSorted((a, b) => b.length - a.length)).toEqual([shipped, [], []]);
  });

  it('waits for a table in use, again and again, and lets others to it in between', async () => {
    await migrate(testDatabase.url, { folder: migrations(one) });
    let migrated: Promise<readonly string[]> | undefined;
    await whileReading('one', async () => {
      migrated = migrate(testDatabase.url, { folder: migrations(one, two) });
      await waitFor(waitingForLocks, { what: 'the migration to wait for the reader' });
      // It would stand behind the migration for as long as that waits.
      await database.query('select from one');
      expect(await tables()).toEqual(['one']);
    });
    expect(await migrated).toEqual(['0002_number-2']);
    expect(await tables()).toEqual(['one', 'two']);
  });

  it('gives up on a table that stays in use, says so, and leaves nothing half done', async () => {
    await migrate(testDatabase.url, { folder: migrations(one) });
    await whileReading('one', async () => {
      await expect(
        migrate(testDatabase.url, { folder: migrations(one, two), patienceMs: 0 }),
      ).rejects.toThrow(/stays in use: see pg_stat_activity .* run `registrar setup` again/);
    });
    expect(await tables()).toEqual(['one']);
    expect(await migrate(testDatabase.url, { folder: migrations(one, two) })).toEqual(['0002_number-2']);
  });

  it('killed in the middle leaves nothing half done, and the next one goes on', async () => {
    const folder = migrations(one, two);
    await migrate(testDatabase.url, { folder: migrations(one) });
    await whileReading('one', async () => {
      const child = startScript(new URL('./migrate-process.ts', import.meta.url), [testDatabase.url, folder]);
      await waitFor(waitingForLocks, { what: 'the migration to be in the middle' });
      await child.kill('SIGKILL');
    });
    expect(await tables()).toEqual(['one']);
    expect(await migrate(testDatabase.url, { folder })).toEqual(['0002_number-2']);
    expect(await tables()).toEqual(['one', 'two']);
  });

  it('tells that its connection was ended while it waits, and leaves nothing half done', async () => {
    await migrate(testDatabase.url, { folder: migrations(one) });
    await whileReading('one', async () => {
      const migrated = migrate(testDatabase.url, { folder: migrations(one, two) });
      const told = expect(migrated).rejects.toThrow(/^terminating connection due to administrator command$/);
      await waitFor(waitingForLocks, { what: 'the migration to wait for the reader' });
      await database.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and application_name = 'registrar setup'`,
      );
      await told;
    });
    expect(await tables()).toEqual(['one']);
    expect(await migrate(testDatabase.url, { folder: migrations(one, two) })).toEqual(['0002_number-2']);
  });

  it('tells the mistake of a migration, and runs the others before it', async () => {
    const folder = migrations(one, 'create table one (id int);');
    await expect(migrate(testDatabase.url, { folder })).rejects.toThrow('relation "one" already exists');
    expect(await migrate(testDatabase.url, { folder: migrations(one) })).toEqual([]);
  });

  it('leaves a database alone that a newer version has set up', async () => {
    await migrate(testDatabase.url);
    await database.query(`insert into schema_migrations (name, run_on) values ('9999_of-tomorrow', now())`);
    expect(await migrate(testDatabase.url)).toEqual([]);
    expect(await listPendingMigrations(database)).toEqual([]);
    expect(await listUnknownMigrations(database)).toEqual(['9999_of-tomorrow']);
  });
});
