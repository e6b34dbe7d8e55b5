import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sandboxPipeline } from '../../sandbox/lms/pipeline.ts';
import { retirementWorkflowId } from '../../workflows/retirement/contract.ts';
import { setRetirementStage, type RetirementStage, type SandboxLearner } from '../support/retirement.ts';
import { waitFor } from '../support/wait.ts';
import { complaints, environmentOf, registrar, type Ran } from './command-line.ts';

let stage: RetirementStage;

beforeAll(async () => {
  stage = await setRetirementStage({ registrar: { retry_budget: 0 } });
  await stage.startWorker();
});
beforeEach(async () => {
  await stage.clearFaults();
  stage.configure({ registrar: { retry_budget: 0 } });
});
afterAll(() => stage.close());

const retirement = (...argv: readonly string[]): Promise<Ran> =>
  registrar(['retirement', ...argv], { env: environmentOf(stage) });

async function ask(username: string, more: { email?: string; requested_at?: string; name?: string } = {}) {
  const [learner] = await stage.ask([{ username, ...more }]);
  if (learner === undefined) throw new Error('the sandbox created nobody');
  return learner;
}

const coolingOff = (): { requested_at: string } => ({ requested_at: new Date().toISOString() });

/** A learner whose forum stage was answered with 403. */
async function askErrored(username: string): Promise<SandboxLearner> {
  const learner = await ask(username);
  await stage.fault({
    path: '/api/discussion',
    username,
    status: 403,
    body: { detail: 'forum key' },
    times: 1,
  });
  expect(await retirement('start', username)).toMatchObject({ status: 0 });
  await stage.reaches(learner.user_id, 'ERRORED');
  await waitFor(async () => (await stage.row(learner.user_id)).currentState === 'ERRORED', {
    what: 'the row to be ERRORED',
  });
  return learner;
}

async function complete(username: string): Promise<SandboxLearner> {
  const learner = await ask(username);
  expect(await retirement('start', username)).toMatchObject({ status: 0 });
  await stage.workflow(learner.user_id).result();
  return learner;
}

describe('start', () => {
  it.each(['ada', 'Grace Hopper', '100% sure/yes', 'Ærøskøbing', 'MiXeD', '../admin', 'a+b&c=d?'])(
    'takes %j through the pipeline',
    async (username) => {
      const { user_id } = await ask(username);
      const ran = await retirement('start', username, '--json');
      expect(ran).toMatchObject({ status: 0, stderr: '' });
      expect(ran.json()).toEqual({ userId: user_id, workflowId: `retirement-${user_id}`, state: 'PENDING' });
      expect(await stage.workflow(user_id).result()).toMatchObject({ outcome: 'COMPLETE' });
    },
  );

  it('exits 3 for somebody who has not asked', async () => {
    const ran = await retirement('start', 'nobody');
    expect(ran).toMatchObject({ status: 3, stdout: '' });
    expect(complaints(ran)).toHaveLength(1);
  });

  it('exits 4, naming the workflow, for a learner who is under way', async () => {
    const { user_id } = await ask('twice', coolingOff());
    expect(await retirement('start', 'twice')).toMatchObject({ status: 0 });
    const ran = await retirement('start', 'twice');
    expect(ran.status).toBe(4);
    expect(ran.stderr).toContain(`retirement-${user_id}`);
  });

  it('refuses a COMPLETE learner and names rerun', async () => {
    await complete('finished');
    const ran = await retirement('start', 'finished');
    expect(ran.status).toBe(4);
    expect(ran.stderr).toContain('registrar retirement rerun');
  });

  it('writes nothing while the configuration is wrong, and says each mistake', async () => {
    const { user_id } = await ask('early');
    stage.configure({
      pipeline: [
        ['RETIRING_FORUMS', 'FORUMS_COMPLETE', 'LMS', 'nonsense'],
        ['RETIRING_NOTES', 'NOTES_COMPLETE', 'NOBODY', 'nonsense'],
      ],
    });
    const ran = await retirement('start', 'early');
    expect(ran.status).toBe(1);
    expect(complaints(ran)).toHaveLength(2);
    await expect(stage.row(user_id)).rejects.toThrow('no row');
  });

  it('writes nothing while the LMS lacks a state of the pipeline', async () => {
    const { user_id } = await ask('stateless');
    stage.configure({
      pipeline: [['RETIRING_MOON', 'MOON_COMPLETE', 'LMS', 'retirement_unenroll']],
    });
    const ran = await retirement('start', 'stateless');
    expect(ran.status).toBe(1);
    expect(complaints(ran).join()).toContain('the LMS has no state RETIRING_MOON');
    await expect(stage.row(user_id)).rejects.toThrow('no row');
  });

  it('says in one line that the LMS answers HTML, or not at all', async () => {
    await ask('unlucky');
    await stage.fault({ path: '/api/user', status: 200, body: '<html>maintenance</html>' });
    const html = await retirement('start', 'unlucky');
    expect(html.status).toBe(1);
    expect(complaints(html)).toHaveLength(1);
    expect(html.stderr).toContain('HTML');
    stage.configure({ lmsUrl: 'http://127.0.0.1:1' });
    const down = await retirement('start', 'unlucky', '--json');
    expect(down).toMatchObject({ status: 1, stdout: '' });
    expect(complaints(down)).toHaveLength(1);
    expect(down.stderr).toContain('refused the connection');
  });
});

describe('list and show', () => {
  it('lists by state and overdue, as tables and as documents', async () => {
    const late = await ask('late learner', { requested_at: '2026-01-05T10:00:00Z' });
    await stage.fault({ path: '/api/enrollment', username: 'late learner', status: 400, times: 1 });
    await retirement('start', 'late learner');
    await stage.reaches(late.user_id, 'ERRORED');
    await waitFor(async () => (await stage.row(late.user_id)).currentState === 'ERRORED', {
      what: 'the row',
    });
    const fresh = await ask('fresh', coolingOff());
    await retirement('start', 'fresh');

    const errored = await retirement('list', '--state', 'ERRORED', '--overdue', '--json');
    expect(errored.json()).toContainEqual(
      expect.objectContaining({
        userId: late.user_id,
        username: 'late learner',
        state: 'ERRORED',
        stage: 'RETIRING_ENROLLMENTS',
        dueAt: '2026-02-04T10:00:00.000Z',
        overdue: true,
        workflowId: `retirement-${late.user_id}`,
      }),
    );
    const table = await retirement('list');
    expect(table.stdout).toMatch(/^ *USER +USERNAME +STATE +STAGE +AGE +DUE$/m);
    expect(table.stdout).toMatch(new RegExp(`^ *${fresh.user_id} +fresh +PENDING`, 'm'));
    expect(table.stdout).toMatch(/late learner +ERRORED +RETIRING_ENROLLMENTS .* 2026-02-04 overdue$/m);
  });

  it('exits 2 with the known states when an unknown one has nobody', async () => {
    const ran = await retirement('list', '--state', 'ERORED', '--json');
    expect(ran).toMatchObject({ status: 2, stdout: '' });
    expect(ran.stderr).toContain('it has: PENDING, RETIRING_ENROLLMENTS');
  });

  it('shows a failure with the words of the service, by any form of WHO', async () => {
    const { user_id, email } = await askErrored('Shown One');
    for (const who of [
      String(user_id),
      'Shown One',
      'shown one',
      email,
      email.toUpperCase(),
      `retirement-${user_id}`,
    ]) {
      const ran = await retirement('show', who, '--json');
      expect(ran).toMatchObject({ status: 0, stderr: '' });
      expect(ran.json()).toMatchObject({ userId: user_id, username: 'Shown One', state: 'ERRORED' });
    }
    const details = (await retirement('show', 'Shown One', '--json')).json();
    expect(details).toMatchObject({
      stage: 'RETIRING_FORUMS',
      completedStages: ['ENROLLMENTS_COMPLETE'],
      lastFailure: { status: 403, body: '{"detail":"forum key"}', stage: 'RETIRING_FORUMS' },
      workflow: {
        id: `retirement-${user_id}`,
        status: 'running',
        url: `http://localhost:8233/namespaces/${stage.temporal.namespace}/workflows/retirement-${user_id}`,
      },
      status: { phase: 'errored', resumableFrom: ['PENDING', 'ENROLLMENTS_COMPLETE'] },
    });
    expect((details as { history: { state: string }[] }).history.map(({ state }) => state)).toEqual([
      'PENDING',
      'RETIRING_ENROLLMENTS',
      'ENROLLMENTS_COMPLETE',
      'RETIRING_FORUMS',
      'ERRORED',
    ]);
    const { stdout } = await retirement('show', 'Shown One');
    expect(stdout).toContain('forum key');
    expect(stdout).toContain(`registrar retirement resume ${user_id} --from ENROLLMENTS_COMPLETE`);
  });

  it('has colours and progress on a terminal only', async () => {
    await askErrored('colourful');
    const settings = { env: environmentOf(stage), isTerminal: true };
    const shown = await registrar(['retirement', 'list', '--state', 'ERRORED'], settings);
    expect(shown.stdout).toContain('\u001b[31mERRORED\u001b[39m');
    const plain = await registrar(['retirement', 'list'], {
      ...settings,
      env: { ...settings.env, NO_COLOR: '1' },
    });
    expect(plain.stdout).not.toContain('\u001b[');
    const document = await registrar(['retirement', 'collect', '--json'], settings);
    expect(document.stderr).toBe('');
    expect(document.json()).toMatchObject({ left: 0 });
  });

  it('exits 3 for nobody, in one line', async () => {
    const ran = await retirement('show', 'nobody@example.com');
    expect(ran).toMatchObject({ status: 3, stdout: '' });
    expect(complaints(ran)).toHaveLength(1);
  });

  it('refuses a name that could be two people, with their ids; the exact name is one', async () => {
    const one = await ask('Case', coolingOff());
    const other = await ask('cASE', { ...coolingOff(), email: 'other-case@example.com' });
    await retirement('start', 'Case');
    await retirement('start', 'cASE');
    const ran = await retirement('show', 'case');
    expect(ran.status).toBe(2);
    expect(complaints(ran)).toHaveLength(1);
    expect(ran.stderr).toContain(`${one.user_id}, ${other.user_id}`);
    expect((await retirement('show', 'cASE', '--json')).json()).toMatchObject({ userId: other.user_id });
  });

  it('takes a number for a user id, and refuses when it is also a name', async () => {
    const first = await ask('number-one', coolingOff());
    await retirement('start', 'number-one');
    await ask(String(first.user_id), coolingOff());
    await retirement('start', String(first.user_id));
    expect(await retirement('show', String(first.user_id))).toMatchObject({ status: 2 });
    const ran = await retirement('show', retirementWorkflowId(first.user_id), '--json');
    expect(ran.json()).toMatchObject({ username: 'number-one' });
  });
});

describe('plan and resume', () => {
  it('plans without changing anything, and resumes to COMPLETE', async () => {
    const { user_id } = await askErrored('planned');
    const before = await stage.row(user_id);
    const plan = await retirement('plan', 'planned', '--from', 'PENDING', '--json');
    expect(plan.json()).toMatchObject({
      userId: user_id,
      from: 'PENDING',
      resumable: true,
      needsSkip: false,
    });
    const actions = (ran: Ran): readonly string[] =>
      (ran.json() as { stages: { action: string }[] }).stages.map(({ action }) => action);
    expect(actions(plan)).toEqual(['repeat', 'run', 'run', 'run', 'run', 'run', 'run']);
    const later = await retirement('plan', 'planned', '--from', 'NOTES_COMPLETE', '--json');
    expect(later.json()).toMatchObject({ needsSkip: true });
    expect(actions(later)).toEqual(['keep', 'skip', 'skip', 'run', 'run', 'run', 'run']);
    expect(await stage.row(user_id)).toEqual(before);

    const ran = await retirement(
      'resume',
      'planned',
      '--from',
      'ENROLLMENTS_COMPLETE',
      '--reason',
      'key mended',
    );
    expect(ran).toMatchObject({ status: 0, stderr: '' });
    expect(ran.stdout).toContain('resumed: from ENROLLMENTS_COMPLETE: key mended');
    expect(await stage.workflow(user_id).result()).toMatchObject({ outcome: 'COMPLETE' });
  });

  it.each(['NONSENSE', 'COMPLETE', 'ERRORED'])(
    'refuses %s in plan and resume, naming the possible',
    async (from) => {
      const { user_id } = await askErrored(`asks-${from}`);
      for (const command of ['plan', 'resume']) {
        const ran = await retirement(command, String(user_id), '--from', from);
        expect(ran.status).toBe(4);
        expect(complaints(ran)).toHaveLength(1);
        expect(ran.stderr).toContain('possible states: PENDING, ENROLLMENTS_COMPLETE');
      }
    },
  );

  it('leaves stages out only with --skip', async () => {
    const { user_id } = await askErrored('skipped');
    const refusal = await retirement('resume', 'skipped', '--from', 'FORUMS_COMPLETE');
    expect(refusal.status).toBe(4);
    expect(await retirement('resume', 'skipped', '--from', 'FORUMS_COMPLETE', '--skip')).toMatchObject({
      status: 0,
    });
    await stage.workflow(user_id).result();
    expect((await stage.row(user_id)).completedStages).not.toContain('FORUMS_COMPLETE');
  });

  it('refuses a learner who is COMPLETE or PENDING, and does not know nobody', async () => {
    await complete('done already');
    expect(await retirement('resume', 'done already', '--from', 'PENDING')).toMatchObject({ status: 4 });
    await ask('still waiting', coolingOff());
    await retirement('start', 'still waiting');
    const waiting = await retirement('resume', 'still waiting', '--from', 'PENDING', '--json');
    expect(waiting).toMatchObject({ status: 4, stdout: '' });
    expect(await retirement('resume', 'nobody', '--from', 'PENDING')).toMatchObject({ status: 3 });
  });

  it.each([
    'it was reason-giver who asked',
    'asked by REASON-GIVER',
    'named  name of reason-giver',
    'see someone@example.org',
  ])('refuses the reason %j, which Temporal would keep', async (reason) => {
    const known = await retirement('show', 'reason-giver');
    if (known.status === 3) await askErrored('reason-giver');
    const ran = await retirement('resume', 'reason-giver', '--from', 'PENDING', '--reason', reason);
    expect(ran.status).toBe(2);
    expect(complaints(ran)).toHaveLength(1);
    expect((await retirement('show', 'reason-giver', '--json')).json()).toMatchObject({ state: 'ERRORED' });
  });

  it('gives a learner without a workflow one, and resumes it', async () => {
    const { user_id } = await askErrored('terminated');
    await waitFor(async () => JSON.stringify(await stage.lms('terminated')).includes('"ERRORED"'), {
      what: 'the LMS to have ERRORED',
    });
    await stage.workflow(user_id).terminate('by the test');
    const ran = await retirement('resume', 'terminated', '--from', 'ENROLLMENTS_COMPLETE');
    expect(ran).toMatchObject({ status: 0, stderr: '' });
    expect(await stage.workflow(user_id).result()).toMatchObject({ outcome: 'COMPLETE' });
  });

  it('resumes everybody who failed in a stage, and nobody else', async () => {
    const here = [await askErrored('bulk 1'), await askErrored('bulk 2')];
    const elsewhere = await ask('bulk 3');
    await stage.fault({ path: '/api/edxnotes', username: 'bulk 3', status: 400, times: 1 });
    await retirement('start', 'bulk 3');
    await stage.reaches(elsewhere.user_id, 'ERRORED');
    const ran = await retirement('resume', '--all-errored', '--stage', 'RETIRING_FORUMS', '--json');
    expect(ran.status).toBe(0);
    const { outcomes } = ran.json() as { outcomes: { userId: number; outcome: string }[] };
    for (const { user_id } of here) {
      expect(outcomes).toContainEqual(expect.objectContaining({ userId: user_id, outcome: 'resumed' }));
      await stage.workflow(user_id).result();
    }
    expect(outcomes.map(({ userId }) => userId)).not.toContain(elsewhere.user_id);
    expect((await stage.status(elsewhere.user_id)).state).toBe('ERRORED');
    const nobody = await retirement('resume', '--all-errored', '--stage', 'RETIRING_LMS');
    expect(nobody).toMatchObject({ status: 0, stdout: 'nobody is ERRORED in RETIRING_LMS\n' });
    expect(await retirement('resume', '--all-errored', '--stage', 'NONSENSE')).toMatchObject({ status: 4 });
  });
});

describe('cancel', () => {
  it('cancels one whom the collector has not seen, by an address in another case', async () => {
    const { user_id } = await ask('Changed Mind', { ...coolingOff(), email: 'Changed.Mind@example.com' });
    const ran = await retirement('cancel', 'changed.mind@EXAMPLE.com');
    expect(ran).toMatchObject({ status: 0, stderr: '' });
    expect(ran.stdout).toContain('reset the password');
    expect(await stage.workflow(user_id).result()).toMatchObject({ outcome: 'ABORTED' });
    expect(await stage.lms('Changed Mind')).toMatchObject({ email: 'Changed.Mind@example.com' });
    expect((await stage.row(user_id)).currentState).toBe('ABORTED');
  });

  it('cancels one who is cooling off, and refuses the second time', async () => {
    const { user_id, email } = await ask('cooling', coolingOff());
    await retirement('start', 'cooling');
    const ran = await retirement('cancel', email, '--json');
    expect(ran.json()).toMatchObject({ userId: user_id });
    await stage.workflow(user_id).result();
    expect(await retirement('cancel', email)).toMatchObject({ status: 4, stdout: '' });
  });

  it('is refused when a stage has begun, for known and unseen learners', async () => {
    const { email } = await askErrored('too late');
    expect(await retirement('cancel', email)).toMatchObject({ status: 4 });
    const done = await complete('far too late');
    await stage.database.query('delete from user_retirement_status where user_id = $1', [done.user_id]);
    const unseen = await retirement('cancel', done.email);
    expect(unseen.status).toBe(4);
    expect(unseen.stderr).toContain('COMPLETE');
  });

  it('says that the LMS refused to say who is there, and not that nobody is', async () => {
    await stage.fault({ path: '/api/user/v1/accounts/retirement_queue/', status: 400, times: 1 });
    const ran = await retirement('cancel', 'nobody@example.com');
    expect(ran).toMatchObject({ status: 4, stdout: '' });
    expect(complaints(ran)).toEqual([
      'registrar: the LMS does not know a state of the pipeline: run `registrar doctor`',
    ]);
  });

  it('exits 3 for an address that nobody has', async () => {
    expect(await retirement('cancel', 'nobody@example.com')).toMatchObject({ status: 3, stdout: '' });
  });
});

describe('rerun and collect', () => {
  it('collects with counts', async () => {
    const { user_id } = await ask('collected');
    const ran = await retirement('collect', '--json');
    expect(ran).toMatchObject({ status: 0, stderr: '' });
    expect(ran.json()).toMatchObject({ left: 0 });
    expect((ran.json() as { started: number }).started).toBeGreaterThanOrEqual(1);
    await stage.workflow(user_id).result();
  });

  it('fails with the reason when too many are new', async () => {
    await stage.askMany(2);
    stage.configure({ registrar: { user_count_error_threshold: 1 } });
    const ran = await retirement('collect');
    expect(ran.status).toBe(1);
    expect(complaints(ran)).toHaveLength(1);
    expect(ran.stderr).toContain('user_count_error_threshold (1)');
  });

  it('reruns one COMPLETE learner, and with --only-new nothing', async () => {
    const { user_id } = await complete('again');
    const nothing = await retirement('rerun', 'again', '--only-new', '--json');
    expect(nothing.json()).toEqual({ complete: 1, started: 0, unchanged: 1 });
    const ran = await retirement('rerun', 'again', '--json');
    expect(ran.json()).toEqual({ complete: 1, started: 1, unchanged: 0 });
    expect(await stage.workflow(user_id).result()).toMatchObject({ outcome: 'COMPLETE' });
  });

  it('refuses to rerun one who is not COMPLETE', async () => {
    await askErrored('not yet');
    const ran = await retirement('rerun', 'not yet');
    expect(ran.status).toBe(4);
    expect(ran.stderr).toContain('ERRORED');
    expect(await retirement('rerun', 'nobody')).toMatchObject({ status: 3 });
  });

  it('runs a stage that is new in the pipeline for all who lack it, and only that', async () => {
    stage.configure({ pipeline: sandboxPipeline.slice(1) });
    const { user_id } = await complete('short pipeline');
    stage.configure({});
    const before = await stage.effects('short pipeline');
    const ran = await retirement('rerun', '--all', '--only-new', '--json');
    expect(ran).toMatchObject({ status: 0, stderr: '' });
    const { complete: considered, started, unchanged } = ran.json() as Record<string, number>;
    expect(started).toBeGreaterThanOrEqual(1);
    expect(considered).toBe((started ?? 0) + (unchanged ?? 0));
    await stage.workflow(user_id).result();
    expect((await stage.row(user_id)).completedStages).toContain('ENROLLMENTS_COMPLETE');
    const after = await stage.effects('short pipeline');
    const forum = 'POST /api/discussion/v1/accounts/retire_forum/';
    expect(after[forum]?.called).toBe(1);
    expect(after[forum]).toEqual(before[forum]);
  });
});
