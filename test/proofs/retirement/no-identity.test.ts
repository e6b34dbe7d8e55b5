import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sandboxPipeline, type PipelineRow } from '../../../sandbox/lms/pipeline.ts';
import {
  CANCEL,
  COLLECT_RETIREMENTS,
  RERUN_RETIREMENTS,
  RESUME,
  RETIREMENT_TASK_QUEUE,
} from '../../../workflows/retirement/contract.ts';
import { formsIn, hashForms, plainForms, type Form } from '../../support/identity-forms.ts';
import { createOtherDriver } from '../../support/other-driver.ts';
import {
  readFolder,
  startOwnTemporal,
  type OwnTemporal,
  type StoredFile,
} from '../../support/own-temporal.ts';
import { startPeopleService, type PeopleService } from '../../support/people-service.ts';
import { setRetirementStage, type RetirementStage, type SandboxLearner } from '../../support/retirement.ts';
import { parked, responseOf, retriesOf } from '../../support/retirement-learner.ts';
import { waitFor } from '../../support/wait.ts';
import { startWorkerProcess, type WorkerProcess } from '../../support/worker-process.ts';

/** In every learner's username, e-mail address or name; in no other text of this machine. */
const MARKERS = ['Quokkazephyr', 'Ŵyrd-Quokka', 'Quixoblatt', 'vörzelmark', 'Blivvenstein', 'Zäphira O’Bli'];
/** What operators say does go to Temporal: the search must find it, or it finds nothing. */
const SPOKEN = 'wrong key of Plimsollfinch';

const LEARNERS = [
  ...['ordinary', 'refused', 'missing', 'html', 'dropped', 'busy', 'exhausted'],
  ...['module-broken', 'module-shaky', 'declared-refused', 'declared-shaky'],
  ...['trigger', 'constraint', 'stranded', 'found-errored', 'cancelled', 'cancelled-too'],
] as const;
type Name = (typeof LEARNERS)[number];

const pipeline: readonly PipelineRow[] = sandboxPipeline.map(([start, end, service, method]) => {
  if (start === 'RETIRING_NOTES') return [start, end, 'LEGACY', 'erase'];
  if (start === 'RETIRING_PROCTORING') return [start, end, 'PEOPLE', 'forget'];
  return [start, end, service, method];
});

const LEGACY = `
const seen = new Set();
export async function erase({ learner }) {
  const who = learner.originalUsername + ' <' + learner.originalEmail + '> ' + learner.originalName;
  if (who.includes('module-broken')) throw new TypeError('no row for ' + who);
  if (who.includes('module-shaky') && !seen.has(who)) {
    seen.add(who);
    throw Object.assign(new Error(who + ' is locked'), { transient: true, retryAfterMs: 5 });
  }
  return 'erased ' + who;
}
`;

let temporal: OwnTemporal;
let people: PeopleService;
let stage: RetirementStage;
let worker: WorkerProcess;
let learners: ReadonlyMap<string, SandboxLearner>;
let files: readonly StoredFile[];

beforeAll(async () => {
  [temporal, people] = await Promise.all([startOwnTemporal({ onDisk: true }), startPeopleService()]);
  stage = await setRetirementStage({}, { temporal: temporal.namespace });
  writeFileSync(path.join(path.dirname(stage.configurationPath), 'legacy.mjs'), LEGACY);
  const forget = {
    verb: 'DELETE',
    path: '/people/{original_username}/{original_email}',
    body: { name: '{original_name}' },
  };
  stage.configure({
    pipeline,
    registrar: {
      // Temporal lets a second pass between two attempts, however short the interval.
      retry_budget: '10s',
      services: { LEGACY: { module: './legacy.mjs' }, PEOPLE: { base_url: people.url, methods: { forget } } },
    },
  });
  worker = await startWorkerProcess({
    databaseUrl: stage.databaseUrl,
    temporalAddress: temporal.namespace.address,
    namespace: temporal.namespace.namespace,
    configurationPath: stage.configurationPath,
    logLevel: 'trace',
  });
  await askAll();
  await setFaults();
  await breakDatabase();
  await drive();
  await worker.kill('SIGTERM');
  // While the server runs, its write-ahead log is a file of its own.
  files = readFolder(temporal.directory);
  await temporal.stop();
  files = [...files, ...readFolder(temporal.directory)];
}, 240_000);
afterAll(async () => {
  await worker.kill('SIGKILL');
  await stage.close();
  await people.close();
  await temporal.remove();
});

async function askAll(): Promise<void> {
  const now = new Date().toISOString();
  const made = await stage.ask(
    LEARNERS.map((name) => ({
      username: `Ŵyrd-Quokkazephyr ${name}`,
      email: `Quixoblatt+${name}@vörzelmark.example`,
      name: `Zäphira O’Blivvenstein ${name}`,
      ...(name.startsWith('cancelled') ? { requested_at: now } : {}),
    })),
  );
  learners = new Map(made.map((one, index) => [LEARNERS[index] ?? '', one]));
}

function learner(name: Name): SandboxLearner {
  const found = learners.get(name);
  if (found === undefined) throw new Error(`there is no learner ${name}`);
  return found;
}

const idOf = (name: Name): number => learner(name).user_id;

/** An error body that tells everything about the learner. */
function echo(name: Name): string {
  const { username, email, name: fullName } = learner(name);
  const where = `/api/user/v1/accounts/${encodeURIComponent(username)}/retirement_status/`;
  return JSON.stringify({ detail: `cannot retire ${username} (${email}, ${fullName})`, where });
}

async function setFaults(): Promise<void> {
  const page = (name: Name): string => `<!doctype html><html>${echo(name)}</html>`;
  const fault = (name: Name, more: Readonly<Record<string, unknown>>): Promise<void> =>
    stage.fault({ username: learner(name).username, ...more });
  const forum = { path: '/api/discussion/' };
  const move = { path: '/api/user/v1/accounts/update_retirement_status/' };

  await stage.fault({
    path: '/api/user/v1/accounts/retirement_queue/',
    status: 500,
    body: echo('ordinary'),
    times: 1,
  });
  await stage.fault({
    path: '/api/user/v1/accounts/retirement_queue/',
    status: 200,
    body: page('ordinary'),
    times: 1,
  });
  await fault('refused', { ...forum, status: 400, body: echo('refused'), times: 1 });
  await fault('missing', { path: '/api/user/v1/accounts/retire_misc/', status: 404, body: page('missing') });
  await fault('html', { ...forum, status: 200, body: page('html'), times: 2 });
  await fault('html', { ...move, status: 200, body: page('html'), times: 1 });
  await fault('dropped', { ...forum, drop: 'before', times: 1 });
  await fault('dropped', { ...move, drop: 'after', times: 1 });
  await fault('busy', { ...forum, status: 500, body: echo('busy'), times: 2 });
  await fault('busy', { ...forum, status: 429, body: echo('busy'), retry_after: 0, times: 1 });
  await fault('exhausted', { ...forum, status: 502, body: page('exhausted') });
  await fault('exhausted', { ...move, status: 503, body: echo('exhausted'), times: 2 });
}

/** PostgreSQL refuses a write of two learners, with their whole rows in its words. */
async function breakDatabase(): Promise<void> {
  await stage.database.query(`
    create function refuse() returns trigger language plpgsql as $$
    begin
      raise exception 'cannot write % <%> %', new.original_username, new.original_email, new.original_name;
    end $$;
    create trigger refuse before update on user_retirement_status for each row
      when (new.user_id = ${idOf('trigger')} and new.current_state = 'FORUMS_COMPLETE') execute function refuse();
    alter table user_retirement_status add constraint broken
      check (user_id <> ${idOf('constraint')} or current_state <> 'FORUMS_COMPLETE')`);
}

async function mendDatabase(): Promise<void> {
  for (const name of ['trigger', 'constraint'] as const) {
    await waitFor(async () => (await retriesOf(stage, learner(name))) > 1, {
      what: `the activity of ${name} to fail twice`,
    });
  }
  await stage.database.query(`
    drop trigger refuse on user_retirement_status;
    alter table user_retirement_status drop constraint broken`);
}

async function drive(): Promise<void> {
  const otherDriver = createOtherDriver(stage.lmsUrl);
  await otherDriver.move(learner('stranded').username, 'RETIRING_FORUMS');
  await otherDriver.move(learner('found-errored').username, 'FORUMS_COMPLETE');
  await otherDriver.move(learner('found-errored').username, 'ERRORED');
  await otherDriver.close();

  expect((await stage.collect()).started).toBe(LEARNERS.length);
  await cancelBoth();
  await mendDatabase();
  await complete(
    'ordinary',
    'html',
    'dropped',
    'busy',
    'module-shaky',
    'declared-shaky',
    'trigger',
    'constraint',
  );
  await complete('stranded');
  for (const name of ['refused', 'missing', 'exhausted', 'module-broken', 'declared-refused'] as const) {
    await parked(stage, learner(name));
  }
  await refuseMessages();
  await stage
    .workflow(idOf('refused'))
    .signal(RESUME, { state: 'ENROLLMENTS_COMPLETE', by: 'an operator', reason: SPOKEN });
  await stage.workflow(idOf('found-errored')).executeUpdate(RESUME, { args: ['PENDING'] });
  await complete('refused', 'found-errored');
  await terminateAndFindAgain();
  await rerun();
}

async function complete(...names: readonly Name[]): Promise<void> {
  for (const name of names) {
    await stage.reaches(idOf(name), 'COMPLETE').catch(async (cause: unknown) => {
      const status = await stage.status(idOf(name));
      throw new Error(`${name} does not get COMPLETE: ${JSON.stringify(status)}`, { cause });
    });
  }
}

async function cancelBoth(): Promise<void> {
  await stage.workflow(idOf('cancelled')).signal(CANCEL, { by: 'an operator' });
  await stage.workflow(idOf('cancelled-too')).executeUpdate(CANCEL);
  for (const name of ['cancelled', 'cancelled-too'] as const) {
    expect(await stage.workflow(idOf(name)).result()).toMatchObject({ outcome: 'ABORTED' });
  }
}

async function refuseMessages(): Promise<void> {
  const parkedOne = stage.workflow(idOf('missing'));
  await expect(parkedOne.executeUpdate(RESUME, { args: ['RETIRING_THE_MOON'] })).rejects.toThrow();
  await expect(parkedOne.executeUpdate(CANCEL)).rejects.toThrow();
  await parkedOne.signal(RESUME, 'COMPLETE');
  await parkedOne.signal('dance');
  await parkedOne.cancel();
  await responseOf(stage, learner('missing'), 'refused: signal');
  await responseOf(stage, learner('missing'), 'refused: cancel');
}

async function terminateAndFindAgain(): Promise<void> {
  await stage.workflow(idOf('exhausted')).terminate('by an operator');
  await waitFor(async () => (await stage.collect()).started === 1, {
    what: 'the terminated one to be adopted',
  });
  await stage.reaches(idOf('exhausted'), 'ERRORED');
}

async function rerun(): Promise<void> {
  const start = (kind: string, name: Name): Promise<unknown> =>
    temporal.namespace.client.workflow.execute(RERUN_RETIREMENTS, {
      workflowId: `rerun-${kind}`,
      taskQueue: RETIREMENT_TASK_QUEUE,
      args: [{ kind, userId: idOf(name) }],
    });
  expect(await start('all', 'ordinary')).toMatchObject({ started: 1 });
  expect(await start('only-new', 'html')).toMatchObject({ started: 0 });
  await complete('ordinary');
}

/** Every form of every marker, and the digests of every value of every learner. */
function identityForms(): readonly Form[] {
  const values = [...learners.values()].flatMap(({ username, email, name }) => [username, email, name]);
  return [...MARKERS.flatMap(plainForms), ...values.flatMap(hashForms)];
}

/** The names that the LMS gives to the erased are salted hashes of the identity. */
async function retiredForms(): Promise<readonly Form[]> {
  const rows = await Promise.all([...learners.values()].map(({ user_id }) => stage.row(user_id)));
  const hashes = rows.flatMap(({ retiredUsername, retiredEmail }) => [
    retiredUsername.replace('retired__user_', ''),
    retiredEmail.replace('retired__user_', '').replace(/@.*$/, ''),
  ]);
  return hashes.flatMap(plainForms);
}

function found(forms: readonly Form[]): readonly string[] {
  return files.flatMap(({ name, bytes }) => formsIn(bytes, forms).map((what) => `${what} in ${name}`));
}

describe('after retirements of every kind, what the Temporal server has stored', () => {
  it('holds what must be there, so that the search could find what must not', () => {
    expect(files.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['temporal.db', 'temporal.db-wal', 'temporal.log']),
    );
    const expected = [
      SPOKEN,
      COLLECT_RETIREMENTS,
      'LMS.retirement_unenroll',
      'PEOPLE.forget',
      'met an unexpected error: error P0001',
      'met an unexpected error: error 23514',
      'answered 502',
      `retirement-${idOf('module-broken')}`,
    ];
    const stored = Buffer.concat(files.map(({ bytes }) => bytes));
    expect(expected.filter((text) => !stored.includes(text))).toEqual([]);
    expect(found(plainForms('Plimsollfinch'))).not.toEqual([]);
  });

  it('holds no form of any username, e-mail address or name', () => {
    expect(found(identityForms())).toEqual([]);
  });

  it('holds none of the salted hashes by which the LMS calls the erased', async () => {
    expect(found(await retiredForms())).toEqual([]);
  });
});

describe('after retirements of every kind, what the worker has logged', () => {
  it('says which activity met the unexpected error', () => {
    expect(worker.said()).toContain('an activity met an unexpected error');
    expect(worker.said()).toContain('error 23514');
  });

  it('holds no form of any username, e-mail address or name', async () => {
    const forms = [...identityForms(), ...(await retiredForms())];
    expect(formsIn(Buffer.from(worker.said()), forms)).toEqual([]);
  });
});

describe('the search itself', () => {
  it.each([
    { as: 'plain text', bytes: Buffer.from('…Ŵyrd-Quokkazephyr…') },
    { as: 'upper case', bytes: Buffer.from('QUIXOBLATT') },
    { as: 'decomposed characters', bytes: Buffer.from('vörzelmark'.normalize('NFD')) },
    { as: 'UTF-16', bytes: Buffer.from('of Blivvenstein', 'utf16le') },
    { as: 'a URL', bytes: Buffer.from(encodeURIComponent('/Zäphira O’Blivvenstein')) },
    { as: 'a form', bytes: Buffer.from(new URLSearchParams({ q: 'Zäphira O’Bliv' }).toString()) },
    { as: 'base64', bytes: Buffer.from(Buffer.from('1Quokkazephyr').toString('base64')) },
    { as: 'hex', bytes: Buffer.from(Buffer.from('Blivvenstein').toString('hex')) },
    { as: 'escaped JSON', bytes: Buffer.from('"v\\u00f6rzelmark"') },
  ])('finds a marker as $as', ({ bytes }) => {
    expect(formsIn(bytes, identityForms())).not.toEqual([]);
  });

  it('finds the digest of a value', () => {
    const forms = hashForms('Quixoblatt+ordinary@vörzelmark.example');
    const digests = Buffer.concat(forms.map((form) => form.bytes));
    expect(formsIn(digests, identityForms())).toEqual(expect.arrayContaining(forms.map((form) => form.what)));
  });
});
