import { readVariable } from '../config/secret-files.ts';
import { connectionSettings } from '../db/connection-settings.ts';
import { openDatabase, type Database } from '../db/database.ts';
import { failed } from './operation-error.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The address of the database, also from the file that `DATABASE_URL_FILE` names. Throws when none is set, or it cannot be used. */
export function databaseUrlOf(env: Environment): string {
  const url = usable(() => readVariable(env, 'DATABASE_URL'));
  if (url === undefined) {
    throw failed(
      'DATABASE_URL is not set and no stack of this REGISTRAR_HOME runs: start one with `registrar up`, or name the PostgreSQL database in DATABASE_URL (or DATABASE_URL_FILE)',
    );
  }
  usable(() => connectionSettings(url));
  return url;
}

function usable<Result>(read: () => Result): Result {
  try {
    return read();
  } catch (cause) {
    throw failed(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/** Opens the few connections that a command needs. Nothing is asked of the server yet. */
export function openCommandDatabase(env: Environment): Database {
  return openDatabase({
    url: databaseUrlOf(env),
    maxConnections: 4,
    applicationName: 'registrar command',
  });
}
