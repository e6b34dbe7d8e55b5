import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Client, Connection } from '@temporalio/client';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { sandboxPipeline, type PipelineRow } from '../../../sandbox/lms/pipeline.ts';
import { anyFreePort } from '../../../stack/ports.ts';
import { startTemporal, type RunningTemporal } from '../../../stack/temporal-server.ts';
import { RESUME } from '../../../workflows/retirement/contract.ts';
import { environmentOf, registrar, type Ran } from '../../client/command-line.ts';
import { setCourseStage, type CourseStage } from '../../support/courses.ts';
import {
  createDatabaseOn,
  createMigratedDatabase,
  dropDatabaseOn,
  type TestDatabase,
} from '../../support/database.ts';
import { columnsWithUser, rowsWith } from '../../support/erasure.ts';
import { temporalBinary } from '../../support/own-temporal.ts';
import { setRetirementStage, type RetirementStage, type SandboxLearner } from '../../support/retirement.ts';
import { ask, begin, parked } from '../../support/retirement-learner.ts';
import { waitFor } from '../../support/wait.ts';

const COURSES: PipelineRow = [
  'RETIRING_COURSE_STATS',
  'COURSE_STATS_COMPLETE',
  'REGISTRAR',
  'retirement_remove_course_user',
];
const pipeline: readonly PipelineRow[] = [
  ...sandboxPipeline.slice(0, -1),
  COURSES,
  ...sandboxPipeline.slice(-1),
];
const WIKI_NAME = 'Quokkazephyr of the wiki';
const STAYS = 'Plimsollfinch';

interface Person {
  readonly userId: number;
  readonly outcome: string;
  readonly message: string;
}

interface Replay {
  readonly before: { readonly lastSequence: number };
  readonly receipts: number;
  readonly people: readonly Person[];
}

interface ErasuresSaid {
  readonly erasures: readonly {
    readonly stages: readonly { readonly endState: string; readonly outcome: string }[];
  }[];
}

let folder: string;
let temporalPort: number;
let server: RunningTemporal;
let connection: Connection;
let database: TestDatabase;
let backup: string;
let retirement: RetirementStage;
let courses: CourseStage;
let courseId: number;
let wikiUserId: number;

/** Erased before the backup. */
let early: SandboxLearner;
/** A student, cooling off at the backup; erased after it. */
let student: SandboxLearner;
/** ERRORED at the backup; resumed and erased after it. */
let failed: SandboxLearner;
/** Cooling off, before and after. */
let patient: SandboxLearner;
/** Asked and erased after the backup. */
let late: SandboxLearner;

let receiptsFile: string;
let exported: { readonly chain: { readonly receipts: number; readonly lastSequence: number } };
/** Each with its exit status. */
const replays: { readonly status: number; readonly said: Replay; readonly stderr: string }[] = [];
/** What came back with the backup. */
let cameBack: { readonly rows: number; readonly states: readonly unknown[] };

beforeAll(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'registrar-restored-'));
  receiptsFile = path.join(folder, 'receipts.jsonl');
  temporalPort = await anyFreePort();
  await startServer();
  connection = await Connection.connect({ address: server.address });
  database = await createMigratedDatabase();
  const temporal = {
    address: server.address,
    namespace: 'default',
    client: new Client({ connection }),
    connection,
    close: () => Promise.resolve(),
  };
  const shared = { temporal, database: { ...database, drop: () => Promise.resolve() } };
  courses = await setCourseStage({}, shared);
  retirement = await setRetirementStage({ pipeline, registrar: { retry_budget: '20s' } }, shared);
  await startWorkers();
  await liveBeforeBackup();
  await makeBackup();
  await liveAfterBackup();
  await restore();
  cameBack = {
    rows: (await rowsWith(courses, 'Quokkazephyr')).length,
    states: await lmsStates(),
  };
  await replay('--dry-run');
  await replay();
  await replay();
  await startWorkers();
  for (const { user_id } of [student, failed]) {
    expect(await retirement.workflow(user_id).result()).toMatchObject({ outcome: 'COMPLETE' });
  }
  await replay();
}, 300_000);

afterAll(async () => {
  await retirement.close();
  await courses.close();
  await connection.close();
  await server.stop();
  await dropDatabaseOn(inject('adminDatabaseUrl'), backup);
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

async function startServer(): Promise<void> {
  server = await startTemporal({
    binary: await temporalBinary(),
    directory: path.join(folder, 'temporal'),
    port: temporalPort,
    headless: true,
    log: () => undefined,
  });
}

async function startWorkers(): Promise<void> {
  await Promise.all([courses.startWorker(), retirement.startWorker()]);
}

async function stopWorkers(): Promise<void> {
  await Promise.all([courses.stopWorker(), retirement.stopWorker()]);
}

async function liveBeforeBackup(): Promise<void> {
  const [en] = courses.wikis;
  const at = (day: number): string => new Date(Date.UTC(2026, 2, day, 10)).toISOString();
  await en.edit(
    { user: WIKI_NAME, title: WIKI_NAME, ns: 2, timestamp: at(2), sizediff: 20, new: true },
    { user: WIKI_NAME, title: 'Shared page', timestamp: at(3), sizediff: 70, new: true },
    { user: STAYS, title: 'Shared page', timestamp: at(4), sizediff: 11 },
  );
  courseId = await courses.addCourse({
    startsAt: '2026-03-01T00:00:00Z',
    endsAt: '2026-03-31T00:00:00Z',
    students: [WIKI_NAME, STAYS],
  });
  await courses.update(courseId);

  early = await begin(retirement, 'early bird');
  expect(await retirement.workflow(early.user_id).result()).toMatchObject({ outcome: 'COMPLETE' });
  await retirement.fault({ path: '/api/discussion', username: 'failed one', status: 403, times: 1 });
  failed = await begin(retirement, 'failed one');
  await parked(retirement, failed);
  patient = await ask(retirement, 'patient one', { requested_at: new Date().toISOString() });
  student = await ask(retirement, 'student');
  const { rows } = await courses.database.query<{ id: number }>(
    'update users set lms_user_id = $2 where username = $1 returning id',
    [WIKI_NAME, student.user_id],
  );
  wikiUserId = rows[0]?.id ?? 0;
  await stopWorkers();
  // Without a worker they stay where they are.
  for (const { username } of [patient, student]) {
    expect(await command('retirement', 'start', username)).toMatchObject({ status: 0 });
  }
}

async function liveAfterBackup(): Promise<void> {
  await startWorkers();
  await retirement.workflow(failed.user_id).executeUpdate(RESUME, { args: ['ENROLLMENTS_COMPLETE'] });
  late = await begin(retirement, 'late one');
  for (const { user_id } of [student, failed, late]) {
    expect(await retirement.workflow(user_id).result()).toMatchObject({ outcome: 'COMPLETE' });
  }
  expect(await rowsWith(courses, 'Quokkazephyr')).toEqual([]);
  const ran = await command('receipts', 'export', receiptsFile, '--json');
  expect(ran).toMatchObject({ status: 0, stderr: '' });
  exported = ran.json() as typeof exported;
  await stopWorkers();
}

const temporalFolder = (): string => path.join(folder, 'temporal');
const temporalBackup = (): string => path.join(folder, 'temporal-backup');

async function makeBackup(): Promise<void> {
  await server.stop();
  cpSync(temporalFolder(), temporalBackup(), { recursive: true });
  backup = `${nameOf(database.url)}_backup`;
  await copyDatabase(nameOf(database.url), backup);
  await startServer();
}

/** Everything is as it was at the backup: Registrar, the LMS, which is in the same database, and Temporal. */
async function restore(): Promise<void> {
  await server.stop();
  rmSync(temporalFolder(), { recursive: true });
  cpSync(temporalBackup(), temporalFolder(), { recursive: true });
  await dropDatabaseOn(inject('adminDatabaseUrl'), nameOf(database.url));
  await copyDatabase(backup, nameOf(database.url));
  await startServer();
  await waitFor(() => command('retirement', 'show', student.username), { what: 'the restored database' });
}

/** Of the student and of the one who failed. */
async function lmsStates(): Promise<readonly unknown[]> {
  const learners = await Promise.all([student, failed].map(({ username }) => retirement.lms(username)));
  return learners.map((learner) => learner['current_state']);
}

function nameOf(url: string): string {
  return new URL(url).pathname.slice(1);
}

/** PostgreSQL copies only what nobody is connected to: the pools connect again by themselves. */
async function copyDatabase(from: string, to: string): Promise<void> {
  const adminUrl = inject('adminDatabaseUrl');
  const admin = new pg.Client({ connectionString: adminUrl });
  await admin.connect();
  try {
    const source = pg.escapeIdentifier(from);
    await admin.query(`alter database ${source} allow_connections false`);
    await admin.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [from]);
    await waitFor(
      async () => {
        const { rowCount } = await admin.query('select from pg_stat_activity where datname = $1', [from]);
        return rowCount === 0;
      },
      { what: 'the connections to end' },
    );
    await createDatabaseOn(adminUrl, to, from);
    await admin.query(`alter database ${source} allow_connections true`);
  } finally {
    await admin.end();
  }
}

function command(...argv: readonly string[]): Promise<Ran> {
  return registrar(argv, { env: environmentOf(retirement) });
}

async function replay(...options: readonly string[]): Promise<void> {
  const ran = await command('receipts', 'replay', receiptsFile, '--json', ...options);
  replays.push({ status: ran.status, said: ran.json() as Replay, stderr: ran.stderr });
}

/** By LMS user id, as the replay of that number said it. */
function outcomes(index: number): Readonly<Record<number, string>> {
  const people = replays[index]?.said.people ?? [];
  return Object.fromEntries(people.map(({ userId, outcome }) => [userId, outcome]));
}

describe('a restored backup', () => {
  it('brings learners back who were erased since', () => {
    expect(cameBack.rows).toBeGreaterThan(1);
    expect(cameBack.states).toEqual(['PENDING', 'ERRORED']);
  });

  it('shows in a dry run who they are, and changes nothing', () => {
    expect(outcomes(0)).toEqual({
      [student.user_id]: 'wanted',
      [failed.user_id]: 'wanted',
      [late.user_id]: 'wanted',
    });
    expect(replays[0]).toMatchObject({ status: 0, said: { receipts: 3, before: { lastSequence: 1 } } });
    expect(replays[1]?.said).toMatchObject({ receipts: 3, before: { lastSequence: 1 } });
  });

  it('is followed by retirements of everybody whom the LMS knows, begun once however often it is replayed', () => {
    expect(outcomes(1)).toEqual({
      [student.user_id]: 'begun',
      [failed.user_id]: 'begun',
      [late.user_id]: 'left',
    });
    expect(outcomes(2)).toEqual({
      [student.user_id]: 'under-way',
      [failed.user_id]: 'under-way',
      [late.user_id]: 'left',
    });
    expect(replays[2]?.said.receipts).toBe(0);
    expect(outcomes(3)).toEqual({
      [student.user_id]: 'erased',
      [failed.user_id]: 'erased',
      [late.user_id]: 'left',
    });
  });

  it('says of whom the LMS does not know what to do', () => {
    for (const { status, said } of replays.slice(1)) {
      expect(status).toBe(1);
      const left = said.people.find(({ userId }) => userId === late.user_id);
      expect(left?.message).toContain('the LMS has no retirement of theirs');
    }
  });

  it('leaves nothing of the student in the statistics, whose numbers equal a rebuild', async () => {
    expect(await rowsWith(courses, 'Quokkazephyr')).toEqual([]);
    expect(await columnsWithUser(courses, wikiUserId)).toEqual([]);
    expect(await courses.differences(courseId)).toEqual([]);
    const { rows } = await courses.database.query(
      'select character_sum as characters, user_count as users from courses where id = $1',
      [courseId],
    );
    expect(rows).toEqual([{ characters: 11, users: 1 }]);
  });

  it('erases them from the LMS once more, stage by stage', async () => {
    expect(await lmsStates()).toEqual(['COMPLETE', 'COMPLETE']);
    for (const { user_id } of [student, failed]) {
      const { stageOutcomes, currentState } = await retirement.row(user_id);
      expect(currentState).toBe('COMPLETE');
      expect(Object.keys(stageOutcomes)).toHaveLength(pipeline.length);
    }
  });

  it('disturbs nobody else', async () => {
    expect((await retirement.row(patient.user_id)).currentState).toBe('PENDING');
    expect((await retirement.lms(patient.username))['current_state']).toBe('PENDING');
    expect((await retirement.workflow(patient.user_id).describe()).status.name).toBe('RUNNING');
    expect((await retirement.row(early.user_id)).responses).not.toContain('restored');
  });

  it('has a whole chain, with what was exported and the new erasures in it', async () => {
    const { chain } = exported;
    expect(chain.receipts).toBe(4);
    const ran = await command('retirement', 'verify', '--all', '--json');
    expect(ran).toMatchObject({ status: 0, stderr: '' });
    expect(ran.json()).toMatchObject({ holds: true, chain: { receipts: 6, lastSequence: 6 } });
    const { erasures } = (
      await command('retirement', 'verify', student.username, '--json')
    ).json() as ErasuresSaid;
    expect(erasures).toHaveLength(2);
    for (const { stages } of erasures) {
      expect(stages.find(({ endState }) => endState === 'COURSE_STATS_COMPLETE')?.outcome).toBe('erased');
    }
    expect(await command('receipts', 'export', receiptsFile)).toMatchObject({ status: 0 });
  });
});
