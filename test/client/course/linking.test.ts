import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { setCourseStage, type CourseStage } from '../../support/courses.ts';
import { complaints, type Ran } from '../command-line.ts';
import { courseCommand, imported } from './course-commands.ts';

let stage: CourseStage;

beforeAll(async () => {
  stage = await setCourseStage();
  await imported(stage, { slug: 'linked', students: ['Ann_Other', 'Bob'] });
});
afterAll(() => stage.close());
beforeEach(() => stage.database.query('update users set lms_user_id = null'));

const link = (...argv: readonly string[]): Promise<Ran> => courseCommand(stage, 'link', ...argv);

/** Learners by the names of their wiki users, as `course show` tells it. */
async function shown(): Promise<Readonly<Record<string, number | null>>> {
  const ran = await courseCommand(stage, 'show', 'linked', '--json');
  const { students } = ran.json() as { students: readonly { username: string; lmsUserId: number | null }[] };
  return Object.fromEntries(students.map(({ username, lmsUserId }) => [username, lmsUserId]));
}

describe('course link', () => {
  it('says which learner a user is, by any spelling that a wiki takes for the name', async () => {
    expect(await link('ann Other', '42')).toMatchObject({ status: 0, stdout: 'Ann_Other is LMS user 42\n' });
    expect(await shown()).toEqual({ Ann_Other: 42, Bob: null });
    expect((await courseCommand(stage, 'show', 'linked')).stdout).toMatch(/LMS USER\nAnn_Other.* 42\n/);
  });

  it('changes nothing the second time', async () => {
    await link('Bob', '42');
    const ran = await link('Bob', '42', '--json');
    expect(ran.json()).toEqual({
      username: 'Bob',
      lmsUserId: 42,
      changed: false,
      retired: false,
      erased: null,
    });
  });

  it('exits 4 for a user who is another learner, and for a learner who is another user', async () => {
    await link('Bob', '42');
    for (const argv of [
      ['Bob', '43'],
      ['Ann_Other', '42'],
    ]) {
      const ran = await link(...argv);
      expect(ran).toMatchObject({ status: 4, stdout: '' });
      expect(complaints(ran)).toHaveLength(1);
      expect(ran.stderr).toContain('registrar course link "Bob" --unlink');
    }
    expect(await shown()).toEqual({ Ann_Other: null, Bob: 42 });
  });

  it('exits 3 for a name that nobody has', async () => {
    for (const argv of [
      ['Nobody', '42'],
      ['Nobody', '--unlink'],
    ]) {
      expect(await link(...argv)).toMatchObject({ status: 3, stdout: '' });
    }
  });

  it.each([[['Bob']], [['Bob', '42', '--unlink']], [['Bob', '0']], [['Bob', '4x']], [['Bob', '-1']]])(
    '%j exits 2',
    async (argv) => {
      expect(await link(...argv)).toMatchObject({ status: 2, stdout: '' });
      expect(await shown()).toEqual({ Ann_Other: null, Bob: null });
    },
  );

  it('takes a link away, once', async () => {
    await link('Bob', '42');
    expect((await link('Bob', '--unlink', '--json')).json()).toMatchObject({
      lmsUserId: null,
      changed: true,
    });
    expect((await link('Bob', '--unlink', '--json')).json()).toMatchObject({ changed: false });
    expect(await link('Ann_Other', '42')).toMatchObject({ status: 0 });
  });

  it('exits 4 for taking a link away while the learner is being erased', async () => {
    await link('Bob', '42');
    await stage.database.query('insert into statistics_erasures (lms_user_id) values (42)');
    const ran = await link('Bob', '--unlink');
    expect(ran).toMatchObject({ status: 4, stdout: '' });
    expect(ran.stderr).toContain('registrar retirement show 42');
    await stage.database.query('update statistics_erasures set done_at = now(), courses = 0');
    expect(await link('Bob', '--unlink')).toMatchObject({ status: 0 });
  });

  it('exits 1 for a learner whose retirement is over while nobody would take them out, and keeps the link', async () => {
    await stage.database.query(
      `insert into user_retirement_status (user_id, retirement_id, original_username, original_email, original_name,
         retired_username, retired_email, current_state, last_state, requested_at, cool_off_until, due_at)
       values (42, 1, 'bob', 'bob@example.org', 'Bob', 'r1', 'r1@example.org', 'COMPLETE', 'PENDING', now(), now(), now())`,
    );
    const ran = await link('Bob', '42', '--erase');
    expect(ran.status).toBe(1);
    expect(ran.stdout).toContain('past the statistics');
    expect(ran.stderr).toContain('no worker polls the task queue retirement');
    expect(await shown()).toEqual({ Ann_Other: null, Bob: 42 });
  });
});
