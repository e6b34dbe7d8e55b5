import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { partsOf, storeFailure } from './key.ts';
import type { ObjectStore, StoredObject } from './object-store.ts';

/** What may pass by itself: a full or flaky disk, a file server that was restarted. */
const passing = new Set([
  'EAGAIN',
  'EBUSY',
  'EDQUOT',
  'EIO',
  'EMFILE',
  'ENFILE',
  'ENOSPC',
  'ESTALE',
  'ETIMEDOUT',
]);

const ours = { folder: 0o700, file: 0o600 } as const;

/**
 * Files in a folder, which is made when something is written to it. What is made is readable by this account alone: the files
 * may name people who were erased everywhere else.
 */
export function createFolderStore(root: string): ObjectStore {
  const name = `folder ${root}`;
  const top = path.resolve(root);

  const at = async <Result>(
    verb: string,
    key: string,
    work: (file: string) => Promise<Result>,
  ): Promise<Result> => {
    const file = path.join(top, ...partsOf(name, verb, key));
    try {
      return await work(file);
    } catch (error) {
      throw troubleWith(name, verb, key, error);
    }
  };

  return {
    name,
    put: (key, content) => at('write', key, (file) => replace(top, file, content)),
    read: (key) => at('read', key, (file) => readWhole(file)),
    list: async (prefix) => {
      try {
        return await listBelow(root, prefix);
      } catch (error) {
        throw troubleWith(name, 'list', prefix, error);
      }
    },
    remove: (key) => at('remove', key, (file) => rm(file, { force: true })),
    close: () => Promise.resolve(),
  };
}

async function readWhole(file: string): Promise<Uint8Array | undefined> {
  const content = await unlessMissing(readFile(file), undefined);
  return content === undefined ? undefined : new Uint8Array(content);
}

/** A power failure, too, leaves either the file before or the whole new one, and the folders around it. */
async function replace(root: string, file: string, content: Uint8Array): Promise<void> {
  const folder = path.dirname(file);
  const unfinished = unfinishedName(path.basename(file));
  const made = await mkdir(folder, { recursive: true, mode: ours.folder });
  const temporary = path.join(folder, `${unfinished}${randomUUID()}`);
  try {
    await writeThrough(temporary, content);
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  // All of ours, not only what was made just now: an attempt before may have died between the making and this.
  for (const changed of foldersUp(folder, isAbove(made, root) ? path.dirname(made) : root))
    await syncFolder(changed);
  // A process that was killed in here left half a file behind. Taken from one that still writes, its rename fails and is tried again.
  const left = (await readdir(folder)).filter((other) => other.startsWith(unfinished));
  await Promise.all(left.map((other) => rm(path.join(folder, other), { force: true })));
}

async function writeThrough(file: string, content: Uint8Array): Promise<void> {
  const handle = await open(file, 'wx', ours.file);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Whether `made` is `root` itself or a folder above it. */
function isAbove(made: string | undefined, root: string): made is string {
  return made !== undefined && (made === root || root.startsWith(`${made}${path.sep}`));
}

/** `folder` and those above it up to `top`. */
function foldersUp(folder: string, top: string): readonly string[] {
  const above = path.dirname(folder);
  return folder === top || folder === above ? [folder] : [folder, ...foldersUp(above, top)];
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const UNFINISHED = '.unfinished.';

function unfinishedName(name: string): string {
  return `${UNFINISHED}${name}.`;
}

async function listBelow(root: string, prefix: string): Promise<readonly StoredObject[]> {
  const entries = await unlessMissing(readdir(root, { recursive: true, withFileTypes: true }), []);
  const keys = entries
    .filter((entry) => entry.isFile() && !entry.name.startsWith(UNFINISHED))
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)).split(path.sep).join('/'))
    .filter((key) => key.startsWith(prefix))
    .toSorted();
  const found = await Promise.all(
    keys.map(async (key) => {
      const stats = await unlessMissing(stat(path.join(root, key)), undefined);
      return stats === undefined ? [] : [{ key, modifiedAt: stats.mtime }];
    }),
  );
  return found.flat();
}

async function unlessMissing<Result, Missing>(
  work: Promise<Result>,
  missing: Missing,
): Promise<Result | Missing> {
  try {
    return await work;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return missing;
    throw error;
  }
}

function troubleWith(store: string, verb: string, key: string, error: unknown): Error {
  const code = codeOf(error);
  if (code === undefined) return error instanceof Error ? error : new Error(String(error));
  return storeFailure(store, {
    verb,
    key,
    what: inWords(code),
    transient: passing.has(code) || code === 'ENOENT',
  });
}

function inWords(code: string): string {
  switch (code) {
    case 'EACCES':
    case 'EPERM':
      return `is not allowed (${code}): give this account the right to it`;
    case 'EROFS':
      return `is not possible: the file system is read-only (${code})`;
    case 'ENOTDIR':
    case 'EEXIST':
    case 'EISDIR':
      return `is not possible: there is a file where a folder belongs, or the other way round (${code})`;
    case 'ENOSPC':
    case 'EDQUOT':
      return `is not possible: the disk is full (${code})`;
    default:
      return `failed (${code})`;
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
