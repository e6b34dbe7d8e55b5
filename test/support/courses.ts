import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { NativeConnection, type Worker } from '@temporalio/worker';
import { pino } from 'pino';
import { createWikiSource, type WikiSource } from '../../activities/timeslices/wiki-access.ts';
import { listDifferences, type Difference } from '../../activities/timeslices/rebuild.ts';
import { createConfigurationSource } from '../../config/watch.ts';
import { openDatabase, type Database } from '../../db/database.ts';
import { createSandboxControl, type SandboxControl } from '../../sandbox/control/client.ts';
import { sandboxConfigurationYaml } from '../../sandbox/lms/pipeline.ts';
import { startSandboxWiki } from '../../sandbox/wiki/server.ts';
import { untilPolling } from '../../worker/polling.ts';
import { createCourseWorker, createWikiWorker } from '../../worker/timeslices.ts';
import {
  COURSE_UPDATE,
  courseUpdateId,
  PRE_UPDATE,
  TIMESLICES_TASK_QUEUE,
  type CourseUpdateResult,
  type PreUpdateResult,
} from '../../workflows/timeslices/contract.ts';
import { createMigratedDatabase, type TestDatabase } from './database.ts';
import './quiet-runtime.ts';
import { createNamespace, type TestNamespace } from './temporal.ts';
import { workflowBundle } from './workflow-bundle.ts';

export interface NewEdit {
  readonly user: string;
  readonly title: string;
  readonly ns?: number;
  /** ISO 8601. */
  readonly timestamp: string;
  readonly sizediff?: number;
  readonly new?: boolean;
  readonly tags?: readonly string[];
  readonly refs?: number;
}

export interface NewCourse {
  /** ISO 8601. */
  readonly startsAt: string;
  readonly endsAt: string;
  readonly students: readonly string[];
  /** Of {@link CourseStage.wikis}; default the first. */
  readonly wikis?: readonly StageWiki[];
  readonly sliceSeconds?: number;
}

/** A sandbox wiki, and its row. */
export interface StageWiki {
  readonly wikiId: number;
  readonly apiUrl: string;
  readonly control: SandboxControl;
  edit(...edits: readonly NewEdit[]): Promise<void>;
  /** Requests to the API and to the reference counter since the last call of `forgetRequests`. */
  requests(): Promise<{ readonly api: number; readonly counter: number }>;
  forgetRequests(): Promise<void>;
  fault(fault: Readonly<Record<string, unknown>>): Promise<void>;
  clearFaults(): Promise<void>;
}

/** The product's second job on real servers, with two sandbox wikis: what each test of course updates drives. */
export interface CourseStage {
  readonly temporal: TestNamespace;
  readonly database: Database;
  readonly databaseUrl: string;
  readonly configurationPath: string;
  readonly wikis: readonly [StageWiki, StageWiki];
  /** Writes the section `registrar` of the configuration anew. */
  configure(registrar: Readonly<Record<string, unknown>>): void;
  startWorker(): Promise<void>;
  stopWorker(): Promise<void>;
  /** Answers the course's id. */
  addCourse(course: NewCourse): Promise<number>;
  enroll(courseId: number, ...usernames: readonly string[]): Promise<void>;
  drop(courseId: number, ...usernames: readonly string[]): Promise<void>;
  /** Runs one update from its start to its end. */
  update(courseId: number): Promise<CourseUpdateResult>;
  /** Runs the first child of an update alone. */
  preUpdate(courseId: number): Promise<PreUpdateResult>;
  differences(courseId: number): Promise<readonly Difference[]>;
  close(): Promise<void>;
}

export interface CourseStageOptions {
  /** Default: a fresh namespace on the shared server. */
  readonly temporal?: TestNamespace;
  /** Default: a fresh one. */
  readonly database?: TestDatabase;
  /** What the worker of this process is given in place of its connections: for dying between two of their calls. */
  readonly wrapDatabase?: (database: Database) => Database;
  readonly wrapWikis?: (wikis: WikiSource) => WikiSource;
}

let updates = 0;

export async function setCourseStage(
  registrar: Readonly<Record<string, unknown>> = {},
  {
    temporal: given,
    database: givenDatabase,
    wrapDatabase = (same) => same,
    wrapWikis = (same) => same,
  }: CourseStageOptions = {},
): Promise<CourseStage> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'registrar-courses-'));
  const [testDatabase, temporal] = await Promise.all([
    givenDatabase ?? createMigratedDatabase(),
    given ?? createNamespace(),
  ]);
  const database = openDatabase({ url: testDatabase.url });
  const countedSchemas = { 'wikipedia/fr': 'sandbox_wiki_fr' };
  const second = await startSandboxWiki({
    databaseUrl: testDatabase.url,
    port: 0,
    schema: 'sandbox_wiki_fr',
    language: 'fr',
  });
  const first = await startSandboxWiki({ databaseUrl: testDatabase.url, port: 0, countedSchemas });
  const configurationPath = path.join(folder, 'registrar.yml');
  const native = await NativeConnection.connect({ address: temporal.address });
  let running:
    | { readonly workers: readonly Worker[]; readonly ended: Promise<unknown>; readonly wikis: WikiSource }
    | undefined;

  const configure = (changed: Readonly<Record<string, unknown>>): void => {
    const yaml = sandboxConfigurationYaml({
      // Never asked by course updates.
      lmsUrl: 'http://127.0.0.1:9',
      clientId: 'nobody',
      clientSecret: 'nothing',
      wikiUrl: first.url,
      registrar: { retry_budget: '2s', contact: 'tests@example.org', ...changed },
    });
    writeFileSync(configurationPath, yaml);
  };
  configure(registrar);

  const stage: CourseStage = {
    temporal,
    database,
    databaseUrl: testDatabase.url,
    configurationPath,
    wikis: [
      await stageWiki(database, { url: first.url, language: 'en' }),
      await stageWiki(database, { url: second.url, language: 'fr' }),
    ],
    configure,
    startWorker: async () => {
      const wikis = wrapWikis(
        createWikiSource(createConfigurationSource({ path: configurationPath, env: {} })),
      );
      const shared = {
        connection: native,
        namespace: temporal.namespace,
        database: wrapDatabase(database),
        log: pino({ level: process.env['REGISTRAR_LOG_LEVEL'] ?? 'silent' }),
      };
      const workers = await Promise.all([
        createCourseWorker({ ...shared, workflowCode: { workflowBundle: workflowBundle() } }),
        createWikiWorker({ ...shared, wikis }),
      ]);
      running = { workers, wikis, ended: Promise.all(workers.map((worker) => worker.run())) };
      await Promise.all(workers.map((worker) => untilPolling(native, temporal.namespace, worker)));
    },
    stopWorker: async () => {
      for (const worker of running?.workers ?? []) worker.shutdown();
      await running?.ended;
      await running?.wikis.close();
      running = undefined;
    },
    addCourse: async (course) => {
      const courseId = await one(
        database,
        `insert into courses (slug, title, starts_at, ends_at) values ($1, 'A course', $2, $3) returning id`,
        [`course-${Math.random()}`, course.startsAt, course.endsAt],
      );
      for (const { wikiId } of course.wikis ?? [stage.wikis[0]]) {
        await database.query(
          'insert into courses_wikis (course_id, wiki_id, timeslice_seconds) values ($1, $2, $3)',
          [courseId, wikiId, course.sliceSeconds ?? 86_400],
        );
      }
      await stage.enroll(courseId, ...course.students);
      return courseId;
    },
    enroll: async (courseId, ...usernames) => {
      await database.query(
        'insert into users (username) select name from unnest($1::text[]) as given(name) on conflict do nothing',
        [usernames],
      );
      await database.query(
        `insert into courses_users (course_id, user_id, role)
         select $1, id, 0 from users where username = any($2::text[]) on conflict do nothing`,
        [courseId, usernames],
      );
    },
    drop: async (courseId, ...usernames) => {
      await database.query(
        `delete from courses_users using users
         where course_id = $1 and user_id = users.id and role = 0 and username = any($2::text[])`,
        [courseId, usernames],
      );
    },
    update: async (courseId) =>
      (await temporal.client.workflow.execute(COURSE_UPDATE, {
        workflowId: `${courseUpdateId(courseId)}-test-${(updates += 1)}`,
        taskQueue: TIMESLICES_TASK_QUEUE,
        args: [{ courseId }],
      })) as CourseUpdateResult,
    preUpdate: async (courseId) =>
      (await temporal.client.workflow.execute(PRE_UPDATE, {
        workflowId: `pre-update-test-${(updates += 1)}`,
        taskQueue: TIMESLICES_TASK_QUEUE,
        args: [{ courseId, now: new Date().toISOString(), left: [] }],
      })) as PreUpdateResult,
    differences: (courseId) => listDifferences(database, { courseId }),
    close: async () => {
      await stage.stopWorker();
      await native.close();
      await first.close();
      await second.close();
      await database.close();
      await temporal.close();
      await testDatabase.drop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return stage;
}

async function stageWiki(
  database: Database,
  { url, language }: { readonly url: string; readonly language: string },
): Promise<StageWiki> {
  const apiUrl = `${url}/w/api.php`;
  const control = createSandboxControl(url);
  const counted = async (prefix: string): Promise<number> =>
    Object.entries((await control('GET', '/_sandbox/requests')) as Record<string, number>)
      .filter(([request]) => request.includes(prefix))
      .reduce((sum, [, count]) => sum + count, 0);
  return {
    wikiId: await one(
      database,
      `insert into wikis (language, project, api_url) values ($1, 'wikipedia', $2) returning id`,
      [language, apiUrl],
    ),
    apiUrl,
    control,
    edit: async (...edits) =>
      void (await control(
        'POST',
        '/_sandbox/edits',
        edits.map((edit) => ({ ns: 0, sizediff: 100, ...edit })),
      )),
    requests: async () => ({
      api: await counted('/w/api.php'),
      counter: await counted('/api/v1/references'),
    }),
    forgetRequests: async () => void (await control('DELETE', '/_sandbox/requests')),
    fault: async (fault) => void (await control('POST', '/_sandbox/faults', fault)),
    clearFaults: async () => void (await control('DELETE', '/_sandbox/faults')),
  };
}

async function one(database: Database, statement: string, values: readonly unknown[]): Promise<number> {
  const { rows } = await database.query<{ id: number }>(statement, values);
  const [row] = rows;
  if (!row) throw new Error('no row was answered');
  return row.id;
}
