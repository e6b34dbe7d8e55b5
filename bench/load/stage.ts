import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { openSession, type Session } from '../../client/session.ts';
import { setUp } from '../../client/setup/set-up.ts';
import type { TemporalAccess } from '../../client/temporal.ts';
import type { Database } from '../../db/database.ts';
import { createSandboxControl, type SandboxControl } from '../../sandbox/control/client.ts';
import { sandboxConfigurationYaml } from '../../sandbox/lms/pipeline.ts';
import { registrarHome } from '../../stack/home.ts';
import { anyFreePort } from '../../stack/ports.ts';
import { startPostgres } from '../../stack/postgres.ts';
import { findTemporal } from '../../stack/temporal-binary.ts';
import { startTemporal } from '../../stack/temporal-server.ts';
import { startProcess } from '../processes.ts';
import { credentials } from '../retirement/credentials.ts';
import { prepareStatements } from './statements.ts';

/** Where CPU time goes. `sandboxes`: LMS, wiki and their PostgreSQL, which are somebody else's. */
export type Party = 'worker' | 'temporal' | 'postgres' | 'sandboxes';

export interface LoadStage {
  /** By which commands find everything. */
  readonly env: Readonly<Record<string, string>>;
  readonly database: Database;
  readonly session: Session;
  readonly temporal: TemporalAccess;
  readonly temporalDirectory: string;
  readonly lms: SandboxControl;
  readonly wiki: SandboxControl;
  readonly wikiUrl: string;
  readonly metricsUrl: string;
  readonly pids: Readonly<Record<Party, readonly number[]>>;
  readonly log: (line: string) => void;
}

export interface StageOptions {
  /** Options of Node for the worker's process alone. */
  readonly workerOptions: readonly string[];
  readonly log: (line: string) => void;
}

export const COOL_OFF_DAYS = 7;
export const DEADLINE_DAYS = 30;
export const DEADLINE_WARNING_DAYS = 5;

/**
 * Runs `work` on a stack of its own: PostgreSQL, a Temporal server on a file, one worker process as `registrar up` starts it, and
 * the sandboxes as processes with another PostgreSQL. Everything has ended when it returns.
 */
export async function onLoadStage<Result>(
  { workerOptions, log }: StageOptions,
  work: (stage: LoadStage) => Promise<Result>,
): Promise<Result> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'registrar-load-'));
  // PostgreSQL's account passes through: data that it had to keep elsewhere would stay there.
  chmodSync(folder, 0o711);
  const within = (name: string): string => path.join(folder, name);
  const undo: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  const undone = <Started extends { stop(): Promise<void> }>(started: Started): Started => {
    undo.push(() => started.stop());
    return started;
  };
  try {
    const outside = undone(await startPostgres({ directory: within('outside'), fast: true, log }));
    await prepareStatements(within('postgres'), log);
    const postgres = undone(await startPostgres({ directory: within('postgres'), fast: true, log }));
    const { path: binary } = await findTemporal({
      env: process.env,
      cacheDirectories: registrarHome(process.env).binaries,
      log,
    });
    const temporalDirectory = within('temporal');
    const server = undone(await startTemporal({ binary, directory: temporalDirectory, headless: true, log }));
    const sandbox = async (file: string): ReturnType<typeof startProcess> =>
      undone(
        await startProcess(new URL(file, import.meta.url), {
          args: [outside.url('registrar')],
        }),
      );
    const lms = await sandbox('../retirement/sandbox-process.js');
    const wiki = await sandbox('../timeslices/update-wiki-process.js');
    const [lmsUrl, wikiUrl] = [String(lms.message), String(wiki.message)];

    writeFileSync(within('registrar.yml'), configurationYaml(lmsUrl, wikiUrl));
    const httpAddress = `127.0.0.1:${await anyFreePort()}`;
    const env = {
      DATABASE_URL: postgres.url('registrar'),
      TEMPORAL_ADDRESS: server.address,
      TEMPORAL_NAMESPACE: 'default',
      REGISTRAR_CONFIG: within('registrar.yml'),
      REGISTRAR_LOG_LEVEL: 'error',
    };
    const session = openSession(env);
    undo.push(() => session.close());
    const temporal = await session.temporal();
    await setUp({
      databaseUrl: env.DATABASE_URL,
      temporal,
      configuration: await session.configuration(),
    });
    const worker = undone(
      await startProcess(new URL('../../bin/worker-process.js', import.meta.url), {
        env: { ...env, REGISTRAR_HTTP_ADDRESS: httpAddress },
        nodeOptions: workerOptions,
      }),
    );
    return await work({
      env,
      database: session.database(),
      session,
      temporal,
      temporalDirectory,
      lms: createSandboxControl(lmsUrl),
      wiki: createSandboxControl(wikiUrl),
      wikiUrl,
      metricsUrl: `http://${httpAddress}/metrics`,
      pids: {
        worker: [worker.pid],
        temporal: [server.pid],
        postgres: [postgres.pid],
        sandboxes: [lms.pid, wiki.pid, outside.pid],
      },
      log,
    });
  } finally {
    for (const step of undo.reverse()) await step();
  }
}

function configurationYaml(lmsUrl: string, wikiUrl: string): string {
  const { clientId, clientSecret } = credentials;
  return sandboxConfigurationYaml({
    lmsUrl,
    wikiUrl,
    clientId,
    clientSecret,
    coolOffDays: COOL_OFF_DAYS,
    registrar: {
      deadline_days: DEADLINE_DAYS,
      deadline_warning_days: DEADLINE_WARNING_DAYS,
      // Collections are asked for when they are measured; the schedule's would come in between.
      collect_every: '30d',
      user_count_error_threshold: 1_000_000,
      max_user_batch_size: 1_000_000,
    },
  });
}
