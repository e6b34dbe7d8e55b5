import { activityInfo } from '@temporalio/activity';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Database, Queryable } from '../../../db/database.ts';
import { userIdOf } from '../../../workflows/retirement/contract.ts';
import { columnsWithUser, rowsWith, setErasureStage, type ErasureStage } from '../../support/erasure.ts';
import type { SandboxLearner } from '../../support/retirement.ts';

const STAGE = 'REGISTRAR.retirement_remove_course_user';

/** A call to the database by its statement, and whether the stage dies before it takes effect or when nobody learns of it. */
interface Death {
  readonly call: string;
  readonly how: 'before' | 'after';
}

const planned = new Map<number, Death>();
const made = new Map<number, string[]>();
let stage: ErasureStage;

beforeAll(async () => {
  stage = await setErasureStage({
    retirement: { wrapDatabase: dying },
    registrar: { user_count_error_threshold: 1000, max_user_batch_size: 1000, retry_budget: '5m' },
  });
});

afterAll(() => stage.close());

/** Each learner's stage dies once: at the first call that its death names. */
function dying(database: Database): Database {
  const take = async <Result>(call: string, work: () => Promise<Result>): Promise<Result> => {
    const { workflowExecution, activityType } = activityInfo();
    const userId = userIdOf(workflowExecution?.workflowId ?? '');
    if (activityType !== STAGE || userId === undefined) return work();
    made.set(userId, [...(made.get(userId) ?? []), call]);
    const death = planned.get(userId);
    if (death?.call !== call) return work();
    planned.delete(userId);
    if (death.how === 'after') await work();
    throw new Error(`died ${death.how} ${call}`);
  };
  const wrap = (connection: Queryable, note: (call: string) => void): Queryable => ({
    query: (...given: Parameters<Queryable['query']>) => {
      const call = nameOf(given[0]);
      note(call);
      return take(call, () => connection.query(...given));
    },
  });
  return {
    ...database,
    ...wrap(database, () => undefined),
    transaction: async (work) => {
      let last = '';
      const result = await database.transaction((transaction) =>
        work(wrap(transaction, (call) => (last = call))),
      );
      return take(`commit of ${last}`, () => Promise.resolve(result));
    },
  };
}

function nameOf(statement: Parameters<Queryable['query']>[0]): string {
  const text = typeof statement === 'string' ? statement : statement.text;
  return text.replace(/\s+/g, ' ').trim().slice(0, 70);
}

interface Leaver {
  readonly name: string;
  readonly userId: number;
  readonly learner: SandboxLearner;
}

let people = 0;

/** Students of both courses, each with a page of their own and a part in the page of all. */
async function leavers(courseIds: readonly number[], count: number): Promise<readonly Leaver[]> {
  const { courses, retirement } = stage;
  const names = Array.from({ length: count }, () => `Mortalquokka ${(people += 1)}.`);
  await courses.wikis[0].edit(
    ...names.flatMap((user) => [
      { user, title: 'Page of all', timestamp: '2026-03-02T12:00:00Z', sizediff: 500 },
      { user, title: user.replace(' ', '_'), ns: 2, timestamp: '2026-03-02T13:00:00Z' },
    ]),
  );
  for (const courseId of courseIds) {
    await courses.enroll(courseId, ...names);
    await courses.update(courseId);
  }
  const learners = await retirement.ask(names.map((_, index) => ({ username: `mortal ${people}-${index}` })));
  return Promise.all(
    learners.map(async (learner, index) => {
      const name = names[index] ?? '';
      return { name, learner, userId: await stage.link(name, learner) };
    }),
  );
}

async function retireAll(leaving: readonly Leaver[]): Promise<void> {
  await stage.retirement.collect();
  const results = leaving.map(({ learner }) => stage.retirement.workflow(learner.user_id).result());
  for (const result of await Promise.all(results)) expect(result).toMatchObject({ outcome: 'COMPLETE' });
}

async function expectAllForgotten(leaving: readonly Leaver[], courseIds: readonly number[]): Promise<void> {
  const { courses, retirement } = stage;
  expect(await rowsWith(courses, 'Mortalquokka')).toEqual([]);
  for (const { userId, learner, name } of leaving) {
    expect({ name, found: await columnsWithUser(courses, userId) }).toEqual({ name, found: [] });
    const { stageOutcomes } = await retirement.row(learner.user_id);
    expect(stageOutcomes['COURSE_STATS_COMPLETE']?.outcome).toBe('erased');
  }
  for (const courseId of courseIds) {
    expect(await courses.differences(courseId)).toEqual([]);
    const { rows } = await courses.database.query(
      'select character_sum as characters, user_count as users, article_count as articles from courses where id = $1',
      [courseId],
    );
    expect(rows).toEqual([{ characters: 30, users: 1, articles: 1 }]);
  }
  expect((await courses.database.query('select 1 from course_departures')).rows).toEqual([]);
}

test(
  'a stage that dies at any call to the database ends as if it had not',
  { timeout: 240_000 },
  async () => {
    const { courses } = stage;
    await courses.wikis[0].edit({
      user: 'Stays',
      title: 'Page of all',
      timestamp: '2026-03-02T12:00:00Z',
      sizediff: 30,
    });
    const period = { startsAt: '2026-03-01T00:00:00Z', endsAt: '2026-03-03T23:59:59Z' };
    const courseIds = [
      await courses.addCourse({ ...period, students: ['Stays'] }),
      await courses.addCourse({ ...period, students: ['Stays'] }),
    ];
    for (const courseId of courseIds) await stage.schedule(courseId);

    const [undisturbed] = await leavers(courseIds, 1);
    if (undisturbed === undefined) throw new Error('nobody was enrolled');
    await retireAll([undisturbed]);
    await expectAllForgotten([undisturbed], courseIds);
    // Where the LMS has its states is written once a process, not once a learner.
    const calls = [...new Set(made.get(undisturbed.learner.user_id))].filter(
      (call) => !call.includes('lms_states'),
    );
    expect(calls.length).toBeGreaterThan(20);

    const deaths = calls.flatMap((call): Death[] => [
      { call, how: 'before' },
      { call, how: 'after' },
    ]);
    const leaving = await leavers(courseIds, deaths.length);
    for (const [index, { learner }] of leaving.entries()) {
      const death = deaths[index];
      if (death) planned.set(learner.user_id, death);
    }
    await retireAll(leaving);
    expect([...planned.values()], 'every death happened').toEqual([]);
    await expectAllForgotten(leaving, courseIds);
  },
);
