import { openDatabase, type Database } from '../db/database.ts';
import { failed } from './operation-error.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The address of the database. Throws when none is set. */
export function databaseUrlOf(env: Environment): string {
  const url = env['DATABASE_URL'];
  if (url === undefined || url === '') {
    throw failed(
      'DATABASE_URL is not set and no stack of this REGISTRAR_HOME runs: start one with `registrar up`, or name the PostgreSQL database in DATABASE_URL',
    );
  }
  if (!/^postgres(ql)?:\/\//.test(url) || !URL.canParse(url)) {
    throw failed(
      'DATABASE_URL is no address of a database: write postgres://user:password@host:5432/database',
    );
  }
  return url;
}

/** Opens the few connections that a command needs. Nothing is asked of the server yet. */
export function openCommandDatabase(env: Environment): Database {
  return openDatabase({
    url: databaseUrlOf(env),
    maxConnections: 4,
    applicationName: 'registrar command',
  });
}
