import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
} from 'node:fs';
import { realpathSync, renameSync, rmSync, rmdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { canEnter, openFolder, runAs, type Account } from './account.ts';
import { isNodeError } from './processes.ts';
import type { PostgresBinaries } from './postgres-binaries.ts';

/** The one role of an embedded cluster. */
export const DATABASE_ROLE = 'registrar';

/** The one database cluster of a place. */
export interface Cluster {
  readonly data: string;
  readonly password: string;
}

/**
 * The folder for `directory` that belongs to PostgreSQL's account: the directory itself, or, when it lies in a folder
 * closed to that account (a home in `/root`), a folder elsewhere that `directory` becomes a link to.
 */
export function preparePlace(directory: string, account: Account, log: (line: string) => void): string {
  const linked = linkTarget(directory);
  const folder = linked ?? directory;
  mkdirSync(folder, { recursive: true, mode: linked === undefined ? 0o755 : 0o700 });
  own(folder, account, 0o700);
  if (canEnter(account, folder)) return realpathSync(folder);
  if (account.uid === undefined) throw new Error(`cannot enter ${folder}: check its owner and mode`);

  const elsewhere = mkdtempSync(path.join(openFolder(), 'postgres-'));
  own(elsewhere, account, 0o700);
  // Only a new, empty folder is replaced: where there are data, moving them is for people to decide.
  removeEmpty(directory);
  symlinkSync(elsewhere, directory);
  log(`PostgreSQL keeps its data in ${elsewhere}, because its account cannot reach ${directory}`);
  return elsewhere;
}

function removeEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch (error) {
    if (!isNodeError(error, 'ENOTEMPTY')) throw error;
    throw new Error(
      `PostgreSQL's account cannot reach its data in ${directory}; let others pass through the folders above it (chmod o+x)`,
    );
  }
}

function linkTarget(directory: string): string | undefined {
  try {
    return lstatSync(directory).isSymbolicLink()
      ? path.resolve(path.dirname(directory), readlinkSync(directory))
      : undefined;
  } catch (error) {
    if (isNodeError(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** The place's cluster, made when there is none. Only for the process that has locked the place. */
export function prepareCluster(
  folder: string,
  account: Account,
  binaries: PostgresBinaries,
  fast: boolean,
): Cluster {
  const password = keepPassword(path.join(folder, 'password'), account);
  const data = path.join(folder, 'data');
  if (!existsSync(data)) createCluster(folder, data, account, binaries, fast);
  return { data, password };
}

function keepPassword(file: string, account: Account): string {
  if (!existsSync(file)) {
    const draft = `${file}.new`;
    writeFileSync(draft, randomBytes(18).toString('base64url'), { mode: 0o600 });
    own(draft, account, 0o600);
    renameSync(draft, file);
  }
  return readFileSync(file, 'utf8');
}

/** Makes the cluster under another name first: a `data` folder is always a whole cluster. */
function createCluster(
  folder: string,
  data: string,
  account: Account,
  binaries: PostgresBinaries,
  fast: boolean,
): void {
  const draft = `${data}.new`;
  rmSync(draft, { recursive: true, force: true });
  const made = runAs(account, binaries.initdb, [
    `--pgdata=${draft}`,
    `--username=${DATABASE_ROLE}`,
    `--pwfile=${path.join(folder, 'password')}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    // PostgreSQL's own collation sorts alike on every system and needs none of the system's locales.
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--locale=C',
    '--no-instructions',
    ...(fast ? ['--no-sync'] : []),
  ]);
  if (made.status !== 0) {
    throw new Error(`PostgreSQL's initdb failed in ${draft}: ${made.error?.message ?? made.stderr.trim()}`);
  }
  renameSync(draft, data);
}

function own(file: string, account: Account, mode: number): void {
  chmodSync(file, mode);
  if (account.uid !== undefined && account.gid !== undefined) chownSync(file, account.uid, account.gid);
}
