import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Queryable } from '../../../db/database.ts';
import { sandboxPipeline, type PipelineRow } from '../../../sandbox/lms/pipeline.ts';
import {
  ARCHIVE_RETIREMENTS,
  PARTNER_REPORT,
  RESUME,
  RETIREMENT_TASK_QUEUE,
} from '../../../workflows/retirement/contract.ts';
import { setCourseStage, type CourseStage } from '../../support/courses.ts';
import { environmentOf, registrar } from '../../client/command-line.ts';
import { createMigratedDatabase, type TestDatabase } from '../../support/database.ts';
import { formsIn, hashForms, plainForms, type Form } from '../../support/identity-forms.ts';
import {
  readFolder,
  startOwnTemporal,
  type OwnTemporal,
  type StoredFile,
} from '../../support/own-temporal.ts';
import { setRetirementStage, type RetirementStage, type SandboxLearner } from '../../support/retirement.ts';
import { parked } from '../../support/retirement-learner.ts';
import {
  newsletterAt,
  startSubscriberService,
  type SubscriberService,
} from '../../support/subscriber-service.ts';
import { waitFor } from '../../support/wait.ts';
import { startWorkerProcess, type WorkerProcess } from '../../support/worker-process.ts';

/** In every learner's username, e-mail address or name, here and on the wiki; in no other text of this machine. */
const MARKERS = ['Quokkazephyr', 'Ŵyrd-Quokka', 'Quixoblatt', 'vörzelmark', 'Blivvenstein', 'Zäphira O’Bli'];
const LEARNERS = ['student', 'refused', 'busy', 'remembered'] as const;
type Name = (typeof LEARNERS)[number];
/** Somebody who stays, in the same course. */
const STAYS = 'Plimsollfinch';
const SECOND = 1 / 86_400;

const COURSES: PipelineRow = [
  'RETIRING_COURSE_STATS',
  'COURSE_STATS_COMPLETE',
  'REGISTRAR',
  'retirement_remove_course_user',
];
const NEWSLETTER: PipelineRow = ['RETIRING_BRAZE', 'BRAZE_COMPLETE', 'NEWSLETTER', 'forget'];
const pipeline: readonly PipelineRow[] = [
  ...sandboxPipeline.slice(0, -1),
  NEWSLETTER,
  COURSES,
  ...sandboxPipeline.slice(-1),
];

let folder: string;
let database: TestDatabase;
let temporal: OwnTemporal;
let service: SubscriberService;
let retirement: RetirementStage;
let courses: CourseStage;
let worker: WorkerProcess;
let courseId: number;
let learners: ReadonlyMap<Name, SandboxLearner>;
/** Rows of every table, as they stood before the archive and after it. */
let before: readonly TableRow[];
let after: readonly TableRow[];
let archived: readonly StoredFile[];
let reports: readonly StoredFile[];
let stored: readonly StoredFile[];
let verified: string;

beforeAll(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'registrar-erased-'));
  [temporal, database, service] = await Promise.all([
    startOwnTemporal({ onDisk: true }),
    createMigratedDatabase(),
    startSubscriberService(),
  ]);
  const shared = { temporal: temporal.namespace, database: { ...database, drop: () => Promise.resolve() } };
  courses = await setCourseStage({}, shared);
  retirement = await setRetirementStage({}, shared);
  configure({ after_days: 37 });
  worker = await startWorkerProcess({
    databaseUrl: database.url,
    temporalAddress: temporal.namespace.address,
    namespace: temporal.namespace.namespace,
    configurationPath: retirement.configurationPath,
    logLevel: 'trace',
  });
  await teach();
  await retire();
  await report();
  before = await rowsOf(retirement.database);
  await archive();
  after = await rowsOf(retirement.database);
  verified = await verifyByAddress();
  await worker.kill('SIGTERM');
  // While the server runs, its write-ahead log is a file of its own.
  stored = readFolder(temporal.directory);
  await temporal.stop();
  stored = [...stored, ...readFolder(temporal.directory)];
}, 240_000);

afterAll(async () => {
  await worker.kill('SIGKILL');
  await retirement.close();
  await courses.close();
  await service.close();
  await temporal.remove();
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

function configure(archiveSettings: Readonly<Record<string, unknown>>): void {
  retirement.configure({
    pipeline,
    root: { org_partner_mapping: { AcmeX: ['Acme'] }, partner_report_platform_name: 'proof' },
    registrar: {
      // Temporal lets a second pass between two attempts, however short the interval.
      retry_budget: '20s',
      // Long enough for somebody to come back meanwhile.
      probe_after_days: 8 * SECOND,
      partner_reports: { destination: path.join(folder, 'reports') },
      archive: { destination: path.join(folder, 'archive'), ...archiveSettings },
      services: newsletterAt(service.url, '?who={original_email}'),
    },
  });
}

function learner(name: Name): SandboxLearner {
  const found = learners.get(name);
  if (found === undefined) throw new Error(`there is no learner ${name}`);
  return found;
}

const wikiName = (name: Name): string => `Ŵyrd-Quokkazephyr of ${name}`;

/** A course with a student who will be erased, pages in their user space included, and one who stays. */
async function teach(): Promise<void> {
  const [en] = courses.wikis;
  const at = (day: number): string => new Date(Date.UTC(2026, 2, day, 10)).toISOString();
  await en.edit(
    {
      user: wikiName('student'),
      title: wikiName('student'),
      ns: 2,
      timestamp: at(2),
      sizediff: 20,
      new: true,
    },
    { user: wikiName('student'), title: 'Shared page', ns: 0, timestamp: at(3), sizediff: 70, new: true },
    { user: STAYS, title: 'Shared page', ns: 0, timestamp: at(4), sizediff: 11 },
    { user: wikiName('student'), title: 'Shared page', ns: 0, timestamp: at(5), sizediff: 13 },
  );
  courseId = await courses.addCourse({
    startsAt: '2026-03-01T00:00:00Z',
    endsAt: '2026-03-31T00:00:00Z',
    students: [wikiName('student'), STAYS],
  });
  await courses.update(courseId);
}

async function retire(): Promise<void> {
  const made = await retirement.ask(
    LEARNERS.map((name) => ({
      username: `Ŵyrd-Quokkazephyr ${name}`,
      email: `Quixoblatt+${name}@vörzelmark.example`,
      name: `Zäphira O’Blivvenstein ${name}`,
      orgs: ['AcmeX'],
    })),
  );
  learners = new Map(made.map((one, index) => [LEARNERS[index] ?? 'student', one]));
  await retirement.database.query('update users set lms_user_id = $1 where username = $2', [
    learner('student').user_id,
    wikiName('student'),
  ]);
  const echo = JSON.stringify({ detail: `cannot retire ${JSON.stringify([...learners.values()])}` });
  const forum = { path: '/api/discussion/' };
  await retirement.fault({
    ...forum,
    username: learner('refused').username,
    status: 403,
    body: echo,
    times: 1,
  });
  await retirement.fault({ ...forum, username: learner('busy').username, status: 503, body: echo, times: 2 });
  expect((await retirement.collect()).started).toBe(LEARNERS.length);
  await comeBack(learner('remembered'));
  await parked(retirement, learner('refused'));
  await retirement.workflow(learner('refused').user_id).signal(RESUME, 'ENROLLMENTS_COMPLETE');
  for (const name of LEARNERS) {
    expect(await retirement.workflow(learner(name).user_id).result()).toMatchObject({ outcome: 'COMPLETE' });
  }
}

/** The newsletter knows somebody again after the erasure: the retirement is opened again, resumed and ends well. */
async function comeBack({ user_id }: SandboxLearner): Promise<void> {
  expect(await retirement.workflow(user_id).result()).toMatchObject({ outcome: 'COMPLETE' });
  service.bringBack(user_id);
  await retirement.reaches(user_id, 'ERRORED');
  await retirement.workflow(user_id).executeUpdate(RESUME, { args: ['RETIRING_BRAZE'] });
  expect(await retirement.workflow(user_id).result()).toMatchObject({ outcome: 'COMPLETE' });
}

async function report(): Promise<void> {
  await retirement.fault({
    path: '/api/user/v1/accounts/retirement_partner_report/',
    status: 500,
    body: `no report of ${learner('busy').username}`,
    times: 1,
  });
  await run(PARTNER_REPORT);
  reports = readFolder(path.join(folder, 'reports'));
}

async function archive(): Promise<void> {
  // Nobody is archived before the services were asked once more.
  await waitFor(
    async () => {
      const { rows } = await retirement.database.query(
        'select 1 from user_retirement_status where probe_due_at is not null',
      );
      return rows.length === 0;
    },
    { what: 'the later looks' },
  );
  await retirement.fault({
    path: '/api/user/v1/accounts/retirement_cleanup/',
    status: 500,
    body: `cannot clean ${learner('busy').email}`,
    times: 1,
  });
  await run(ARCHIVE_RETIREMENTS);
  archived = readFolder(path.join(folder, 'archive'));
}

async function run(workflowType: string): Promise<unknown> {
  return temporal.namespace.client.workflow.execute(workflowType, {
    workflowId: `${workflowType}-of-the-proof`,
    taskQueue: RETIREMENT_TASK_QUEUE,
    args: [],
  });
}

async function verifyByAddress(): Promise<string> {
  const argv = ['retirement', 'verify', learner('student').email, '--json'];
  const answer = await registrar(argv, { env: environmentOf(retirement) });
  expect(answer).toMatchObject({ status: 0, stderr: '' });
  return answer.stdout;
}

interface TableRow {
  readonly table: string;
  readonly text: string;
}

/** Every row of every table of schema `public`, as JSON; those of the sandboxes are in schemas of their own. */
async function rowsOf(db: Queryable): Promise<readonly TableRow[]> {
  const { rows: tables } = await db.query<{ table: string }>(
    `select tablename as "table" from pg_tables where schemaname = 'public' order by 1`,
  );
  const found: TableRow[] = [];
  for (const { table } of tables) {
    const { rows } = await db.query<{ text: string }>(
      `select row_to_json(held)::text as text from "${table}" held`,
    );
    found.push(...rows.map(({ text }) => ({ table, text })));
  }
  return found;
}

/** Every form of every marker, and the digests of every value of every learner. */
function identityForms(): readonly Form[] {
  const values = [...learners.values()].flatMap(({ username, email, name }) => [username, email, name]);
  return [...MARKERS.flatMap(plainForms), ...values.flatMap(hashForms)];
}

function tablesThatName(rows: readonly TableRow[]): readonly string[] {
  const named = rows.filter(({ text }) => formsIn(Buffer.from(text), identityForms()).length > 0);
  return [...new Set(named.map(({ table }) => table))];
}

describe('learners who were erased from everything', () => {
  it('are named by no table but their own rows, even before they are archived', () => {
    expect(tablesThatName(before)).toEqual(['user_retirement_status']);
    expect(before.filter(({ table }) => table === 'user_retirement_status')).toHaveLength(LEARNERS.length);
  });

  it('are named by no table at all when they are archived', () => {
    expect(tablesThatName(after)).toEqual([]);
    const tables = after.map(({ table }) => table);
    expect(tables).not.toContain('user_retirement_status');
    expect(tables.filter((table) => table === 'erasure_receipts').length).toBeGreaterThan(LEARNERS.length);
  });

  it('are named by no file of the archive, which has a line for each', () => {
    const lines = archived.flatMap(({ bytes }) => gunzipSync(bytes).toString('utf8').trim().split('\n'));
    expect(lines).toHaveLength(LEARNERS.length);
    expect(formsIn(Buffer.from(lines.join('\n')), identityForms())).toEqual([]);
    expect(archived.flatMap(({ name }) => formsIn(Buffer.from(name), identityForms()))).toEqual([]);
  });

  it('are named by the reports of their partners, whom they are for', () => {
    expect(reports.map(({ name }) => name)).toEqual([
      expect.stringMatching(/^user_retirement_proof_Acme_[-\d]{10}\.csv$/) as string,
    ]);
    const text = reports[0]?.bytes.toString('utf8') ?? '';
    for (const { username } of learners.values()) expect(text.split(username)).toHaveLength(2);
  });

  it('are in no line that the worker logged', () => {
    expect(worker.said()).toContain('an activity failed');
    expect(formsIn(Buffer.from(worker.said()), identityForms())).toEqual([]);
  });

  it('are in no byte that Temporal stored', () => {
    const all = Buffer.concat(stored.map(({ bytes }) => bytes));
    for (const text of ['NEWSLETTER.forget', 'probeAgain', PARTNER_REPORT, ARCHIVE_RETIREMENTS]) {
      expect(all.includes(text), text).toBe(true);
    }
    expect(stored.flatMap(({ bytes }) => formsIn(bytes, identityForms()))).toEqual([]);
  });

  it('are counted in no number of their course, which equal a rebuild', async () => {
    expect(await courses.differences(courseId)).toEqual([]);
    const { rows } = await courses.database.query(
      'select revision_count, character_sum, user_count from courses where id = $1',
      [courseId],
    );
    expect(rows).toEqual([{ revision_count: 1, character_sum: 11, user_count: 1 }]);
  });

  it('are still found by their address: by its token', () => {
    expect(JSON.parse(verified)).toMatchObject({ userId: learner('student').user_id, holds: true });
  });
});

describe('the search itself', () => {
  it('finds who is still there', () => {
    const text = readFileSync(path.join(folder, 'reports', reports[0]?.name ?? ''));
    expect(formsIn(text, identityForms())).not.toEqual([]);
    expect(after.some(({ text: row }) => row.includes(STAYS))).toBe(true);
  });
});
