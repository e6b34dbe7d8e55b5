import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase, type Database } from '../../db/database.ts';
import { sandboxPipeline } from '../../sandbox/lms/pipeline.ts';
import { complaints, environmentOf, registrar, type Ran } from '../client/command-line.ts';
import { setCourseStage, type CourseStage } from '../support/courses.ts';
import { setRetirementStage, type RetirementStage } from '../support/retirement.ts';
import { createNamespace } from '../support/temporal.ts';
import { startServedWorker, type ServedWorker } from '../worker/served-worker.ts';
import { startOwnPostgres, type OwnPostgres } from './connections-postgres.ts';

/** The owner is called `registrar` in the script; the superuser of the embedded server has that name here. */
const OWNER = 'product';
const WORKER = 'registrar_worker';
const passwords: Readonly<Record<string, string>> = {
  [OWNER]: 'own-Zq81',
  [WORKER]: "work-'Zq82",
  temporal: 'temporal-Zq83',
};

let folder: string;
let postgres: OwnPostgres;
let retirement: RetirementStage;
let courses: CourseStage;
let worker: ServedWorker;
let limited: Database;

function urlOf(role: string, database = OWNER): string {
  const url = new URL(postgres.url);
  url.username = role;
  url.password = encodeURIComponent(passwords[role] ?? '');
  url.pathname = `/${database}`;
  return url.href;
}

/** The statements of `deploy/postgres/databases.sql`, as psql would send them. */
function scriptStatements(): readonly string[] {
  const script = fileURLToPath(new URL('../../deploy/postgres/databases.sql', import.meta.url));
  const lines = readFileSync(script, 'utf8').split('\n');
  const values: Readonly<Record<string, string | undefined>> = {
    REGISTRAR_DB_PASSWORD: passwords[OWNER],
    REGISTRAR_WORKER_DB_PASSWORD: passwords[WORKER],
    TEMPORAL_DB_PASSWORD: passwords['temporal'],
  };
  const variables = new Map(
    lines.flatMap((line) => {
      const [, variable = '', name = ''] = /^\\getenv (\w+) (\w+)$/.exec(line) ?? [];
      return variable === '' ? [] : [[variable, values[name] ?? '']];
    }),
  );
  return lines
    .filter((line) => !/^(\\|--)/.test(line))
    .join('\n')
    .replace(/:'(\w+)'/g, (_, name: string) => `'${(variables.get(name) ?? '').replaceAll("'", "''")}'`)
    .replace(/\bregistrar\b/g, OWNER)
    .split(';')
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}

const environment = (role: string): Readonly<Record<string, string>> => ({
  ...environmentOf(retirement),
  DATABASE_URL: urlOf(role),
});

const command = (...argv: readonly string[]): Promise<Ran> => registrar(argv, { env: environment(WORKER) });

async function done(...argv: readonly string[]): Promise<string> {
  const ran = await command(...argv);
  expect({ argv, status: ran.status, stderr: ran.stderr }).toEqual({ argv, status: 0, stderr: '' });
  return ran.stdout;
}

const setUp = (role = WORKER): Promise<Ran> =>
  registrar(['setup'], { env: { ...environment(OWNER), REGISTRAR_WORKER_ROLE: role } });

beforeAll(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'registrar-roles-'));
  postgres = await startOwnPostgres();
  await postgres.execute(...scriptStatements());
  // The sandboxes belong to the superuser.
  const superuser = new URL(postgres.url);
  superuser.pathname = `/${OWNER}`;
  const temporal = await createNamespace();
  const shared = { database: { url: superuser.href, drop: () => Promise.resolve() }, temporal };
  const env = { DATABASE_URL: urlOf(OWNER), REGISTRAR_WORKER_ROLE: WORKER };
  const migrated = await registrar(['setup'], {
    env: { ...env, TEMPORAL_ADDRESS: temporal.address, TEMPORAL_NAMESPACE: temporal.namespace },
  });
  expect(migrated.status).toBe(0);
  expect(migrated.stdout).toContain(`rights: ${WORKER} may read and write rows`);
  courses = await setCourseStage(
    {},
    { ...shared, temporal: { ...temporal, close: () => Promise.resolve() } },
  );
  retirement = await setRetirementStage(
    {
      pipeline: [
        ...sandboxPipeline.slice(0, -1),
        ['RETIRING_COURSE_STATS', 'COURSE_STATS_COMPLETE', 'REGISTRAR', 'retirement_remove_course_user'],
        ...sandboxPipeline.slice(-1),
      ],
      deliveryFolder: folder,
      registrar: {
        contact: 'tests@example.org',
        archive: { destination: path.join(folder, 'archive'), after_days: 0 },
      },
    },
    shared,
  );
  limited = openDatabase({ url: urlOf(WORKER), maxConnections: 1 });
  worker = await startServedWorker({
    databaseUrl: urlOf(WORKER),
    temporalAddress: temporal.address,
    namespace: temporal.namespace,
    configurationPath: retirement.configurationPath,
  });
  await worker.ready();
}, 120_000);
afterAll(async () => {
  worker.signal('SIGTERM');
  await worker.ended();
  await limited.close();
  await retirement.close();
  await courses.close();
  await postgres.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("the workers' role", () => {
  it('does everything that courses need', { timeout: 180_000 }, async () => {
    const file = path.join(folder, 'botany.json');
    const [first] = courses.wikis;
    const course = {
      slug: 'botany',
      title: 'Botany',
      starts_at: '2026-03-01T00:00:00Z',
      ends_at: '2026-03-02T23:59:59Z',
      wikis: [{ language: 'en', project: 'wikipedia', api_url: first.apiUrl }],
      students: ['Alice', 'Bob', 'Carol'],
    };
    writeFileSync(file, JSON.stringify(course));
    await first.edit(
      { user: 'Alice', title: 'Fern', timestamp: '2026-03-01T10:00:00Z', sizediff: 100, new: true },
      { user: 'Bob', title: 'Fern', timestamp: '2026-03-01T11:00:00Z', sizediff: 20 },
      { user: 'Carol', title: 'Moss', timestamp: '2026-03-02T11:00:00Z', sizediff: 30, new: true },
    );
    await done('course', 'import', file);
    await done('course', 'update', 'botany', '--wait');
    await done('course', 'verify', 'botany');
    await done('course', 'drop', 'botany', 'Bob');
    await done('course', 'enroll', 'botany', 'Dora');
    await done('course', 'exclude', 'botany', 'Moss');
    await done('course', 'update', 'botany', '--wait');
    await done('course', 'include', 'botany', 'Moss');
    await done('course', 'update', 'botany', '--full', '--wait');
    await done('course', 'verify', 'botany');
    await done('course', 'schedule', 'botany', '--pause');
    await done('course', 'list');
    expect(await done('course', 'show', 'botany')).toContain('Botany');
    await done('course', 'explain', 'botany', '--user', 'Alice', '--article', 'Fern');
  });

  it('does everything that retirements need', { timeout: 180_000 }, async () => {
    const [alice, , errored] = await retirement.ask([
      { username: 'alice', orgs: ['AcmeX'] },
      { username: 'waiting', requested_at: new Date().toISOString() },
      { username: 'errored' },
    ]);
    await done('course', 'link', 'Alice', String(alice?.user_id));
    await retirement.fault({
      username: 'errored',
      path: '/api/discussion/',
      status: 400,
      body: { no: true },
    });
    await done('retirement', 'collect');
    await retirement.reaches(alice?.user_id ?? 0, 'COMPLETE');
    await retirement.reaches(errored?.user_id ?? 0, 'ERRORED');
    await retirement.clearFaults();
    await done('retirement', 'plan', 'errored', '--from', 'PENDING');
    await done('retirement', 'resume', 'errored', '--from', 'ENROLLMENTS_COMPLETE', '--reason', 'mended');
    await retirement.reaches(errored?.user_id ?? 0, 'COMPLETE');
    await done('retirement', 'cancel', 'waiting@example.com');
    await done('retirement', 'list');
    await done('retirement', 'show', 'alice');
    await done('retirement', 'verify', 'alice');
    await done('retirement', 'report');
    await done(
      'retirement',
      'bulk-status',
      '--initial-state',
      'COMPLETE',
      '--new-state',
      'PENDING',
      '--dry-run',
    );
    await done('retirement', 'rerun', 'errored', '--only-new');
    await retirement.reaches(errored?.user_id ?? 0, 'COMPLETE');
    await done('course', 'update', 'botany', '--wait');
    await done('course', 'verify', 'botany');
    const archived = await command('retirement', 'archive', '--json');
    expect(archived.json()).toMatchObject({ kind: 'archived' });
    expect((archived.json() as { forgotten: number }).forgotten).toBeGreaterThan(0);
    await done('retirement', 'verify', '--all');
    await done('receipts', 'export', path.join(folder, 'receipts.jsonl'));
    await done('receipts', 'key');
    expect(worker.said()).not.toMatch(/permission denied|42501/);
  });

  it('is told by doctor to be one, and the owner to be more', async () => {
    expect((await command('doctor')).stdout).toContain(
      `rights: ${WORKER} may read and write rows, and nothing else`,
    );
    const asOwner = await registrar(['doctor'], { env: environment(OWNER) });
    expect(asOwner.stdout).toContain(`rights: ${OWNER} owns the tables: more than workers and commands need`);
  });

  it.each([
    'create table mine (id integer)',
    'create schema mine',
    'create function mine() returns integer language sql as $$ select 1 $$',
    'create view mine as select * from erasure_keys',
    'create extension pg_trgm',
    'create role mine',
    'create database mine',
    'alter table user_retirement_status add column mine text',
    'alter table erasure_receipts disable trigger all',
    'drop table erasure_receipts',
    'drop schema public cascade',
    'truncate erasure_receipts',
    'truncate courses cascade',
    'create trigger mine before insert on courses for each row execute function article_changed()',
    'create index mine on courses (slug)',
    `set role ${OWNER}`,
    'set session_replication_role = replica',
    `update erasure_receipts set body = '{}'`,
    'delete from erasure_receipts',
    'delete from erasure_keys',
    `update erasure_keys set secret = ''`,
    'delete from erasure_receipt_chain',
    `insert into erasure_receipt_chain default values`,
    `insert into schema_migrations (name, run_on) values ('9999', now())`,
    'delete from schema_migrations',
    `select pg_read_file('/etc/passwd')`,
    `copy courses to '/tmp/courses'`,
    `copy (select 1) to program 'true'`,
    `select lo_import('/etc/passwd')`,
    'select * from pg_authid',
    'create publication mine for all tables',
    'checkpoint',
  ])('may not: %s', async (statement) => {
    await expect(limited.query(statement)).rejects.toMatchObject({
      code: expect.stringMatching(/^(42501|0LP01)$/) as string,
    });
  });

  it("may not enter Temporal's databases, nor Temporal's role ours", async () => {
    for (const [role, database] of [
      [WORKER, 'temporal'],
      [WORKER, 'temporal_visibility'],
      [OWNER, 'temporal'],
      ['temporal', OWNER],
    ] as const) {
      const other = openDatabase({ url: urlOf(role, database), maxConnections: 1 });
      await expect(other.query('select 1')).rejects.toThrow(/permission denied for database/);
      await other.close();
    }
  });

  it('is told in one line to leave setup to the owner', async () => {
    await postgres.execute('create database empty');
    const env = { ...environment(WORKER), DATABASE_URL: urlOf(WORKER, 'empty') };
    const ran = await registrar(['setup'], { env });
    expect(ran.status).toBe(1);
    expect(complaints(ran)).toHaveLength(1);
    expect(ran.stderr).toContain(`${WORKER} may not create tables: run \`registrar setup\` as the owner`);
  });
});

describe('doctor', () => {
  let owner: Database;
  beforeAll(() => {
    owner = openDatabase({ url: urlOf(OWNER), maxConnections: 1 });
  });
  afterAll(async () => {
    await setUp();
    await owner.close();
  });

  const rights = async (): Promise<string> => {
    const { stdout } = await command('doctor');
    return stdout.split('\n').find((line) => line.includes('rights:')) ?? '';
  };

  it.each([
    ['delete on erasure_receipts', 'erasure_receipts'],
    ['update on erasure_keys', 'erasure_keys'],
    ['truncate on erasure_receipts', 'erasure_receipts'],
    ['insert on schema_migrations, erasure_receipt_chain', 'erasure_receipt_chain, schema_migrations'],
    ['truncate on courses', 'courses'],
    ['trigger on wikis', 'wikis'],
  ])('tells what the role may do too much: %s', async (granted, tables) => {
    await owner.query(`grant ${granted} to ${WORKER}`);
    expect(await rights()).toContain(
      `rights: ${WORKER} may do more with tables than workers and commands need (${tables}): to take it away, run \`registrar setup\` as the owner`,
    );
    await owner.query(`revoke ${granted} from ${WORKER}`);
    expect(await rights()).toContain('and nothing else');
  });

  it('names every table of which everything was granted', async () => {
    await owner.query(`grant all on all tables in schema public to ${WORKER}`);
    expect(await rights()).toMatch(/need \(.*courses, .*erasure_keys, .*erasure_receipts, .*wikis\)/);
    await setUp();
    expect(await rights()).toContain('and nothing else');
  });

  it.each([
    ['update, delete on all tables in schema public', /\(.*courses, .*erasure_receipt_chain, .*wikis\)/],
    ['update on courses', /\(courses\)/],
    ['delete on wikis', /\(wikis\)/],
    ['insert on erasure_receipts', /\(erasure_receipts\)/],
    ['update on erasure_receipt_chain', /\(erasure_receipt_chain\)/],
  ])('fails where the role lacks: %s', async (lacking, tables) => {
    await owner.query(`revoke ${lacking} from ${WORKER}`);
    const line = await rights();
    expect(line).toMatch(/^FAILED {3}rights: .* may not read and write all tables .*: run `registrar setup`/);
    expect(line).toMatch(tables);
    expect(line).not.toContain('schema_migrations');
    await setUp();
    expect(await rights()).toContain('and nothing else');
  });

  it('tells of what a newer release has added, and so does setup, and neither complains', async () => {
    const added = '9999_of-tomorrow';
    const told = `database: has ${added} of a newer release; this one leaves them alone`;
    expect((await command('doctor')).stdout).not.toContain('newer release');
    expect((await setUp()).stdout).not.toContain('newer release');
    await owner.query(`insert into schema_migrations (name, run_on) values ($1, now())`, [added]);
    expect((await command('doctor')).stdout).toMatch(new RegExp(`^ok +${told}$`, 'm'));
    expect(await setUp()).toMatchObject({ status: 0, stderr: '' });
    expect((await setUp()).stdout).toContain(`${told}\n`);
    await owner.query('delete from schema_migrations where name = $1', [added]);
  });
});

describe('setup', () => {
  it('takes away what the role has beyond that, and gives back what it lacks', async () => {
    const owner = openDatabase({ url: urlOf(OWNER), maxConnections: 1 });
    await owner.query(`grant all on erasure_receipts, courses to ${WORKER}`);
    await owner.query(`grant create on schema public to ${WORKER}`);
    await owner.query(`revoke all on user_retirement_status, wikis from ${WORKER}`);
    expect((await command('doctor')).stdout).toContain(`rights: ${WORKER} may create tables`);
    await owner.query(`revoke create on schema public from ${WORKER}`);
    const lacking = await command('doctor');
    expect(lacking.stdout).toMatch(
      /FAILED {3}rights: .*\(user_retirement_status, wikis\): run `registrar setup`/,
    );
    const refused = await command('retirement', 'list');
    expect(refused).toMatchObject({ status: 1, stdout: '' });
    expect(refused.stderr).toMatch(
      /permission denied for table user_retirement_status.*REGISTRAR_WORKER_ROLE/,
    );

    expect(await setUp()).toMatchObject({ status: 0, stderr: '' });
    await done('retirement', 'list');
    await expect(limited.query('truncate courses cascade')).rejects.toMatchObject({ code: '42501' });
    await expect(limited.query('delete from erasure_receipts')).rejects.toMatchObject({ code: '42501' });

    await owner.query('create table of_a_later_version (id bigint generated always as identity, note text)');
    await limited.query(`insert into of_a_later_version (note) values ('x')`);
    await owner.query('drop table of_a_later_version');
    await owner.close();
  });

  it.each([
    ['nobody_here', /names "nobody_here", a role that the database does not have: create it/],
    [OWNER, /which is the owner of the tables, or a member of it: name a role of its own/],
    ['registrar', /which is a superuser: name a role of its own/],
    ['x"; drop table courses; --', /a role that the database does not have/],
  ])('refuses the role %s', async (role, line) => {
    const ran = await setUp(role);
    expect(ran.status).toBe(1);
    expect(complaints(ran)).toHaveLength(1);
    expect(ran.stderr).toMatch(line);
  });
});
