import path from 'node:path';
import { configurationPath } from '../config/environment.ts';
import { loadConfiguration } from '../config/load.ts';
import { describeProblem } from '../config/problem.ts';
import { readVariable } from '../config/secret-files.ts';
import { setUp } from '../client/setup/set-up.ts';
import { connectTemporal } from '../client/temporal.ts';
import { acquireHome, registrarHome } from '../stack/home.ts';
import { startPostgres, type RunningPostgres } from '../stack/postgres.ts';
import { removeStack, writeStack } from '../stack/state.ts';
import { findTemporal } from '../stack/temporal-binary.ts';
import { startTemporal, type RunningTemporal } from '../stack/temporal-server.ts';
import { superviseServer } from './server-child.ts';
import { startSandbox, type SandboxSettings } from './sandbox.ts';
import { superviseWorker } from './worker-child.ts';

export interface ComposeOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The sandbox LMS and wikis beside the rest. */
  readonly sandbox?: SandboxSettings | undefined;
  readonly log: (line: string) => void;
}

export interface RunningProduct {
  /** What `registrar env` prints. */
  readonly environment: Readonly<Record<string, string>>;
  /** Resolves once the worker polls. */
  readonly ready: Promise<void>;
  /** Ends everything that was started here, the worker first. May be called twice. */
  stop(): Promise<void>;
}

/**
 * Brings up what `env` does not name already: PostgreSQL, the Temporal server, with `sandbox` the sandbox LMS and wikis; then
 * migrates, registers search attributes and schedules, and runs the worker. Writes down what runs for `registrar env`.
 */
export async function compose({ env, sandbox, log }: ComposeOptions): Promise<RunningProduct> {
  const home = registrarHome(env);
  const lock = acquireHome(home);
  const undo: (() => unknown)[] = [() => lock.release()];
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopped ??= undoAll(undo));
  try {
    const environment: Record<string, string> = {};
    environment['DATABASE_URL'] =
      readVariable(env, 'DATABASE_URL') ??
      (await embeddedPostgres(home.postgres, sandbox !== undefined, undo, log));
    Object.assign(environment, await temporalEnvironment({ env, home, undo, log }));
    if (sandbox !== undefined) {
      const running = await startSandbox(home.sandbox, environment['DATABASE_URL'], sandbox);
      undo.push(() => running.close());
      Object.assign(environment, running.environment);
      const { LMS_URL, WIKI_URL, SECOND_WIKI_URL } = running.environment;
      log(`Sandbox LMS at ${LMS_URL ?? ''}, sandbox wikis at ${WIKI_URL ?? ''} and ${SECOND_WIKI_URL ?? ''}`);
    } else {
      environment['REGISTRAR_CONFIG'] = path.resolve(configurationPath(env));
    }
    if (env['REGISTRAR_CONFIG']) environment['REGISTRAR_CONFIG'] = path.resolve(env['REGISTRAR_CONFIG']);
    const childEnv = { ...env, DATABASE_URL_FILE: '', ...environment };
    await setUpProduct(childEnv, log);

    const startedAt = new Date().toISOString();
    let announce: () => void = () => undefined;
    const ready = new Promise<void>((resolve) => (announce = resolve));
    undo.push(() => removeStack(home));
    const worker = superviseWorker({
      env: childEnv,
      log,
      onChange: (state) => {
        const processes = state.pid === undefined ? {} : { worker: state.pid };
        if (stopped === undefined)
          writeStack(home, { startedAt, ready: state.ready, environment, processes });
        if (state.ready) announce();
      },
    });
    undo.push(() => worker.stop());
    return { environment, ready, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Migrations, search attributes, schedules. A configuration with mistakes keeps nobody from coming up to mend it. */
async function setUpProduct(env: ComposeOptions['env'], log: (line: string) => void): Promise<void> {
  const loaded = await loadConfiguration({ path: configurationPath(env), env });
  if (loaded.kind === 'invalid') {
    for (const problem of loaded.problems) log(`configuration: ${describeProblem(problem)}`);
    log('No retirement starts before the configuration is mended; it is read again by itself.');
  }
  const temporal = await connectTemporal(env);
  try {
    const { migrations, schedules } = await setUp({
      databaseUrl: env['DATABASE_URL'] ?? '',
      temporal,
      configuration: loaded.kind === 'valid' ? loaded.configuration : undefined,
      workerRole: env['REGISTRAR_WORKER_ROLE'] || undefined,
    });
    if (migrations.length > 0) log(`Migrated the database: ${migrations.join(', ')}`);
    for (const { scheduleId, outcome } of schedules) {
      if (outcome !== 'unchanged') log(`Schedule ${scheduleId} ${outcome}`);
    }
  } finally {
    await temporal.close();
  }
}

/** `fast`: for play data, which survive every kill but not a crash of the machine. */
async function embeddedPostgres(
  directory: string,
  fast: boolean,
  undo: (() => unknown)[],
  log: (line: string) => void,
): Promise<string> {
  const postgres = await superviseServer<RunningPostgres>(
    'PostgreSQL',
    (before) => startPostgres({ directory, fast, log, ...(before ? { port: before.port } : {}) }),
    log,
  );
  undo.push(() => postgres.stop());
  log(`PostgreSQL on port ${postgres.first.port}`);
  return postgres.first.url('registrar');
}

async function temporalEnvironment(options: {
  readonly env: ComposeOptions['env'];
  readonly home: ReturnType<typeof registrarHome>;
  readonly undo: (() => unknown)[];
  readonly log: (line: string) => void;
}): Promise<Record<string, string>> {
  const { env, home, undo, log } = options;
  const namespace = env['TEMPORAL_NAMESPACE'] || 'default';
  if (env['TEMPORAL_ADDRESS']) {
    const ui = env['TEMPORAL_UI_URL'];
    log(`Temporal at ${env['TEMPORAL_ADDRESS']} (TEMPORAL_ADDRESS)`);
    return {
      TEMPORAL_ADDRESS: env['TEMPORAL_ADDRESS'],
      TEMPORAL_NAMESPACE: namespace,
      ...(ui ? { TEMPORAL_UI_URL: ui } : {}),
    };
  }
  const { path: binary, origin } = await findTemporal({ env, cacheDirectories: home.binaries, log });
  const namespaces = namespace === 'default' ? [] : [namespace];
  const supervised = await superviseServer<RunningTemporal>(
    'Temporal',
    (before) =>
      startTemporal({
        binary,
        directory: home.temporal,
        namespaces,
        log,
        ...(before ? portsOf(before) : {}),
      }),
    log,
  );
  undo.push(() => supervised.stop());
  const temporal = supervised.first;
  log(`Temporal at ${temporal.address} (${origin}), UI at ${temporal.uiUrl ?? ''}`);
  return {
    TEMPORAL_ADDRESS: temporal.address,
    TEMPORAL_NAMESPACE: namespace,
    TEMPORAL_UI_URL: temporal.uiUrl ?? '',
  };
}

function portsOf({ address, uiUrl }: RunningTemporal): { readonly port: number; readonly uiPort?: number } {
  const port = Number(address.split(':').at(-1));
  return uiUrl === undefined ? { port } : { port, uiPort: Number(new URL(uiUrl).port) };
}

async function undoAll(undo: (() => unknown)[]): Promise<void> {
  for (const step of undo.splice(0).reverse()) await step();
}
