import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { isNodeError } from './processes.ts';

/**
 * Makes the links among PostgreSQL's libraries that an npm package cannot carry. The package's install script makes them
 * too, but npm runs install scripts only where it was told to. Throws where the folder cannot be written.
 */
export function completeLibraryLinks(packageRoot: string): void {
  for (const { source, target } of readLinks(path.join(packageRoot, 'native', 'pg-symlinks.json'))) {
    const link = path.join(packageRoot, target);
    if (existsSync(link)) continue;
    try {
      symlinkSync(path.relative(path.dirname(target), source), link);
    } catch (error) {
      if (!isNodeError(error, 'EEXIST')) throw error; // another process made it meanwhile
    }
  }
}

interface Link {
  readonly source: string;
  readonly target: string;
}

function readLinks(file: string): readonly Link[] {
  if (!existsSync(file)) return [];
  const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
  return Array.isArray(value) ? value.filter(isLink) : [];
}

function isLink(value: unknown): value is Link {
  if (typeof value !== 'object' || value === null) return false;
  return (
    'source' in value &&
    typeof value.source === 'string' &&
    'target' in value &&
    typeof value.target === 'string'
  );
}
