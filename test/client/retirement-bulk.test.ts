import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createOtherDriver, type OtherDriver } from '../support/other-driver.ts';
import { calledOf, parked } from '../support/retirement-learner.ts';
import { setRetirementStage, type RetirementStage, type SandboxLearner } from '../support/retirement.ts';
import { complaints, environmentOf, registrar, type Ran } from './command-line.ts';

let stage: RetirementStage;
let otherDriver: OtherDriver;

beforeAll(async () => {
  stage = await setRetirementStage({ registrar: { retry_budget: 0 } });
  otherDriver = createOtherDriver(stage.lmsUrl);
  await stage.startWorker();
});
beforeEach(async () => {
  await stage.clearFaults();
  stage.configure({ registrar: { retry_budget: 0 } });
});
afterAll(async () => {
  await otherDriver.close();
  await stage.close();
});

const bulk = (...argv: readonly string[]): Promise<Ran> =>
  registrar(['retirement', 'bulk-status', ...argv], { env: environmentOf(stage) });

/** Each test has learners of its own days: the command moves everybody in a state. */
const onlyOn = (day: string): readonly string[] => ['--start-date', day, '--end-date', day];

async function ask(username: string, requested_at: string): Promise<SandboxLearner> {
  const [learner] = await stage.ask([{ username, requested_at }]);
  if (learner === undefined) throw new Error('the sandbox created nobody');
  return learner;
}

async function start({ username }: SandboxLearner): Promise<void> {
  const ran = await registrar(['retirement', 'start', username], { env: environmentOf(stage) });
  expect(ran).toMatchObject({ status: 0, stderr: '' });
}

/** A learner with a workflow that is parked, because a route answered 403 once. */
async function errored(username: string, route: string, requested_at: string): Promise<SandboxLearner> {
  const learner = await ask(username, requested_at);
  await stage.fault({ path: route, username, status: 403, body: { detail: 'no key' }, times: 1 });
  await start(learner);
  await parked(stage, learner);
  return learner;
}

async function complete(username: string, requested_at: string): Promise<SandboxLearner> {
  const learner = await ask(username, requested_at);
  await start(learner);
  await stage.workflow(learner.user_id).result();
  return learner;
}

interface Told {
  readonly moved: number;
  readonly notMoved: number;
  readonly outcomes: readonly {
    readonly userId: number;
    readonly outcome: string;
    readonly message: string;
  }[];
}

const told = (ran: Ran): Told => ran.json() as Told;

const outcomesOf = (ran: Ran): Readonly<Record<number, string>> =>
  Object.fromEntries(told(ran).outcomes.map(({ userId, outcome }) => [userId, outcome]));

const messageOf = (ran: Ran, { user_id }: SandboxLearner): string =>
  told(ran).outcomes.find(({ userId }) => userId === user_id)?.message ?? '';

const FORUM = '/api/discussion';
const NOTES = '/api/edxnotes';
const UNENROL_CALL = 'POST /api/enrollment/v1/unenroll/';
const FORUM_CALL = 'POST /api/discussion/v1/accounts/retire_forum/';

describe('ERRORED learners', () => {
  it('are each retried at the stage that failed by --rewind-state, also one whom another driver left', async () => {
    const [forum, notes, later] = await Promise.all([
      errored('rewound forum', FORUM, '2026-02-03T10:00:00Z'),
      errored('rewound notes', NOTES, '2026-02-03T11:00:00Z'),
      errored('rewound later', FORUM, '2026-02-04T00:00:00Z'),
    ]);
    const foreign = await ask('rewound foreign', '2026-02-03T12:00:00Z');
    await otherDriver.move('rewound foreign', 'RETIRING_FORUMS');
    await otherDriver.move('rewound foreign', 'ERRORED');

    const ran = await bulk('--initial-state', 'ERRORED', '--rewind-state', ...onlyOn('2026-02-03'), '--json');

    expect(ran).toMatchObject({ status: 0, stderr: '' });
    expect(told(ran)).toMatchObject({ initialState: 'ERRORED', newState: null, moved: 3, notMoved: 0 });
    expect(outcomesOf(ran)).toEqual({
      [forum.user_id]: 'moved',
      [notes.user_id]: 'moved',
      [foreign.user_id]: 'moved',
    });
    for (const { user_id } of [forum, notes, foreign]) {
      expect(await stage.workflow(user_id).result()).toMatchObject({ outcome: 'COMPLETE' });
    }
    expect(await calledOf(stage, forum)).toMatchObject({ [UNENROL_CALL]: 1, [FORUM_CALL]: 2 });
    expect(await calledOf(stage, notes)).toMatchObject({ [UNENROL_CALL]: 1, [FORUM_CALL]: 1 });
    expect(await calledOf(stage, foreign)).not.toHaveProperty([UNENROL_CALL]);
    expect((await stage.status(later.user_id)).state).toBe('ERRORED');
  });

  it('are resumed from --new-state, except who would leave stages out', async () => {
    const early = await errored('too early', FORUM, '2026-02-10T10:00:00Z');
    const late = await errored('late enough', '/api/edx_proctoring', '2026-02-10T10:00:00Z');

    const wanted = ['--initial-state', 'ERRORED', '--new-state', 'FORUMS_COMPLETE', ...onlyOn('2026-02-10')];
    const ran = await bulk(...wanted, '--json');

    expect(ran.status).toBe(1);
    expect(complaints(ran)).toEqual(['registrar: 1 of 2 were not moved: the table says why']);
    expect(outcomesOf(ran)).toEqual({ [early.user_id]: 'not-moved', [late.user_id]: 'moved' });
    expect(messageOf(ran, early)).toContain('ENROLLMENTS_COMPLETE');
    expect(await stage.workflow(late.user_id).result()).toMatchObject({ outcome: 'COMPLETE' });
    expect(await calledOf(stage, late)).toMatchObject({
      [UNENROL_CALL]: 1,
      [`POST ${NOTES}/v1/retire_user/`]: 2,
    });
    expect(await stage.lms('too early')).toMatchObject({ current_state: 'ERRORED' });
    expect((await stage.status(early.user_id)).state).toBe('ERRORED');
  });

  it('get a workflow when theirs was terminated; one who is gone from the LMS keeps nobody else', async () => {
    const terminated = await errored('bulk terminated', FORUM, '2026-02-12T10:00:00Z');
    const gone = await errored('bulk gone', FORUM, '2026-02-12T10:00:00Z');
    await stage.workflow(terminated.user_id).terminate('by the test');
    await stage.workflow(gone.user_id).terminate('by the test');
    await otherDriver.move('bulk gone', 'PENDING');
    await otherDriver.cancel(gone.retirement_id);

    const ran = await bulk('--initial-state', 'ERRORED', '--rewind-state', ...onlyOn('2026-02-12'), '--json');

    expect(ran.status).toBe(1);
    expect(outcomesOf(ran)).toEqual({ [terminated.user_id]: 'moved', [gone.user_id]: 'not-moved' });
    expect(messageOf(ran, gone)).toContain('no row');
    expect(await stage.workflow(terminated.user_id).result()).toMatchObject({ outcome: 'COMPLETE' });
  });

  it('are left alone when nobody knows what failed, until a state is named', async () => {
    const lost = await ask('lost track', '2026-02-14T10:00:00Z');
    await otherDriver.move('lost track', 'RETIRING_LMS');
    stage.configure({ pipeline: [['RETIRING_FORUMS', 'FORUMS_COMPLETE', 'LMS', 'retirement_retire_forum']] });
    await otherDriver.move('lost track', 'ERRORED');

    const rewound = await bulk(
      '--initial-state',
      'ERRORED',
      '--rewind-state',
      ...onlyOn('2026-02-14'),
      '--json',
    );
    expect(rewound.status).toBe(1);
    expect(messageOf(rewound, lost)).toContain('--new-state');
    await expect(stage.row(lost.user_id)).rejects.toThrow('no row');

    const wanted = ['--initial-state', 'ERRORED', '--new-state', 'PENDING', ...onlyOn('2026-02-14')];
    expect(await bulk(...wanted)).toMatchObject({ status: 0, stderr: '' });
    expect(await stage.workflow(lost.user_id).result()).toMatchObject({ outcome: 'COMPLETE' });
  });
});

describe('COMPLETE learners', () => {
  it('go through everything again, ours and those of another driver, but not who was cleaned up', async () => {
    const ours = await complete('rerun ours', '2026-03-03T10:00:00Z');
    const cleaned = await complete('rerun cleaned', '2026-03-03T10:00:00Z');
    const later = await complete('rerun later', '2026-03-04T10:00:00Z');
    const foreign = await ask('rerun foreign', '2026-03-03T10:00:00Z');
    await otherDriver.move('rerun foreign', 'COMPLETE');
    await stage.asService('POST', '/api/user/v1/accounts/retirement_cleanup/', {
      usernames: ['rerun cleaned'],
    });

    const wanted = ['--initial-state', 'COMPLETE', '--new-state', 'PENDING', ...onlyOn('2026-03-03')];
    const ran = await bulk(...wanted, '--json');

    expect(ran.status).toBe(1);
    expect(outcomesOf(ran)).toEqual({
      [ours.user_id]: 'moved',
      [cleaned.user_id]: 'not-moved',
      [foreign.user_id]: 'moved',
    });
    expect(await stage.workflow(ours.user_id).result()).toMatchObject({ outcome: 'COMPLETE' });
    expect(await stage.workflow(foreign.user_id).result()).toMatchObject({ outcome: 'COMPLETE' });
    expect(await calledOf(stage, ours)).toMatchObject({ [FORUM_CALL]: 2 });
    expect(await calledOf(stage, foreign)).toMatchObject({ [FORUM_CALL]: 1 });
    expect(await calledOf(stage, later)).toMatchObject({ [FORUM_CALL]: 1 });
    expect((await stage.row(cleaned.user_id)).currentState).toBe('COMPLETE');
  });

  it('are listed by the LMS as often for three of them as for one', async () => {
    const days = ['2026-03-05', '2026-03-06'] as const;
    const alone = await complete('listed alone', `${days[0]}T10:00:00Z`);
    const three = await Promise.all(
      ['a', 'b', 'c'].map((name) => complete(`listed with others ${name}`, `${days[1]}T10:00:00Z`)),
    );
    const listings: unknown[] = [];
    for (const day of days) {
      await stage.control('DELETE', '/_sandbox/requests');
      const wanted = ['--initial-state', 'COMPLETE', '--new-state', 'PENDING', ...onlyOn(day)];
      expect(await bulk(...wanted)).toMatchObject({ status: 0, stderr: '' });
      const requests = (await stage.control('GET', '/_sandbox/requests')) as Record<string, number>;
      listings.push(Object.entries(requests).filter(([request]) => request.includes('retirement_queue')));
    }
    for (const { user_id } of [alone, ...three]) await stage.workflow(user_id).result();
    expect(listings[0]).not.toEqual([]);
    expect(listings[1]).toEqual(listings[0]);
    for (const learner of three) expect(await calledOf(stage, learner)).toMatchObject({ [FORUM_CALL]: 2 });
  });

  it('are left to the archive when it has claimed them', async () => {
    const free = await complete('rerun not claimed', '2026-03-10T10:00:00Z');
    const claimed = await complete('rerun claimed', '2026-03-10T10:00:00Z');
    await stage.database.query(
      `with batch as (insert into archive_batches default values returning batch_id)
       insert into archived_retirements (retirement_id, user_id, batch_id) select $1, $2, batch_id from batch`,
      [claimed.retirement_id, claimed.user_id],
    );
    const wanted = ['--initial-state', 'COMPLETE', '--new-state', 'PENDING', ...onlyOn('2026-03-10')];
    const ran = await bulk(...wanted, '--json');
    expect(ran.status).toBe(1);
    expect(messageOf(ran, claimed)).toContain('is being archived');
    expect(outcomesOf(ran)).toEqual({ [free.user_id]: 'moved', [claimed.user_id]: 'not-moved' });
    expect(await stage.workflow(free.user_id).result()).toMatchObject({ outcome: 'COMPLETE' });
    expect(await stage.lms('rerun claimed')).toMatchObject({ current_state: 'COMPLETE' });
  });
});

describe('PENDING learners', () => {
  it('are cancelled, seen or not yet, except one of whom something is erased', async () => {
    const patient = { registrar: { retry_budget: 0, cool_off_days: 36_000 } };
    const begun = await errored('begun once', FORUM, '2026-04-03T10:00:00Z');
    stage.configure(patient);
    const waiting = await ask('waiting', '2026-04-03T10:00:00Z');
    const unseen = await ask('unseen', '2026-04-03T10:00:00Z');
    const other = await ask('other day', '2026-04-04T10:00:00Z');
    await start(waiting);
    await stage.workflow(begun.user_id).terminate('by the test');
    await otherDriver.move('begun once', 'PENDING');

    const wanted = ['--initial-state', 'PENDING', '--new-state', 'ABORTED', ...onlyOn('2026-04-03')];
    const ran = await bulk(...wanted, '--json');

    expect(ran.status).toBe(1);
    expect(outcomesOf(ran)).toEqual({
      [waiting.user_id]: 'moved',
      [unseen.user_id]: 'moved',
      [begun.user_id]: 'not-moved',
    });
    expect(messageOf(ran, waiting)).toContain('reset the password');
    expect(messageOf(ran, begun)).toContain('cannot be given back');
    expect(await stage.workflow(begun.user_id).result()).toMatchObject({ outcome: 'COMPLETE' });
    for (const { user_id, username, email } of [waiting, unseen]) {
      expect(await stage.workflow(user_id).result()).toMatchObject({ outcome: 'ABORTED' });
      expect(await stage.lms(username)).toMatchObject({ email, usable_password: true });
    }
    expect(await stage.lms(other.username)).toMatchObject({
      current_state: 'PENDING',
      usable_password: false,
    });
  });

  it('belong to the days from 00:00 of the first to the end of the last, in UTC', async () => {
    const asked = {
      before: '2026-04-19T23:59:59.999Z',
      first: '2026-04-20T00:00:00Z',
      last: '2026-04-21T23:59:59.999Z',
      after: '2026-04-22T00:00:00Z',
      offset: '2026-04-22T01:00:00+02:00',
    };
    const learners = new Map<string, number>();
    for (const [name, at] of Object.entries(asked))
      learners.set(name, (await ask(`edge ${name}`, at)).user_id);

    const days = ['--start-date', '2026-04-20', '--end-date', '2026-04-21'];
    const ran = await bulk(
      '--initial-state',
      'PENDING',
      '--new-state',
      'ABORTED',
      ...days,
      '--dry-run',
      '--json',
    );

    expect(ran.status).toBe(0);
    const found = told(ran).outcomes.map(({ userId }) => userId);
    expect(found).toEqual(['first', 'last', 'offset'].map((name) => learners.get(name)));
  });
});

describe('a dry run', () => {
  it('says what would happen to each and changes nothing, also while no worker runs', async () => {
    const forum = await errored('dry forum', FORUM, '2026-05-03T10:00:00Z');
    const notes = await errored('dry notes', NOTES, '2026-05-03T10:00:00Z');
    await stage.stopWorker();
    const wanted = ['--initial-state', 'ERRORED', '--new-state', 'FORUMS_COMPLETE', ...onlyOn('2026-05-03')];
    const ran = await bulk(...wanted, '--dry-run', '--json');
    const table = await bulk(...wanted, '--dry-run');
    await stage.startWorker();

    expect(ran).toMatchObject({ status: 0, stderr: '' });
    expect(told(ran)).toMatchObject({ dryRun: true, moved: 1, notMoved: 1 });
    expect(outcomesOf(ran)).toEqual({ [forum.user_id]: 'would-not-move', [notes.user_id]: 'would-move' });
    expect(messageOf(ran, forum)).toContain('ENROLLMENTS_COMPLETE');
    expect(messageOf(ran, notes)).toContain('RETIRING_NOTES');
    expect(table.stdout).toMatch(new RegExp(`${notes.user_id} +dry notes +would-move +would be resumed`));
    for (const learner of [forum, notes]) {
      expect((await stage.status(learner.user_id)).state).toBe('ERRORED');
      expect((await stage.row(learner.user_id)).responses).not.toContain('refused:');
    }
  });
});

describe('a change that would strand learners', () => {
  it.each([
    ['ERRORED', 'COMPLETE'],
    ['ERRORED', 'ABORTED'],
    ['ERRORED', 'NONSENSE'],
    ['COMPLETE', 'FORUMS_COMPLETE'],
    ['PENDING', 'RETIRING_FORUMS'],
    ['RETIRING_FORUMS', 'PENDING'],
    ['FORUMS_COMPLETE', 'PENDING'],
    ['ABORTED', 'PENDING'],
    ['NONSENSE', 'PENDING'],
  ])('from %s to %s is refused in one line before anything is asked of the LMS', async (initial, wanted) => {
    await stage.control('DELETE', '/_sandbox/requests');
    const ran = await bulk('--initial-state', initial, '--new-state', wanted, '--json');
    expect(ran).toMatchObject({ status: 4, stdout: '' });
    expect(complaints(ran)).toHaveLength(1);
    expect(await stage.control('GET', '/_sandbox/requests')).toEqual({});
  });

  it('is refused for everybody while the LMS lacks a state of the pipeline', async () => {
    const { user_id } = await errored('ill-fitting', FORUM, '2026-05-10T10:00:00Z');
    stage.configure({ pipeline: [['RETIRING_MOON', 'MOON_COMPLETE', 'LMS', 'retirement_unenroll']] });
    const ran = await bulk('--initial-state', 'ERRORED', '--new-state', 'PENDING', ...onlyOn('2026-05-10'));
    expect(ran).toMatchObject({ status: 1, stdout: '' });
    expect(ran.stderr).toContain('the LMS has no state RETIRING_MOON');
    expect((await stage.row(user_id)).responses).not.toContain('refused:');
  });

  it('touches nobody when nobody is there', async () => {
    const ran = await bulk('--initial-state', 'ERRORED', '--rewind-state', ...onlyOn('2019-01-01'));
    expect(ran).toMatchObject({ status: 0, stdout: 'nobody in these dates is ERRORED\n', stderr: '' });
  });
});

describe('wrong usage', () => {
  const today = new Date().toISOString().slice(0, 10);
  const tomorrow = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
  const errors = ['--initial-state', 'ERRORED'];

  it.each([
    [['--rewind-state']],
    [errors],
    [[...errors, '--new-state', '']],
    [[...errors, '--new-state', 'PENDING', '--rewind-state']],
    [[...errors, '--rewind-state', '--start-date', today]],
    [[...errors, '--rewind-state', '--end-date', today]],
    [[...errors, '--rewind-state', '--start-date', '2026-1-5', '--end-date', today]],
    [[...errors, '--rewind-state', '--start-date', '2026-02-30', '--end-date', today]],
    [[...errors, '--rewind-state', '--start-date', 'soon', '--end-date', today]],
    [[...errors, '--rewind-state', '--start-date', today, '--end-date', tomorrow]],
    [[...errors, '--rewind-state', '--start-date', '2026-05-02', '--end-date', '2026-05-01']],
    [[...errors, '--rewind-state', 'everybody']],
  ])('%j is one line and status 2', async (argv) => {
    const ran = await bulk(...argv);
    expect(ran).toMatchObject({ status: 2, stdout: '' });
    expect(complaints(ran)).toHaveLength(1);
  });

  it('takes today as the last day', async () => {
    const ran = await bulk(...errors, '--rewind-state', ...onlyOn(today));
    expect(ran).toMatchObject({ status: 0, stderr: '' });
  });
});
