import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';
import { isLock, lockHolder, tryLock } from '../../stack/lock.ts';
import { anyFreePort } from '../../stack/ports.ts';
import { startPostgres, stopLeftoverPostgres } from '../../stack/postgres.ts';
import { findTemporal } from '../../stack/temporal-binary.ts';
import { registrarHome } from '../../stack/home.ts';
import { startTemporal, stopLeftoverTemporal } from '../../stack/temporal-server.ts';
import { migrate } from '../../db/migrate.ts';
import { createDatabaseOn, dropDatabaseOn } from './database.ts';
import { attempt } from './provided.ts';

const FOLDER_PREFIX = 'registrar-test-';

/**
 * Starts one PostgreSQL and one Temporal server for the whole run, in a folder of their own that goes with them.
 * REGISTRAR_TEST_DATABASE_URL and REGISTRAR_TEST_TEMPORAL_ADDRESS name running ones to use instead.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  await removeLeftFolders();
  const folder = mkdtempSync(path.join(os.tmpdir(), FOLDER_PREFIX));
  chmodSync(folder, 0o711);
  if (!isLock(tryLock(path.join(folder, 'run')))) throw new Error(`${folder} is taken`);
  const undo: (() => unknown)[] = [
    () => {
      rmSync(folder, { recursive: true, force: true });
    },
  ];
  const teardown = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step();
  };

  const started = await Promise.allSettled([
    provideDatabase(project, folder, undo),
    provideTemporal(project, folder, undo),
    provideBundle(project, folder),
  ]);
  const failure = started.find((outcome) => outcome.status === 'rejected');
  if (failure) {
    await teardown();
    throw failure.reason;
  }
  return teardown;
}

async function provideDatabase(project: TestProject, folder: string, undo: (() => unknown)[]): Promise<void> {
  const running = process.env['REGISTRAR_TEST_DATABASE_URL'] ?? (await ownPostgres(folder, undo));
  const template = `template_${randomBytes(6).toString('hex')}`;
  const url = await createDatabaseOn(running, template);
  undo.push(() => dropDatabaseOn(running, template));
  project.provide('adminDatabaseUrl', running);
  project.provide(
    'migratedTemplate',
    await attempt('the migrations failed', () => migrate(url).then(() => template)),
  );
}

async function ownPostgres(folder: string, undo: (() => unknown)[]): Promise<string> {
  const postgres = await startPostgres({
    directory: path.join(folder, 'postgres'),
    port: await anyFreePort(),
    fast: true,
    log,
  });
  undo.push(() => postgres.stop());
  return postgres.url('postgres');
}

async function provideTemporal(project: TestProject, folder: string, undo: (() => unknown)[]): Promise<void> {
  const running = process.env['REGISTRAR_TEST_TEMPORAL_ADDRESS'];
  if (running !== undefined) {
    project.provide('temporalAddress', running);
    return;
  }
  const { path: binary } = await findTemporal({
    env: process.env,
    cacheDirectories: registrarHome(process.env).binaries,
    log,
  });
  const temporal = await startTemporal({
    binary,
    directory: path.join(folder, 'temporal'),
    port: await anyFreePort(),
    inMemory: true,
    headless: true,
    // A test file waits for its fresh namespace to become known; the default is two seconds.
    dynamicConfig: { 'system.namespaceCacheRefreshInterval': '100ms' },
    log,
  });
  undo.push(() => temporal.stop());
  project.provide('temporalAddress', temporal.address);
}

/** Bundles the workflows once for every worker of every file: three seconds each otherwise. */
async function provideBundle(project: TestProject, folder: string): Promise<void> {
  const workflowsPath = fileURLToPath(new URL('../../workflows/index.ts', import.meta.url));
  const bundle = await attempt('the workflows cannot be bundled', async () => {
    if (!existsSync(workflowsPath)) throw new Error(`${workflowsPath} is missing`);
    const { bundleWorkflowCode, DefaultLogger } = await import('@temporalio/worker');
    const payloadConverterPath = path.join(path.dirname(workflowsPath), 'payload-converter.ts');
    const { code } = await bundleWorkflowCode({
      workflowsPath,
      payloadConverterPath,
      logger: new DefaultLogger('WARN'),
    });
    const codePath = path.join(folder, 'workflows.js');
    writeFileSync(codePath, code);
    return codePath;
  });
  project.provide('workflowBundle', bundle);
}

/** Ends the servers of runs that were killed, and removes their folders. */
async function removeLeftFolders(): Promise<void> {
  for (const name of readdirSync(os.tmpdir()).filter((entry) => entry.startsWith(FOLDER_PREFIX))) {
    const folder = path.join(os.tmpdir(), name);
    const run = path.join(folder, 'run');
    if (!existsSync(run) || lockHolder(run)) continue;
    await stopLeftoverTemporal(path.join(folder, 'temporal'), log);
    await stopLeftoverPostgres(path.join(folder, 'postgres'), log);
    rmSync(folder, { recursive: true, force: true });
  }
}

function log(line: string): void {
  process.stderr.write(`${line}\n`);
}
