import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  archive,
  countArchivable,
  GONE,
  makeArchiveFolder,
  moveInLms,
  retired,
  retiredElsewhere,
  whereabouts,
} from '../../support/archive.ts';
import { setRetirementStage, type RetirementStage } from '../../support/retirement.ts';
import { countRequests } from '../../support/retirement-learner.ts';
import { readTables } from '../../support/tables.ts';

const folder = makeArchiveFolder();
const CLEANUP = '/api/user/v1/accounts/retirement_cleanup/';
let stage: RetirementStage;

beforeAll(async () => {
  stage = await setRetirementStage({ registrar: { archive: { destination: folder.path, batch_size: 2 } } });
  await stage.startWorker();
});
afterAll(async () => {
  await stage.close();
  rmSync(folder.path, { recursive: true, force: true });
});

const daysAgo = (days: number): string => new Date(Date.now() - days * 86_400_000).toISOString();

/** A workflow of the learner's that is open and does nothing, as one whose worker is away. */
async function holdOpen(userId: number): Promise<{ readonly runId: string; terminate(): Promise<unknown> }> {
  const handle = await stage.temporal.client.workflow.start('retireUser', {
    workflowId: `retirement-${userId}`,
    taskQueue: 'nobody-polls-this',
    args: [{ userId }],
  });
  return { runId: handle.firstExecutionRunId, terminate: () => handle.terminate() };
}

describe('a run of the archive', () => {
  it('archives in batches, and afterwards nobody is here or in the queue of the LMS', async () => {
    const ours = await retired(stage, [{ username: 'ours-1' }, { username: 'ours-2' }]);
    const theirs = await retiredElsewhere(stage, [{ username: 'theirs-1' }]);
    const result = await archive(stage);
    expect(result).toMatchObject({
      kind: 'archived',
      learners: 3,
      cleaned: 3,
      forgotten: 3,
      refused: [],
      left: false,
      batches: [{ learners: 2 }, { learners: 1 }],
    });
    expect([...folder.files().keys()]).toEqual(result.batches.map(({ fileKey }) => fileKey));
    expect(await whereabouts(stage, folder, [...ours, ...theirs])).toEqual([GONE, GONE, GONE]);
    expect(await archive(stage)).toMatchObject({ learners: 0, batches: [] });
    expect(folder.files().size).toBe(2);
  });

  it('writes lines that name nobody, with the receipts of the erasure', async () => {
    const [learner] = await retired(stage, [{ username: 'Nameless', name: 'Nemo Nobody' }]);
    const before = await stage.row(learner?.user_id ?? 0);
    await archive(stage);
    const record = folder.records().find(({ user_id }) => user_id === learner?.user_id);
    const { rows } = await stage.database.query<Record<string, string>>(
      `select username_token, email_token, token_key_id, body, hash, signing_key_id, signature
       from erasure_receipts where user_id = $1`,
      [learner?.user_id],
    );
    const [receipt] = rows;
    expect(rows).toHaveLength(1);
    expect(Object.keys(record ?? {})).toEqual([
      'user_id',
      'retirement_id',
      'username_token',
      'email_token',
      'token_key_id',
      'retirement_request_date',
      'last_modified_date',
      'receipts',
    ]);
    expect(record).toMatchObject({
      user_id: learner?.user_id,
      retirement_id: learner?.retirement_id,
      username_token: receipt?.['username_token'],
      email_token: receipt?.['email_token'],
      token_key_id: receipt?.['token_key_id'],
      retirement_request_date: '2026-01-05 10:00:00.000000',
      last_modified_date: expect.stringMatching(/^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}\.\d{6}$/) as string,
      receipts: [
        {
          body: receipt?.['body'],
          hash: receipt?.['hash'],
          signingKeyId: receipt?.['signing_key_id'],
          signature: receipt?.['signature'],
        },
      ],
    });
    const text = folder.lines().join('\n');
    const names = [before.originalUsername, before.originalEmail, before.originalName];
    const retiredNames = [before.retiredUsername, before.retiredEmail];
    expect([...names, ...retiredNames].filter((name) => text.includes(name))).toEqual([]);
  });

  it('leaves learners alone whose waiting time is not over, to the fraction of a day', async () => {
    stage.configure({
      registrar: { archive: { destination: folder.path, after_days: 20.5 }, cool_off_days: 0 },
    });
    const [young, old] = await retiredElsewhere(stage, [
      { username: 'young', requested_at: daysAgo(20.4) },
      { username: 'old', requested_at: daysAgo(20.6) },
    ]);
    expect(await countArchivable(stage)).toMatchObject({ learners: 1, batches: 1 });
    expect(await archive(stage)).toMatchObject({ learners: 1 });
    expect(
      await whereabouts(
        stage,
        folder,
        [young, old].flatMap((one) => one ?? []),
      ),
    ).toEqual([{ here: false, lms: 'COMPLETE', lines: 0 }, GONE]);
  });

  it('leaves a learner alone whose workflow is open again', async () => {
    const learners = await retired(stage, [{ username: 'rerun-soon' }, { username: 'closed' }]);
    const open = await holdOpen(learners[0]?.user_id ?? 0);
    expect(await countArchivable(stage)).toMatchObject({ learners: 1 });
    expect(await archive(stage)).toMatchObject({ learners: 1, refused: [] });
    expect(await whereabouts(stage, folder, learners)).toEqual([
      { here: true, lms: 'COMPLETE', lines: 0 },
      GONE,
    ]);
    await open.terminate();
    expect(await archive(stage)).toMatchObject({ learners: 1 });
    expect(await whereabouts(stage, folder, learners)).toEqual([GONE, GONE]);
  });

  it('archives somebody whom the LMS has no row of any more', async () => {
    const learners = await retired(stage, [{ username: 'cleaned-by-hand' }]);
    await stage.asService('POST', CLEANUP, { usernames: ['cleaned-by-hand'] });
    expect(await archive(stage)).toMatchObject({ learners: 1, cleaned: 1, refused: [] });
    expect(await whereabouts(stage, folder, learners)).toEqual([GONE]);
  });

  it('archives a learner whose row says otherwise when the LMS says COMPLETE and no workflow sees to it', async () => {
    await stage.fault({ path: '/api/discussion', username: 'overtaken', status: 403, times: 1 });
    const learners = await stage.ask([{ username: 'overtaken' }]);
    await stage.collect();
    const userId = learners[0]?.user_id ?? 0;
    await stage.reaches(userId, 'ERRORED');
    await moveInLms(stage, learners, 'COMPLETE');
    expect(await archive(stage)).toMatchObject({ learners: 0 });
    await stage.workflow(userId).terminate();
    expect(await archive(stage)).toMatchObject({ learners: 1 });
    expect(await whereabouts(stage, folder, learners)).toEqual([GONE]);
  });
});

describe('a rerun', () => {
  it('passes over a learner whom the archive has claimed', async () => {
    const learners = await retired(stage, [{ username: 'claimed' }]);
    await stage.fault({ path: CLEANUP, status: 403, times: 1 });
    await expect(archive(stage)).rejects.toThrow();
    const rerun: unknown = await stage.temporal.client.workflow.execute('rerunRetirements', {
      workflowId: 'rerun-of-claimed',
      taskQueue: 'retirement',
      args: [{ kind: 'all', userId: learners[0]?.user_id }],
    });
    expect(rerun).toMatchObject({ complete: 0, started: 0 });
    await archive(stage);
    expect(await whereabouts(stage, folder, learners)).toEqual([GONE]);
  });

  it('does not bring a learner back whom it saw in the LMS before the clean-up', async () => {
    const learners = await retired(stage, [{ username: 'seen-before' }]);
    const { retirementId, userId } = await stage.row(learners[0]?.user_id ?? 0);
    await archive(stage);
    await stage.database.query(
      `insert into user_retirement_status
         (user_id, retirement_id, original_username, original_email, retired_username, retired_email, current_state,
          requested_at, cool_off_until, due_at)
       values ($1, $2, 'seen-before', '', '', '', 'COMPLETE', now(), now(), now())`,
      [userId, retirementId],
    );
    expect(await whereabouts(stage, folder, learners)).toEqual([GONE]);
  });
});

describe('a dry run', () => {
  it('counts, writes nothing anywhere, and only reads from the LMS', async () => {
    stage.configure({ registrar: { archive: { destination: folder.path, batch_size: 2 } } });
    const learners = [
      ...(await retired(stage, [{ username: 'dry-1' }, { username: 'dry-2' }])),
      ...(await retiredElsewhere(stage, [{ username: 'dry-3' }])),
    ];
    const before = await readTables(stage.database);
    const files = folder.files().size;
    await stage.control('DELETE', '/_sandbox/requests');
    expect(await countArchivable(stage)).toEqual({
      kind: 'counted',
      learners: 3,
      batches: 2,
      unfinished: 0,
      held: [],
    });
    expect(await countRequests(stage, 'GET ')).toBeGreaterThan(0);
    for (const verb of ['PATCH ', 'PUT ', 'DELETE ']) expect(await countRequests(stage, verb)).toBe(0);
    expect(await countRequests(stage, 'POST /api')).toBe(0);
    expect(await readTables(stage.database)).toEqual(before);
    expect(folder.files().size).toBe(files);
    await archive(stage);
    expect(await whereabouts(stage, folder, learners)).toEqual([GONE, GONE, GONE]);
  });
});

describe('two runs at once', () => {
  it('are one too many: the second fails with the name of the first', async () => {
    const open = await holdOpen(999_999);
    await stage.database.query(
      "update retirement_claims set workflow_id = $1, run_id = $2 where work = 'archive'",
      ['retirement-999999', open.runId],
    );
    await expect(archive(stage)).rejects.toMatchObject({
      cause: {
        cause: { type: 'UpdateUnderWay', message: expect.stringContaining('retirement-999999') as string },
      },
    });
    await open.terminate();
    expect(await archive(stage)).toMatchObject({ kind: 'archived' });
  });
});

describe('without a place for the archive', () => {
  it('fails at once, naming the key', async () => {
    stage.configure({});
    const error = {
      type: 'ConfigurationInvalid',
      message: expect.stringContaining('registrar.archive') as string,
    };
    await expect(archive(stage)).rejects.toMatchObject({ cause: { cause: error } });
    await expect(countArchivable(stage)).rejects.toMatchObject({ cause: { cause: error } });
  });
});
