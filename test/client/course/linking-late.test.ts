import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { columnsWithUser, rowsWith, setErasureStage, type ErasureStage } from '../../support/erasure.ts';
import { environmentOf, registrar, type Ran } from '../command-line.ts';

let stage: ErasureStage;

beforeAll(async () => {
  stage = await setErasureStage();
});
afterAll(() => stage.close());

const PERIOD = { startsAt: '2026-03-01T00:00:00Z', endsAt: '2026-03-10T23:59:59Z' };

const link = (...argv: readonly string[]): Promise<Ran> =>
  registrar(['course', 'link', ...argv], { env: environmentOf(stage.retirement) });

interface Student {
  readonly courseId: number;
  readonly userId: number;
}

/** Somebody in one course, which was updated once. */
async function student(username: string): Promise<Student> {
  const [en] = stage.courses.wikis;
  await en.edit(
    { user: username, title: `Page of ${username}`, timestamp: '2026-03-02T12:00:00Z' },
    { user: username, title: username, ns: 2, timestamp: '2026-03-02T12:00:00Z' },
  );
  const courseId = await stage.courses.addCourse({ ...PERIOD, students: [username, 'Yann'] });
  await stage.schedule(courseId);
  await stage.courses.update(courseId);
  const { rows } = await stage.courses.database.query<{ id: number }>(
    'select id from users where username = $1',
    [username],
  );
  const [row] = rows;
  if (!row) throw new Error('the student has no row');
  return { courseId, userId: row.id };
}

/** A retirement of LMS user `userId`, as its row tells of it. */
async function retirement(
  userId: number,
  {
    state,
    lastState = state,
    completed,
  }: { state: string; lastState?: string; completed: readonly string[] },
): Promise<void> {
  await stage.retirement.database.query(
    `insert into user_retirement_status (user_id, retirement_id, original_username, original_email, original_name,
       retired_username, retired_email, current_state, last_state, completed_stages, first_stage_at, requested_at,
       cool_off_until, due_at)
     values ($1, $1, $5, $5 || '@example.org', 'L', 'r' || $5, 'r' || $5 || '@example.org', $2, $3, $4,
       case when $2::text <> 'PENDING' then now() end, now(), now(), now())`,
    [userId, state, lastState, completed, `learner${userId}`],
  );
}

async function expectForgotten(username: string, { courseId, userId }: Student): Promise<void> {
  expect(await rowsWith(stage.courses, username)).toEqual([]);
  expect(await columnsWithUser(stage.courses, userId)).toEqual([]);
  expect(await stage.courses.differences(courseId)).toEqual([]);
}

describe('linking somebody whose retirement is past the statistics takes them out of these', () => {
  it.each([
    ['COMPLETE', 'Aardvarkteal', 901, { state: 'COMPLETE', completed: ['COURSE_STATS_COMPLETE'] }],
    [
      'ERRORED at a later stage',
      'Binturongsmew',
      902,
      { state: 'ERRORED', lastState: 'COURSE_STATS_COMPLETE', completed: ['COURSE_STATS_COMPLETE'] },
    ],
    ['at that very stage', 'Caracalpipit', 903, { state: 'RETIRING_COURSE_STATS', completed: [] }],
  ] as const)('%s', async (_what, username, lmsUserId, row) => {
    const found = await student(username);
    await retirement(lmsUserId, row);
    expect(await link(username, String(lmsUserId))).toMatchObject({ status: 4 });
    const ran = await link(username, String(lmsUserId), '--erase');
    expect(ran).toMatchObject({ status: 0, stderr: '' });
    expect(ran.stdout).toContain('past the statistics');
    expect(ran.stdout).toContain('1 course was left and rebuilt');
    await expectForgotten(username, found);
    expect(await link(username, String(lmsUserId), '--erase')).toMatchObject({ status: 3 });
  });

  it('archived, and linked by two people at once', async () => {
    const found = await student('Dhouldipper');
    await stage.retirement.database.query(
      `with batch as (insert into archive_batches default values returning batch_id)
       insert into archived_retirements (retirement_id, user_id, batch_id, lms_cleaned_at, forgotten_at)
       select 904, 904, batch_id, now(), now() from batch`,
    );
    const [one, other] = await Promise.all([
      link('Dhouldipper', '904', '--erase', '--json'),
      link('Dhouldipper', '904', '--erase', '--json'),
    ]);
    for (const ran of [one, other]) {
      expect(ran).toMatchObject({ status: 0, stderr: '' });
      expect(ran.json()).toMatchObject({
        lmsUserId: 904,
        retired: true,
        erased: expect.stringContaining('1 course was left') as string,
      });
    }
    await expectForgotten('Dhouldipper', found);
  });
});

it('linking somebody whose retirement is ahead of the statistics leaves it to the retirement', async () => {
  await student('Eiderlemur');
  await retirement(905, { state: 'PENDING', completed: [] });
  expect((await link('Eiderlemur', '905', '--json')).json()).toMatchObject({
    changed: true,
    retired: false,
    erased: null,
  });
  const { rows } = await stage.courses.database.query('select 1 from users where lms_user_id = 905');
  expect(rows).toHaveLength(1);
});
