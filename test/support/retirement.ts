import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { WorkflowHandle } from '@temporalio/client';
import { NativeConnection, type Worker } from '@temporalio/worker';
import { pino } from 'pino';
import { createPlatformSource, type PlatformSource } from '../../activities/retirement/platform.ts';
import { findRetirement, type StoredRetirement } from '../../activities/retirement/store.ts';
import { createConfigurationSource } from '../../config/watch.ts';
import { openDatabase, type Database } from '../../db/database.ts';
import { createSandboxControl, type SandboxControl } from '../../sandbox/control/client.ts';
import { sandboxConfigurationYaml, type SandboxConfiguration } from '../../sandbox/lms/pipeline.ts';
import { startSandboxLms } from '../../sandbox/lms/server.ts';
import { untilPolling } from '../../worker/polling.ts';
import { createRetirementWorker } from '../../worker/retirement.ts';
import {
  COLLECT_RETIREMENTS,
  retirementWorkflowId,
  RETIREMENT_TASK_QUEUE,
  type CollectResult,
  type RetirementStatusView,
} from '../../workflows/retirement/contract.ts';
import { createMigratedDatabase, type TestDatabase } from './database.ts';
import './quiet-runtime.ts';
import { createNamespace, type TestNamespace } from './temporal.ts';
import { waitFor } from './wait.ts';
import { workflowBundle } from './workflow-bundle.ts';

export const credentials = {
  clientId: 'retirement-client',
  clientSecret: 'retirement-secret-7731',
  plainClientId: 'plain-client',
  plainClientSecret: 'plain-secret-7731',
} as const;

export interface SandboxLearner {
  readonly user_id: number;
  readonly retirement_id: number;
  readonly username: string;
  readonly email: string;
  readonly name: string;
}

/** The product on real servers, with the sandbox LMS as its platform: what each retirement test drives. */
export interface RetirementStage {
  readonly temporal: TestNamespace;
  readonly database: Database;
  readonly databaseUrl: string;
  readonly lmsUrl: string;
  readonly configurationPath: string;
  /** Writes the configuration anew; it applies from the next read on. */
  configure(settings: Partial<SandboxConfiguration>): void;
  startWorker(): Promise<void>;
  stopWorker(): Promise<void>;
  /** Learners whose cooling-off is over, unless they say when they asked. */
  ask(learners: readonly NewLearner[]): Promise<readonly SandboxLearner[]>;
  askMany(count: number): Promise<readonly SandboxLearner[]>;
  collect(): Promise<CollectResult>;
  fault(fault: Readonly<Record<string, unknown>>): Promise<void>;
  clearFaults(): Promise<void>;
  readonly control: SandboxControl;
  /** A request to the LMS's own API by the service account, as another driver or an admin page sends it. */
  asService(method: string, path: string, body: unknown): Promise<void>;
  workflow(userId: number): WorkflowHandle;
  status(userId: number): Promise<RetirementStatusView>;
  /** Waits until the workflow's own status says `state`. */
  reaches(userId: number, state: string): Promise<RetirementStatusView>;
  row(userId: number): Promise<StoredRetirement>;
  /** The learner as the LMS has it; `current_state` undefined when there is no row. */
  lms(username: string): Promise<Record<string, unknown>>;
  effects(username: string): Promise<Record<string, { called: number; effective: number }>>;
  close(): Promise<void>;
}

export interface NewLearner {
  readonly username: string;
  readonly email?: string;
  readonly name?: string;
  readonly orgs?: readonly string[];
  readonly requested_at?: string;
}

const LONG_AGO = '2026-01-05T10:00:00Z';

export interface StageOptions {
  /** Default: a fresh namespace on the shared server. */
  readonly temporal?: TestNamespace;
  /** Default: a fresh one. */
  readonly database?: TestDatabase;
  /** What the worker of this process is given in place of its connections: for dying between two of their calls. */
  readonly wrapDatabase?: (database: Database) => Database;
  readonly wrapPlatform?: (platform: PlatformSource) => PlatformSource;
  /** How long a stage may wait for something else to end; default the worker's. */
  readonly longestWaitMs?: number;
}

export async function setRetirementStage(
  settings: Partial<SandboxConfiguration> = {},
  {
    temporal: given,
    database: givenDatabase,
    wrapDatabase = (same) => same,
    wrapPlatform = (same) => same,
    longestWaitMs,
  }: StageOptions = {},
): Promise<RetirementStage> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'registrar-stage-'));
  const [testDatabase, temporal] = await Promise.all([
    givenDatabase ?? createMigratedDatabase(),
    given ?? createNamespace(),
  ]);
  const lms = await startSandboxLms({ databaseUrl: testDatabase.url, port: 0, credentials });
  const database = openDatabase({ url: testDatabase.url });
  const configurationPath = path.join(folder, 'registrar.yml');
  const native = await NativeConnection.connect({ address: temporal.address });
  let running:
    { readonly worker: Worker; readonly ended: Promise<void>; readonly platform: PlatformSource } | undefined;

  const configure = (changed: Partial<SandboxConfiguration>): void => {
    const yaml = sandboxConfigurationYaml({
      lmsUrl: lms.url,
      clientId: credentials.clientId,
      clientSecret: credentials.clientSecret,
      ...changed,
      registrar: { retry_initial: '20ms', retry_maximum: '100ms', retry_budget: '2s', ...changed.registrar },
    });
    writeFileSync(configurationPath, yaml);
  };
  configure(settings);

  const control = createSandboxControl(lms.url);

  const stage: RetirementStage = {
    temporal,
    database,
    databaseUrl: testDatabase.url,
    lmsUrl: lms.url,
    configurationPath,
    configure,
    startWorker: async () => {
      // Its own for each worker, as in a process: a restarted one has seen no valid configuration yet.
      const platform = createPlatformSource(createConfigurationSource({ path: configurationPath, env: {} }));
      const worker = await createRetirementWorker({
        connection: native,
        namespace: temporal.namespace,
        database: wrapDatabase(database),
        platform: wrapPlatform(platform),
        log: pino({ level: 'silent' }),
        workflowCode: { workflowBundle: workflowBundle() },
        ...(longestWaitMs === undefined ? {} : { longestWaitMs }),
      });
      running = { worker, ended: worker.run(), platform };
      await untilPolling(native, temporal.namespace, worker);
    },
    stopWorker: async () => {
      running?.worker.shutdown();
      await running?.ended;
      await running?.platform.close();
      running = undefined;
    },
    ask: async (learners) =>
      (await control(
        'POST',
        '/_sandbox/learners',
        learners.map((learner) => ({
          email: `${encodeURIComponent(learner.username)}@example.com`,
          name: `Name of ${learner.username}`,
          requested_at: LONG_AGO,
          ...learner,
        })),
      )) as readonly SandboxLearner[],
    askMany: async (count) =>
      stage.ask(
        Array.from({ length: count }, (_, index) => ({ username: `learner-${index}-${Date.now()}` })),
      ),
    collect: async () =>
      (await temporal.client.workflow.execute(COLLECT_RETIREMENTS, {
        workflowId: `collect-${Date.now()}-${Math.random()}`,
        taskQueue: RETIREMENT_TASK_QUEUE,
        args: [],
      })) as CollectResult,
    fault: async (fault) => void (await control('POST', '/_sandbox/faults', fault)),
    clearFaults: async () => void (await control('DELETE', '/_sandbox/faults')),
    control,
    asService: async (method, where, body) => {
      const token = await fetch(`${lms.url}/oauth2/access_token`, {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'client_credentials',
          client_id: credentials.clientId,
          client_secret: credentials.clientSecret,
          token_type: 'jwt',
        }),
      });
      const { access_token } = (await token.json()) as { access_token: string };
      const answer = await fetch(lms.url + where, {
        method,
        headers: { authorization: `JWT ${access_token}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      if (!answer.ok) throw new Error(`${method} ${where}: ${answer.status} ${await answer.text()}`);
    },
    workflow: (userId) => temporal.client.workflow.getHandle(retirementWorkflowId(userId)),
    status: (userId) => stage.workflow(userId).query<RetirementStatusView>('status'),
    reaches: async (userId, state) =>
      waitFor(
        async () => {
          const status = await stage.status(userId);
          return status.state === state ? status : false;
        },
        { what: `learner ${userId} to be ${state}` },
      ),
    row: async (userId) => {
      const row = await findRetirement(database, userId);
      if (row === undefined) throw new Error(`no row for ${userId}`);
      return row;
    },
    lms: async (username) =>
      (await control('GET', `/_sandbox/learners?username=${encodeURIComponent(username)}`)) as Record<
        string,
        unknown
      >,
    effects: async (username) =>
      (await control('GET', `/_sandbox/effects?username=${encodeURIComponent(username)}`)) as Record<
        string,
        { called: number; effective: number }
      >,
    close: async () => {
      await stage.stopWorker();
      await native.close();
      await database.close();
      await lms.close();
      await temporal.close();
      await testDatabase.drop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return stage;
}
