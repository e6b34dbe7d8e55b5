import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSandboxLms } from '../../sandbox/lms/server.ts';
import type { ServerOptions } from '../../sandbox/shell/server.ts';
import { startSandboxWiki } from '../../sandbox/wiki/server.ts';
import { startPostgres, type RunningPostgres } from '../../stack/postgres.ts';
import { startTemporal, type RunningTemporal } from '../../stack/temporal-server.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { temporaryFolder } from '../support/folder.ts';
import { temporalBinary } from '../support/own-temporal.ts';
import { credentials } from '../support/retirement.ts';

/** Environment that other servers take as where to listen. */
const MISLEADING: Readonly<Record<string, string>> = {
  HOST: '0.0.0.0',
  ADDRESS: '0.0.0.0',
  FASTIFY_ADDRESS: '0.0.0.0',
  LISTEN: '0.0.0.0',
  PGHOST: '0.0.0.0',
  PGHOSTADDR: '0.0.0.0',
  TEMPORAL_BIND_ON_IP: '0.0.0.0',
  BIND_ON_IP: '0.0.0.0',
  TEMPORAL_BROADCAST_ADDRESS: '0.0.0.0',
  TEMPORAL_UI_HOST: '0.0.0.0',
};

let before: NodeJS.ProcessEnv;
let own: TestDatabase;
let database: string;
beforeAll(async () => {
  before = { ...process.env };
  own = await createDatabase();
  database = own.url;
  Object.assign(process.env, MISLEADING);
});
afterAll(async () => {
  for (const name of Object.keys(MISLEADING)) delete process.env[name];
  Object.assign(process.env, before);
  await own.drop();
});

/** Addresses and ports at which a process listens, as the system tells it: not what the process says of itself. */
function listeningOf(pid: number): readonly string[] {
  const inodes = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((descriptor) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(path.join(`/proc/${pid}/fd`, descriptor)))?.[1] ?? [];
      } catch {
        return [];
      }
    }),
  );
  return ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/${pid}/net/${table}`, 'utf8')
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter(([, , , state, , , , , , inode = '']) => state === '0A' && inodes.has(inode))
      .map(([, local = '']) => local.replace(/:.*$/, '')),
  );
}

/** 127.0.0.1, ::1 and ::ffff:127.0.0.1 as the system writes them. */
const LOOPBACK = ['0100007F', '00000000000000000000000001000000', '0000000000000000FFFF00000100007F'];

function expectLoopbackOnly(pid: number): void {
  const found = listeningOf(pid);
  expect(found.length).toBeGreaterThan(0);
  expect(found.filter((address) => !LOOPBACK.includes(address))).toEqual([]);
}

describe.skipIf(process.platform !== 'linux')('whatever the environment says,', () => {
  it('the sandbox LMS and wiki listen on the loopback address', async () => {
    const mine = (): readonly string[] => listeningOf(process.pid);
    const others = mine();
    const lms = await startSandboxLms({ databaseUrl: database, port: 0, credentials });
    const wiki = await startSandboxWiki({ databaseUrl: database, port: 0 });
    try {
      expect(mine()).toHaveLength(others.length + 2);
      expect(mine().filter((address) => !LOOPBACK.includes(address))).toEqual([]);
    } finally {
      await Promise.all([lms.close(), wiki.close()]);
    }
  });

  it('the embedded PostgreSQL listens on the loopback address', { timeout: 120_000 }, async () => {
    const postgres: RunningPostgres = await startPostgres({
      directory: path.join(temporaryFolder(), 'postgres'),
      fast: true,
      log: () => undefined,
    });
    try {
      expectLoopbackOnly(postgres.pid);
    } finally {
      await postgres.stop();
    }
  });

  it(
    'the embedded Temporal server and its UI listen on the loopback address',
    { timeout: 120_000 },
    async () => {
      const temporal: RunningTemporal = await startTemporal({
        binary: await temporalBinary(),
        directory: temporaryFolder(),
        inMemory: true,
        log: () => undefined,
      });
      try {
        expect(temporal.uiUrl).toMatch(/^http:\/\/127\.0\.0\.1:/);
        expectLoopbackOnly(temporal.pid);
      } finally {
        await temporal.stop();
      }
    },
  );
});

describe('a sandbox that is told to listen elsewhere', () => {
  it.each(['0.0.0.0', '::', 'localhost', '10.0.0.1', ''])('refuses %j in one clear line', async (host) => {
    // What plain JavaScript, or a careless cast, could hand over.
    const options = { databaseUrl: database, port: 0, host } as unknown as ServerOptions;
    await expect(startSandboxLms({ ...options, credentials })).rejects.toThrow(
      /^the sandbox LMS listens on 127\.0\.0\.1 only, not on .*$/,
    );
    await expect(startSandboxWiki(options)).rejects.toThrow(
      /^the sandbox wiki listens on 127\.0\.0\.1 only, not on .*$/,
    );
  });
});
