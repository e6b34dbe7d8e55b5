import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  beginStage,
  changeState,
  completeStage,
  findRetirement,
  insertRetirement,
  listComplete,
  recordFailure,
  type StoredRetirement,
} from '../../../activities/retirement/store.ts';
import { openDatabase, type Database } from '../../../db/database.ts';
import { createMigratedDatabase, type TestDatabase } from '../../support/database.ts';

let testDatabase: TestDatabase;
let db: Database;
beforeAll(async () => {
  testDatabase = await createMigratedDatabase();
  db = openDatabase({ url: testDatabase.url });
});
afterAll(async () => {
  await db.close();
  await testDatabase.drop();
});

const MINUTE = 60_000;
const pending = { name: 'PENDING', order: 1 };

async function insert(userId: number): Promise<void> {
  const status = {
    userId,
    retirementId: userId + 1000,
    originalUsername: `learner-${userId}`,
    originalEmail: `learner-${userId}@example.com`,
    originalName: 'A Name',
    retiredUsername: `retired-${userId}`,
    retiredEmail: `retired-${userId}@example.com`,
    currentState: pending,
    lastState: pending,
    requestedAt: new Date(),
  };
  await insertRetirement(db, status, { coolOffUntil: new Date(), dueAt: new Date() });
}

const write = (userId: number, state: string, keepsFailure = false): Promise<void> =>
  changeState(db, { userId, state, line: `${userId} ${state}`, keepsFailure });

async function read(userId: number): Promise<StoredRetirement> {
  const row = await findRetirement(db, userId);
  if (row === undefined) throw new Error(`no row for ${userId}`);
  return row;
}

/** A learner who became COMPLETE ten minutes ago. */
async function insertComplete(userId: number): Promise<void> {
  await insert(userId);
  await write(userId, 'COMPLETE');
  await db.query(
    `update user_retirement_status set modified_at = now() - interval '10 minutes' where user_id = $1`,
    [userId],
  );
}

describe('the COMPLETE learners of a rerun', () => {
  it('are listed until they change: a repeated attempt starts none of them twice', async () => {
    const before = new Date(Date.now() - MINUTE).toISOString();
    await insertComplete(1);
    await insertComplete(2);
    await insert(3);
    const listed = async (userIds?: readonly number[]): Promise<readonly number[]> =>
      (await listComplete(db, { userIds, before })).map((learner) => learner.userId);
    expect(await listed()).toEqual([1, 2]);
    expect(await listed([2, 3])).toEqual([2]);
    expect(await listed([3])).toEqual([]);

    await write(1, 'PENDING');
    expect(await listed()).toEqual([2]);
    // The rerun is over already when the activity that started it is tried again.
    await write(1, 'COMPLETE');
    expect(await listed()).toEqual([2]);
    expect(await listed([1])).toEqual([]);
  });
});

describe('a state that is written', () => {
  const failure = { stage: 'RETIRING_LMS', activity: 'LMS.x', what: 'answered 500', attempts: 1, at: '' };

  it('forgets the failure before it, unless its line tells of it', async () => {
    await insert(10);
    await recordFailure(db, 10, failure);
    await write(10, 'ERRORED', true);
    expect((await read(10)).lastFailure).toMatchObject(failure);
    await write(10, 'COMPLETE');
    expect((await read(10)).lastFailure).toBeNull();
  });

  it('writes its line once', async () => {
    await insert(11);
    await write(11, 'ERRORED');
    await write(11, 'ERRORED');
    expect(await read(11)).toMatchObject({ responses: '11 ERRORED\n', lastState: 'PENDING' });
  });
});

describe('a completed stage', () => {
  it('is written once, and only over its start state', async () => {
    await insert(20);
    const outcome = { outcome: 'erased', at: '2026-01-05T10:00:00.000Z' } as const;
    const done = {
      userId: 20,
      startState: 'RETIRING_LMS',
      endState: 'LMS_COMPLETE',
      line: 'done',
      outcome,
      organisations: ['edX'],
    };
    expect(await completeStage(db, done)).toBe(false);
    const begun = { userId: 20, startState: 'RETIRING_LMS', line: 'begun' };
    await beginStage(db, begun);
    const { firstStageAt } = await read(20);
    expect(firstStageAt).not.toBeNull();
    await beginStage(db, begun);
    expect(await completeStage(db, done)).toBe(true);
    expect(await completeStage(db, done)).toBe(false);
    expect(await read(20)).toMatchObject({
      currentState: 'LMS_COMPLETE',
      lastState: 'RETIRING_LMS',
      completedStages: ['LMS_COMPLETE'],
      stageOutcomes: { LMS_COMPLETE: outcome },
      organisations: ['edX'],
      responses: 'begun\ndone\n',
      firstStageAt,
    });
  });
});
