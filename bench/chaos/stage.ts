import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { openSession } from '../../client/session.ts';
import { setUp } from '../../client/setup/set-up.ts';
import { createSandboxControl, type SandboxControl } from '../../sandbox/control/client.ts';
import { sandboxConfigurationYaml } from '../../sandbox/lms/pipeline.ts';
import { startSandboxLms } from '../../sandbox/lms/server.ts';
import { startSandboxWiki } from '../../sandbox/wiki/server.ts';
import { registrarHome } from '../../stack/home.ts';
import { choosePort } from '../../stack/ports.ts';
import { startPostgres, type RunningPostgres } from '../../stack/postgres.ts';
import { findTemporal } from '../../stack/temporal-binary.ts';
import { startTemporal, type RunningTemporal } from '../../stack/temporal-server.ts';
import { chaosPipeline, NEWSLETTER } from './cast.ts';
import type { Journal } from './journal.ts';
import type { FaultyServer, Victim } from './step.ts';
import { startThirdParty, type ThirdParty } from './third-party.ts';
import { superviseServer, superviseWorker, type KillableProcess } from './victims.ts';

const DAY_SECONDS = 86_400;

export interface Stage {
  readonly folder: string;
  /** What the product's commands read. */
  readonly env: Readonly<Record<string, string>>;
  readonly databaseUrl: string;
  /** Of the sandboxes, which nobody kills: what they know is what really happened. */
  readonly outsideUrl: string;
  readonly temporalDirectory: string;
  readonly controls: Readonly<Record<FaultyServer, SandboxControl>>;
  readonly wikiUrls: readonly [string, string];
  readonly thirdParty: ThirdParty;
  readonly victims: ReadonlyMap<Victim, KillableProcess>;
}

export interface StageOptions {
  readonly workers: number;
  /** Keeps the folder. */
  readonly keep: boolean;
  readonly journal: Journal;
}

const credentials = {
  clientId: 'chaos',
  clientSecret: 'chaos-secret',
  plainClientId: 'chaos-plain',
  plainClientSecret: 'chaos-plain-secret',
} as const;

/**
 * Runs `work` on servers of its own: the product's PostgreSQL, a Temporal server on a database file and worker processes, which may
 * be killed; the sandboxes with a PostgreSQL of theirs and a third party, which may not. Everything has ended when it returns.
 */
export async function onStage<Result>(
  { workers, keep, journal }: StageOptions,
  work: (stage: Stage) => Promise<Result>,
): Promise<Result> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'registrar-chaos-'));
  // PostgreSQL's account passes through: data that it had to keep elsewhere would stay there.
  chmodSync(folder, 0o711);
  const within = (name: string): string => path.join(folder, name);
  const log = (line: string): void => journal.note(null, line);
  const undo: (() => unknown)[] = [
    () => (keep ? log(`kept ${folder}`) : rmSync(folder, { recursive: true, force: true })),
  ];
  try {
    const outside = await startPostgres({
      directory: within('outside'),
      port: await steadyPort(),
      fast: true,
      log,
    });
    undo.push(() => outside.stop());
    const postgres = await superviseServer<RunningPostgres>('postgres', journal, async (before) =>
      startPostgres({
        directory: within('postgres'),
        fast: true,
        port: before?.port ?? (await steadyPort()),
        log,
      }),
    );
    undo.push(() => postgres.stop());
    const { path: binary } = await findTemporal({
      env: process.env,
      cacheDirectories: registrarHome(process.env).binaries,
      log,
    });
    const temporalDirectory = within('temporal');
    const temporal = await superviseServer<RunningTemporal>('temporal', journal, async (before) => {
      const port = before === undefined ? await steadyPort() : Number(before.address.split(':').at(-1));
      return startTemporal({ binary, directory: temporalDirectory, headless: true, port, log });
    });
    undo.push(() => temporal.stop());

    const lms = await startSandboxLms({ databaseUrl: outside.url('registrar'), port: 0, credentials });
    undo.push(() => lms.close());
    const countedSchemas = { 'wikipedia/fr': 'sandbox_wiki_fr' };
    const wikiOptions = { databaseUrl: outside.url('registrar'), port: 0 };
    const second = await startSandboxWiki({ ...wikiOptions, schema: 'sandbox_wiki_fr', language: 'fr' });
    undo.push(() => second.close());
    const wiki = await startSandboxWiki({ ...wikiOptions, countedSchemas });
    undo.push(() => wiki.close());
    const thirdParty = await startThirdParty();
    undo.push(() => thirdParty.close());

    const configurationPath = within('registrar.yml');
    writeFileSync(
      configurationPath,
      configurationYaml({
        lmsUrl: lms.url,
        wikiUrl: wiki.url,
        thirdPartyUrl: thirdParty.url,
        deliveryFolder: within('delivered'),
      }),
    );
    const databaseUrl = postgres.first.url('registrar');
    const env = {
      DATABASE_URL: databaseUrl,
      TEMPORAL_ADDRESS: temporal.first.address,
      TEMPORAL_NAMESPACE: 'default',
      REGISTRAR_CONFIG: configurationPath,
      REGISTRAR_LOG_LEVEL: 'info',
    };
    await setUpProduct(env);
    const processes = Array.from({ length: workers }, (_, index) =>
      superviseWorker({
        name: `worker-${index}`,
        file: new URL('../../bin/worker-process.js', import.meta.url),
        env,
        logFile: within(`worker-${index}.log`),
        journal,
      }),
    );
    for (const worker of processes) undo.push(() => worker.stop());
    await Promise.all(processes.map((worker) => worker.revive()));
    return await work({
      folder,
      env,
      databaseUrl,
      outsideUrl: outside.url('registrar'),
      temporalDirectory,
      controls: {
        lms: createSandboxControl(lms.url),
        wiki: createSandboxControl(wiki.url),
        'second-wiki': createSandboxControl(second.url),
        'third-party': createSandboxControl(thirdParty.url),
      },
      wikiUrls: [wiki.url, second.url],
      thirdParty,
      victims: new Map([postgres, temporal, ...processes].map((victim) => [victim.name, victim])),
    });
  } finally {
    for (const step of undo.reverse()) await step();
  }
}

/** Below the ports that systems give to outgoing connections: nobody takes it while its server is down. */
async function steadyPort(): Promise<number> {
  return choosePort(Array.from({ length: 20 }, () => 20_000 + Math.floor(Math.random() * 10_000)));
}

async function setUpProduct(env: Readonly<Record<string, string>>): Promise<void> {
  const session = openSession(env);
  try {
    const configuration = await session.configuration();
    await setUp({
      databaseUrl: env['DATABASE_URL'] ?? '',
      temporal: await session.temporal(),
      configuration,
    });
  } finally {
    await session.close();
  }
}

function configurationYaml(urls: {
  readonly lmsUrl: string;
  readonly wikiUrl: string;
  readonly thirdPartyUrl: string;
  readonly deliveryFolder: string;
}): string {
  const archive = {
    destination: `${urls.deliveryFolder}/archive`,
    after_days: 30 / DAY_SECONDS,
    every: '1d',
  };
  return sandboxConfigurationYaml({
    ...urls,
    clientId: credentials.clientId,
    clientSecret: credentials.clientSecret,
    pipeline: chaosPipeline,
    coolOffDays: 6 / DAY_SECONDS,
    registrar: {
      // Short enough that budgets are spent and requests time out within a run.
      retry_initial: '50ms',
      retry_maximum: '1s',
      retry_budget: '8s',
      request_timeout: '2s',
      collect_every: '5s',
      user_count_error_threshold: 100_000,
      max_user_batch_size: 100_000,
      probe_after_days: 12 / DAY_SECONDS,
      archive,
      services: {
        [NEWSLETTER]: {
          base_url: urls.thirdPartyUrl,
          methods: {
            forget: {
              verb: 'POST',
              path: '/forget/{user_id}',
              body: { username: '{original_username}', email: '{original_email}' },
              nothing_to_erase: [404],
              verify: { path: '/people/{user_id}', gone: [404] },
            },
          },
        },
      },
    },
  });
}
