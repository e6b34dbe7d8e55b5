import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { chmodSync, mkdirSync, statSync } from 'node:fs';

/** Whom a server runs as; empty means as whoever runs this process. */
export interface Account {
  readonly uid?: number;
  readonly gid?: number;
}

/** Where root keeps what an unprivileged account must reach while the project lies in a closed folder, such as `/root`. */
const OPEN_FOLDERS = ['/var/lib/registrar', '/var/tmp/registrar'] as const;

/**
 * The account for PostgreSQL, which refuses to run as root: for root `postgres`, which is created where it is missing
 * (or `nobody` where it cannot be), else the current one.
 */
export function databaseAccount(): Account {
  if (process.getuid?.() !== 0) return {};
  const existing = lookUp('postgres') ?? created('postgres') ?? lookUp('nobody');
  if (!existing) {
    throw new Error(
      'PostgreSQL does not run as root: create a user for it (useradd --system postgres) or run as another user',
    );
  }
  return existing;
}

/** Runs a program to its end as the account. */
export function runAs(account: Account, program: string, args: readonly string[]): SpawnSyncReturns<string> {
  return spawnSync(program, args, { ...account, encoding: 'utf8', cwd: '/' });
}

/** True when the account may enter the folder: every folder above it lets it through. */
export function canEnter(account: Account, folder: string): boolean {
  return runAs(account, '/bin/sh', ['-c', 'cd "$1"', 'sh', folder]).status === 0;
}

/** A folder that every account may pass through and that only this account may write in. Root only. */
export function openFolder(): string {
  for (const folder of OPEN_FOLDERS) {
    try {
      mkdirSync(folder, { recursive: true });
      if (statSync(folder).uid !== 0) continue; // somebody was there before us in a folder that is everybody's
      chmodSync(folder, 0o755);
      return folder;
    } catch {
      continue; // a read-only part of the system: the next may do
    }
  }
  throw new Error(
    `none of ${OPEN_FOLDERS.join(', ')} can be written; set REGISTRAR_HOME to a folder that every user may enter`,
  );
}

function lookUp(name: string): Account | undefined {
  const [uid, gid] = ['-u', '-g'].map((flag) => spawnSync('id', [flag, name], { encoding: 'utf8' }));
  if (uid?.status !== 0 || gid?.status !== 0) return undefined;
  return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
}

function created(name: string): Account | undefined {
  spawnSync('useradd', [
    '--system',
    '--user-group',
    '--no-create-home',
    '--shell',
    '/usr/sbin/nologin',
    name,
  ]);
  return lookUp(name);
}
