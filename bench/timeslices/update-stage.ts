import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { migrate } from '../../db/migrate.ts';
import { createSandboxControl, type SandboxControl } from '../../sandbox/control/client.ts';
import { sandboxConfigurationYaml } from '../../sandbox/lms/pipeline.ts';
import { registrarHome } from '../../stack/home.ts';
import { startPostgres } from '../../stack/postgres.ts';
import { findTemporal } from '../../stack/temporal-binary.ts';
import { startTemporal } from '../../stack/temporal-server.ts';
import { startProcess } from '../processes.ts';

export interface UpdateStage {
  readonly databaseUrl: string;
  readonly wikiDatabaseUrl: string;
  readonly client: Client;
  readonly wikiUrl: string;
  readonly wiki: SandboxControl;
  /** What an update is paid with; the wiki and its PostgreSQL are somebody else's. */
  readonly pids: { readonly worker: number; readonly postgres: number; readonly temporal: number };
}

/**
 * Runs `work` on a stack of its own: PostgreSQL, a Temporal server, the product's worker process as `registrar up` starts it,
 * and the sandbox wiki as another process with another PostgreSQL. Everything has ended when it returns.
 */
export async function onUpdateStage<Result>(
  log: (line: string) => void,
  work: (stage: UpdateStage) => Promise<Result>,
): Promise<Result> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'registrar-bench-'));
  // PostgreSQL's account passes through: data that it had to keep elsewhere would stay there.
  chmodSync(folder, 0o711);
  const undo: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  try {
    const within = (name: string): string => path.join(folder, name);
    const postgres = await startPostgres({ directory: within('postgres'), fast: true, log });
    undo.push(() => postgres.stop());
    const wikiPostgres = await startPostgres({ directory: within('wiki-postgres'), fast: true, log });
    undo.push(() => wikiPostgres.stop());
    const { path: binary } = await findTemporal({
      env: process.env,
      cacheDirectories: registrarHome(process.env).binaries,
      log,
    });
    const temporal = await startTemporal({ binary, directory: within('temporal'), headless: true, log });
    undo.push(() => temporal.stop());
    const databaseUrl = postgres.url('registrar');
    const wikiDatabaseUrl = wikiPostgres.url('registrar');
    await migrate(databaseUrl);

    const wiki = await startProcess(new URL('./update-wiki-process.js', import.meta.url), {
      args: [wikiDatabaseUrl],
    });
    undo.push(() => wiki.stop());
    const wikiUrl = String(wiki.message);
    const configurationPath = within('registrar.yml');
    writeFileSync(configurationPath, configurationYaml(wikiUrl));
    const worker = await startProcess(new URL('../../bin/worker-process.js', import.meta.url), {
      env: {
        DATABASE_URL: databaseUrl,
        TEMPORAL_ADDRESS: temporal.address,
        REGISTRAR_CONFIG: configurationPath,
        REGISTRAR_LOG_LEVEL: 'warn',
      },
    });
    undo.push(() => worker.stop());
    const connection = await Connection.connect({ address: temporal.address });
    undo.push(() => connection.close());
    return await work({
      databaseUrl,
      wikiDatabaseUrl,
      client: new Client({ connection }),
      wikiUrl,
      wiki: createSandboxControl(wikiUrl),
      pids: { worker: worker.pid, postgres: postgres.pid, temporal: temporal.pid },
    });
  } finally {
    for (const step of undo.reverse()) await step();
  }
}

/** Course updates never ask an LMS, but a configuration has one. */
function configurationYaml(wikiUrl: string): string {
  return sandboxConfigurationYaml({
    lmsUrl: 'http://127.0.0.1:9',
    clientId: 'nobody',
    clientSecret: 'nothing',
    wikiUrl,
  });
}
