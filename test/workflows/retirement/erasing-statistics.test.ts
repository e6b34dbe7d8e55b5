import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { columnsWithUser, rowsWith, setErasureStage, type ErasureStage } from '../../support/erasure.ts';
import type { SandboxLearner } from '../../support/retirement.ts';
import { ask, responsesOf } from '../../support/retirement-learner.ts';
import { waitFor } from '../../support/wait.ts';

let stage: ErasureStage;

beforeAll(async () => {
  stage = await setErasureStage();
});

afterAll(() => stage.close());

const PERIOD = { startsAt: '2026-03-01T00:00:00Z', endsAt: '2026-03-10T23:59:59Z' };
const on = (day: number): string => `2026-03-${String(day).padStart(2, '0')}T12:00:00Z`;

/** A course with a schedule that was updated once. */
async function updated(course: Parameters<ErasureStage['courses']['addCourse']>[0]): Promise<number> {
  const courseId = await stage.courses.addCourse(course);
  await stage.schedule(courseId);
  await stage.courses.update(courseId);
  return courseId;
}

/** The learner whom the wiki knows by `username`, with the id in `users`. */
async function linked(
  username: string,
): Promise<{ readonly learner: SandboxLearner; readonly userId: number }> {
  const learner = await ask(
    stage.retirement,
    `learner of ${stage.courses.databaseUrl.length} ${Math.random()}`,
  );
  return { learner, userId: await stage.link(username, learner) };
}

async function retire({ user_id }: SandboxLearner): Promise<void> {
  await stage.retirement.collect();
  expect(await stage.retirement.workflow(user_id).result()).toMatchObject({ outcome: 'COMPLETE' });
}

/** Nothing is left of the person, and the courses' numbers are those of a rebuild. */
async function expectForgotten(
  username: string,
  userId: number,
  courseIds: readonly number[],
): Promise<void> {
  expect(await rowsWith(stage.courses, username)).toEqual([]);
  expect(await columnsWithUser(stage.courses, userId)).toEqual([]);
  for (const courseId of courseIds) expect(await stage.courses.differences(courseId)).toEqual([]);
}

async function totals(...courseIds: readonly number[]): Promise<readonly unknown[]> {
  const { rows } = await stage.courses.database.query(
    `select character_sum as characters, user_count as users, article_count as articles from courses
     where id = any($1) order by id`,
    [courseIds],
  );
  return rows;
}

async function outcomeOf({ user_id }: SandboxLearner): Promise<string | undefined> {
  return (await stage.retirement.row(user_id)).stageOutcomes['COURSE_STATS_COMPLETE']?.outcome;
}

async function articles(...titles: readonly string[]): Promise<readonly string[]> {
  const { rows } = await stage.courses.database.query<{ title: string }>(
    'select title from articles where title = any($1) order by title',
    [titles],
  );
  return rows.map(({ title }) => title);
}

describe('a learner who leaves the statistics', () => {
  test('is in no table any more, on two wikis and in two courses with shared pages', async () => {
    const [en, fr] = stage.courses.wikis;
    await en.edit(
      { user: 'Zeldaquokka', title: 'Shared', timestamp: on(2), sizediff: 500 },
      { user: 'Yann', title: 'Shared', timestamp: on(2), sizediff: 30 },
      { user: 'Zeldaquokka', title: 'Alone', timestamp: on(3), sizediff: 70 },
      { user: 'Zeldaquokka', title: 'Zeldaquokka/sandbox', ns: 2, timestamp: on(4), sizediff: 70 },
    );
    await fr.edit(
      { user: 'Zeldaquokka', title: 'Partagé', timestamp: on(5), sizediff: 200 },
      { user: 'Xenia', title: 'Partagé', timestamp: on(5), sizediff: 20 },
    );
    const first = await updated({ ...PERIOD, students: ['Zeldaquokka', 'Yann'] });
    const second = await updated({ ...PERIOD, students: ['Zeldaquokka', 'Xenia'], wikis: [en, fr] });
    const { learner, userId } = await linked('Zeldaquokka');
    expect((await rowsWith(stage.courses, 'Zeldaquokka')).length).toBeGreaterThan(1);
    expect((await columnsWithUser(stage.courses, userId)).length).toBeGreaterThan(5);
    for (const wiki of [en, fr]) await wiki.forgetRequests();

    await retire(learner);

    await expectForgotten('Zeldaquokka', userId, [first, second]);
    expect(await totals(first, second)).toEqual([
      { characters: 30, users: 1, articles: 1 },
      { characters: 20, users: 1, articles: 1 },
    ]);
    expect(await articles('Shared', 'Alone', 'Zeldaquokka/sandbox')).toEqual(['Shared']);
    expect(await outcomeOf(learner)).toBe('erased');
    const [line] = await responsesOf(stage.retirement, learner, 'COURSE_STATS_COMPLETE');
    expect(line).toContain('2 courses were left and rebuilt');
    // As in any update of a course in which nothing happened: one request a wiki, for the news of those who stay.
    expect(await en.requests()).toEqual({ api: 2, counter: 0 });
    expect(await fr.requests()).toEqual({ api: 1, counter: 0 });
  });

  test('takes a page along that only they had, and their own page that they left long ago', async () => {
    const [en] = stage.courses.wikis;
    await en.edit(
      { user: 'Wombatlark', title: 'Wombatlark', ns: 2, timestamp: on(2) },
      { user: 'Wombatlark', title: 'Wombatlark', ns: 3, timestamp: on(2) },
      { user: 'Wombatlark', title: 'Wombatlark/draft', ns: 118, timestamp: on(2) },
    );
    const courseId = await updated({ ...PERIOD, students: ['Wombatlark'] });
    const { learner, userId } = await linked('Wombatlark');
    await stage.courses.database.query(
      `insert into articles (wiki_id, mw_page_id, title, namespace) values ($1, 99001, 'Wombatlark/old', 2)`,
      [en.wikiId],
    );
    await retire(learner);
    await expectForgotten('Wombatlark', userId, [courseId]);
    expect(await totals(courseId)).toEqual([{ characters: 0, users: 0, articles: 0 }]);
  });

  test('leaves in every role, and from a course in which they are no student', async () => {
    const [en] = stage.courses.wikis;
    await en.edit({ user: 'Vicunafinch', title: 'Both roles', timestamp: on(2) });
    const both = await updated({ ...PERIOD, students: ['Vicunafinch', 'Yann'] });
    const taught = await updated({ ...PERIOD, students: ['Yann'] });
    const { learner, userId } = await linked('Vicunafinch');
    await stage.courses.database.query(
      'insert into courses_users (course_id, user_id, role) values ($1, $3, 1), ($2, $3, 1), ($2, $3, 4)',
      [both, taught, userId],
    );
    await retire(learner);
    await expectForgotten('Vicunafinch', userId, [both, taught]);
    expect(await totals(both, taught)).toEqual([
      { characters: 30, users: 1, articles: 1 },
      { characters: 30, users: 1, articles: 1 },
    ]);
  });

  test('takes what they had in a course that they left before along, when no update has followed yet', async () => {
    const [en] = stage.courses.wikis;
    await en.edit({ user: 'Uakaritern', title: 'Left before', timestamp: on(2) });
    const courseId = await updated({ ...PERIOD, students: ['Uakaritern'] });
    const { learner, userId } = await linked('Uakaritern');
    await stage.courses.drop(courseId, 'Uakaritern');
    await retire(learner);
    await expectForgotten('Uakaritern', userId, [courseId]);
    expect(await articles('Left before')).toEqual([]);
  });

  test('keeps a page that others edited too, and what somebody excluded by hand', async () => {
    const [en] = stage.courses.wikis;
    await en.edit(
      { user: 'Tapirwren', title: 'Excluded', timestamp: on(2) },
      { user: 'Tapirwren', title: 'Tapirwren/excluded', ns: 2, timestamp: on(2) },
      { user: 'Tapirwren', title: 'Tapirwren', ns: 3, timestamp: on(2) },
      { user: 'Yann', title: 'Tapirwren', ns: 3, timestamp: on(2) },
    );
    const courseId = await updated({ ...PERIOD, students: ['Tapirwren', 'Yann'] });
    const { learner, userId } = await linked('Tapirwren');
    await stage.courses.database.query(
      `insert into course_excluded_articles (course_id, article_id)
       select $1, id from articles where title in ('Excluded', 'Tapirwren/excluded')`,
      [courseId],
    );
    await retire(learner);
    expect(await columnsWithUser(stage.courses, userId)).toEqual([]);
    expect(await stage.courses.differences(courseId)).toEqual([]);
    expect(await articles('Excluded', 'Tapirwren/excluded', 'Tapirwren')).toEqual(['Excluded', 'Tapirwren']);
    expect(await rowsWith(stage.courses, 'Tapirwren')).toEqual([
      expect.stringMatching(/^articles: .*"namespace":3/) as string,
    ]);
  });

  test('who is linked to nobody leaves nothing, and neither does one who is in no course', async () => {
    const unknown = await ask(stage.retirement, 'in no statistics');
    await retire(unknown);
    expect(await outcomeOf(unknown)).toBe('nothing-to-erase');

    await stage.courses.database.query(`insert into users (username) values ('Saolashrike')`);
    const { learner, userId } = await linked('Saolashrike');
    await retire(learner);
    await expectForgotten('Saolashrike', userId, []);
    expect(await outcomeOf(learner)).toBe('erased');
  });

  test('is erased once: a rerun finds it done and asks for no update', async () => {
    const courseId = await updated({ ...PERIOD, students: ['Rheadove'] });
    const { learner, userId } = await linked('Rheadove');
    await retire(learner);
    const runs = async (): Promise<unknown> =>
      (await stage.courses.database.query('select update_run_id from courses where id = $1', [courseId]))
        .rows;
    const before = await runs();
    await stage.retirement.temporal.client.workflow.execute('rerunRetirements', {
      workflowId: 'rerun-erased',
      taskQueue: 'retirement',
      args: [{ userId: learner.user_id, kind: 'all' }],
    });
    expect(await stage.retirement.workflow(learner.user_id).result()).toMatchObject({ outcome: 'COMPLETE' });
    expect(await outcomeOf(learner)).toBe('erased');
    expect(await runs()).toEqual(before);
    await expectForgotten('Rheadove', userId, [courseId]);
  });
});

describe('the updates that rebuild the numbers', () => {
  test('are asked for although the schedule is paused, and leave it so', async () => {
    const courseId = await updated({ ...PERIOD, students: ['Quollrook'] });
    const schedule = stage.courses.temporal.client.schedule.getHandle(`course-update-${courseId}`);
    await schedule.pause('by hand');
    const { learner, userId } = await linked('Quollrook');
    await retire(learner);
    await expectForgotten('Quollrook', userId, [courseId]);
    expect((await schedule.describe()).state).toMatchObject({ paused: true, note: 'by hand' });
  });

  test('are begun directly where there is no schedule, and there are none for a deleted course', async () => {
    const kept = await stage.courses.addCourse({ ...PERIOD, students: ['Pademelonowl'] });
    const gone = await stage.courses.addCourse({ ...PERIOD, students: ['Pademelonowl'] });
    await stage.courses.update(kept);
    const { learner, userId } = await linked('Pademelonowl');
    await stage.courses.stopWorker();
    await stage.retirement.collect();
    await waitFor(
      async () =>
        (
          await stage.courses.database.query('select 1 from course_departures where lms_user_id = $1', [
            learner.user_id,
          ])
        ).rows.length === 2,
      { what: 'both courses to be left' },
    );
    await stage.courses.database.query('delete from courses where id = $1', [gone]);
    await stage.courses.startWorker();
    expect(await stage.retirement.workflow(learner.user_id).result()).toMatchObject({ outcome: 'COMPLETE' });
    await expectForgotten('Pademelonowl', userId, [kept]);
  });
});
