import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { findTemporal, type FindTemporalOptions } from '../../stack/temporal-binary.ts';
import { temporaryFolder } from '../support/folder.ts';

const WORKS = '#!/bin/sh\nexit 0\n';
const BROKEN = '#!/bin/sh\nexit 1\n';
/** A stand-in for Go: counts its builds, takes a moment, and puts a command that works into GOBIN. */
const GO = `#!/bin/sh
[ "$1" = version ] && exit 0
echo "$2" >> "$BUILDS"
sleep 0.3
printf '#!/bin/sh\\nexit 0\\n' > "$GOBIN/temporal"
chmod +x "$GOBIN/temporal"
`;

describe('findTemporal', () => {
  test('prefers the PATH, then the home, then the shared cache', async () => {
    const place = makePlace();
    const [onPath, inHome, inCache] = [place.path, place.home, place.cache].map((folder) =>
      put(folder, WORKS),
    );
    expect(await findTemporal(place.options)).toEqual({ path: onPath, origin: 'PATH' });
    put(place.path, BROKEN);
    expect(await findTemporal(place.options)).toEqual({ path: inHome, origin: 'cache' });
    put(place.home, BROKEN);
    expect(await findTemporal(place.options)).toEqual({ path: inCache, origin: 'cache' });
  });

  test('builds one with Go into the shared cache where nothing can be downloaded, once for all who ask', async () => {
    const place = makePlace();
    put(place.path, GO, 'go');
    const found = await Promise.all([findTemporal(place.options), findTemporal(place.options)]);
    const built = path.join(place.cache, 'temporal');
    expect(found.map(({ path: binary }) => binary)).toEqual([built, built]);
    expect(found.map(({ origin }) => origin).sort()).toEqual(['cache', 'go install (v1.5.1)']);
    expect(readFileSync(place.builds, 'utf8')).toBe('github.com/temporalio/cli/cmd/temporal@v1.5.1\n');
  });

  test('says on one line what was tried and what to do when nothing works', async () => {
    const place = makePlace();
    const message = await findTemporal(place.options).catch((error: unknown) => (error as Error).message);
    expect(message).toMatch(
      /^no Temporal server: .*download: .*go is not installed.*or set TEMPORAL_ADDRESS/,
    );
    expect(message).not.toContain('\n');
    expect(existsSync(path.join(place.cache, 'temporal.lock'))).toBe(false);
  });
});

interface Place {
  readonly path: string;
  readonly home: string;
  readonly cache: string;
  /** The stand-in for Go writes a line here for each build. */
  readonly builds: string;
  readonly options: FindTemporalOptions;
}

function makePlace(): Place {
  const root = temporaryFolder();
  const [onPath, home, cache] = [path.join(root, 'path'), path.join(root, 'home'), path.join(root, 'cache')];
  for (const folder of [onPath, home, cache]) mkdirSync(folder);
  const builds = path.join(root, 'builds');
  // Nothing listens on the discard port: a download fails at once, whatever the network.
  const env = { PATH: `${onPath}:/bin`, BUILDS: builds, https_proxy: 'http://127.0.0.1:9' };
  const output = { write: () => true };
  return {
    path: onPath,
    home,
    cache,
    builds,
    options: { env, cacheDirectories: [home, cache], log: () => undefined, output },
  };
}

function put(folder: string, script: string, name = 'temporal'): string {
  const file = path.join(folder, name);
  writeFileSync(file, script);
  chmodSync(file, 0o755);
  return file;
}
