import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { Client, Connection } from '@temporalio/client';
import pg from 'pg';
import { openDatabase, type Database } from '../../db/database.ts';
import { createSandboxControl, type SandboxControl } from '../../sandbox/control/client.ts';
import { anyFreePort } from '../../stack/ports.ts';
import { startTemporal } from '../../stack/temporal-server.ts';
import { registrar, type Ran } from '../client/command-line.ts';
import { createDatabase } from '../support/database.ts';
import { temporalBinary } from '../support/own-temporal.ts';
import { startScript } from '../support/script.ts';
import { startSubscriberService } from '../support/subscriber-service.ts';
import { waitFor } from '../support/wait.ts';
import { startServedWorker, type ServedWorker } from '../worker/served-worker.ts';
import {
  files,
  inPlace,
  readManifest,
  RELEASES,
  unpackDist,
  type Place,
  type ReleaseManifest,
} from './release-manifest.ts';

const NODE_MODULES = fileURLToPath(new URL('../../node_modules', import.meta.url));

/** What a release left behind, on running servers again: nothing of Registrar runs yet. */
export interface RestoredRelease {
  readonly manifest: ReleaseManifest;
  readonly place: Place;
  readonly database: Database;
  readonly client: Client;
  readonly connection: Connection;
  readonly lms: SandboxControl;
  /** What an operator has set, for commands and workers. */
  readonly env: Readonly<Record<string, string>>;
  /** A command of today. */
  registrar(argv: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ran>;
  /** A worker of today; answers once it polls. */
  startWorker(env?: Readonly<Record<string, string>>): Promise<ServedWorker>;
  /** A worker of the release itself; answers once it polls. */
  startOldWorker(): Promise<OldWorker>;
  close(): Promise<void>;
}

export interface OldWorker {
  readonly pid: number;
  said(): string;
  /** Asks it to end, as an operator does, and waits. */
  stop(): Promise<void>;
}

/** Brings back the state of a release: its database, Temporal's, and the platform that it talked to, all on new ports. */
export async function restoreRelease(version: string): Promise<RestoredRelease> {
  const manifest = readManifest(version);
  const stored = path.join(RELEASES, version);
  const folder = mkdtempSync(path.join(os.tmpdir(), 'registrar-upgrade-'));
  chmodSync(folder, 0o711);
  const undo: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  const close = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const dist = unpack(version, folder);
    const testDatabase = await createDatabase();
    undo.push(() => testDatabase.drop());
    const place = await restorePlatform({ manifest, dist, folder, databaseUrl: testDatabase.url, undo });
    const sql = gunzipSync(readFileSync(path.join(stored, files.database))).toString('utf8');
    await execute(testDatabase.url, inPlace(sql, place));

    const directory = path.join(folder, 'temporal');
    mkdirSync(directory);
    writeFileSync(
      path.join(directory, 'temporal.db'),
      gunzipSync(readFileSync(path.join(stored, files.temporal))),
    );
    const server = await startTemporal({
      binary: await temporalBinary(),
      directory,
      port: await anyFreePort(),
      headless: true,
      log: () => undefined,
    });
    undo.push(() => server.stop());
    const connection = await Connection.connect({ address: server.address });
    undo.push(() => connection.close());
    const database = openDatabase({ url: testDatabase.url });
    undo.push(() => database.close());

    const configurationPath = path.join(folder, files.configuration);
    writeFileSync(configurationPath, readFileSync(path.join(stored, files.configuration)));
    const env = {
      ...manifest.environment,
      ...place,
      DATABASE_URL: testDatabase.url,
      TEMPORAL_ADDRESS: server.address,
      TEMPORAL_NAMESPACE: 'default',
      TEMPORAL_CONFIG_FILE: '/nonexistent/temporal.toml',
      REGISTRAR_CONFIG: configurationPath,
    };
    return {
      manifest,
      place,
      database,
      client: new Client({ connection }),
      connection,
      lms: createSandboxControl(place.LMS_URL),
      env,
      registrar: (argv, more = {}) => registrar(argv, { env: { ...env, ...more } }),
      startWorker: async (more = {}) => {
        const worker = await startServedWorker({
          databaseUrl: testDatabase.url,
          temporalAddress: server.address,
          namespace: 'default',
          configurationPath,
          env: { ...env, ...more },
        });
        undo.push(async () => {
          worker.signal('SIGKILL');
          await worker.ended();
        });
        await worker.ready();
        return worker;
      },
      startOldWorker: async () => {
        const worker = await startOldWorker(dist, env);
        undo.push(() => worker.stop());
        return worker;
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Answers the folder of the compiled release; the libraries are today's. */
function unpack(version: string, folder: string): string {
  const root = path.join(folder, 'release');
  mkdirSync(root);
  unpackDist(version, root);
  symlinkSync(NODE_MODULES, path.join(root, 'node_modules'));
  return path.join(root, 'dist');
}

async function restorePlatform({
  manifest,
  dist,
  folder,
  databaseUrl,
  undo,
}: {
  readonly manifest: ReleaseManifest;
  readonly dist: string;
  readonly folder: string;
  readonly databaseUrl: string;
  readonly undo: (() => unknown)[];
}): Promise<Place> {
  const { LMS_CLIENT_ID = '', LMS_CLIENT_SECRET = '' } = manifest.environment;
  const platform = startScript(new URL('./old-release.ts', import.meta.url), [
    dist,
    databaseUrl,
    LMS_CLIENT_ID,
    LMS_CLIENT_SECRET,
  ]);
  undo.push(() => platform.kill('SIGKILL'));
  const newsletter = await startSubscriberService();
  undo.push(() => newsletter.close());
  for (const { part, userId } of manifest.learners) {
    if (part === 'complete') await fetch(`${newsletter.url}/subscribers/${userId}`, { method: 'DELETE' });
  }
  const delivered = path.join(folder, 'delivered');
  mkdirSync(delivered);
  const addresses = JSON.parse(await platform.line()) as Pick<
    Place,
    'LMS_URL' | 'WIKI_URL' | 'SECOND_WIKI_URL'
  >;
  return { ...addresses, NEWSLETTER_URL: newsletter.url, DELIVERY_FOLDER: delivered };
}

async function execute(url: string, statements: string): Promise<void> {
  const connection = new pg.Client({ connectionString: url });
  await connection.connect();
  try {
    await connection.query(statements);
  } finally {
    await connection.end();
  }
}

async function startOldWorker(dist: string, env: Readonly<Record<string, string>>): Promise<OldWorker> {
  const child = spawn(process.execPath, [path.join(dist, 'bin', 'registrar.js'), 'worker'], {
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const { pid } = child;
  if (pid === undefined) throw new Error('the old worker cannot be started');
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')));
  const ended = once(child, 'exit');
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    await ended;
  };
  await waitFor(
    () => {
      if (child.exitCode !== null) throw new Error(`the old worker ended: ${said}`);
      return said.includes('worker ready');
    },
    { what: 'the old worker to poll', timeoutMs: 100_000 },
  );
  return { pid, said: () => said, stop };
}
