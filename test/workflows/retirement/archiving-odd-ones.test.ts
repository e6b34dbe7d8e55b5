import { rmSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { COMPLETE } from '../../../domain/retirement/states.ts';
import {
  archive,
  GONE,
  makeArchiveFolder,
  moveInLms,
  retired,
  retiredElsewhere,
  whereabouts,
} from '../../support/archive.ts';
import { setRetirementStage, type RetirementStage } from '../../support/retirement.ts';
import {
  RESUME,
  RETIRE_USER,
  RETIREMENT_TASK_QUEUE,
  retirementStart,
} from '../../../workflows/retirement/contract.ts';

const folder = makeArchiveFolder();
const CLEANUP = '/api/user/v1/accounts/retirement_cleanup/';
let stage: RetirementStage;

beforeAll(async () => {
  stage = await setRetirementStage({ registrar: { archive: { destination: folder.path } } });
  await stage.startWorker();
});
beforeEach(() => stage.clearFaults());
afterAll(async () => {
  await stage.close();
  rmSync(folder.path, { recursive: true, force: true });
});

describe('a learner whom the LMS does not give up', () => {
  it('is not archived while the LMS has another state, and is told of', async () => {
    const learners = await retired(stage, [{ username: 'odd-before' }]);
    await moveInLms(stage, learners, 'ABORTED');
    const because = 'the LMS has ABORTED';
    expect(await archive(stage)).toMatchObject({
      learners: 0,
      refused: [{ userId: learners[0]?.user_id, because }],
    });
    expect(await whereabouts(stage, folder, learners)).toEqual([{ here: true, lms: 'ABORTED', lines: 0 }]);
    await moveInLms(stage, learners, 'COMPLETE');
    expect(await archive(stage)).toMatchObject({ learners: 1, cleaned: 1 });
    expect(await whereabouts(stage, folder, learners)).toEqual([GONE]);
  });

  it('stays when it was archived already, and is cleaned up later without another line', async () => {
    const learners = await retired(
      stage,
      [1, 2, 3, 4, 5].map((n) => ({ username: `batch-of-five-${n}` })),
    );
    // The file is written, then the LMS turns the clean-up away, and the learner is moved before the next run.
    await stage.fault({ path: CLEANUP, status: 403, times: 1 });
    await expect(archive(stage)).rejects.toThrow();
    const odd = learners.slice(3, 4);
    await moveInLms(stage, odd, 'ERRORED');
    const refused = [{ userId: odd[0]?.user_id, because: 'the LMS has ERRORED' }];
    expect(await archive(stage)).toMatchObject({ learners: 5, cleaned: 4, forgotten: 4, refused });
    expect(await archive(stage)).toMatchObject({ learners: 5, cleaned: 4, forgotten: 4, refused });
    const others = learners.filter((learner) => learner !== odd[0]);
    expect(await whereabouts(stage, folder, others)).toEqual(others.map(() => GONE));
    expect(await whereabouts(stage, folder, odd)).toEqual([{ here: true, lms: 'ERRORED', lines: 1 }]);
    await moveInLms(stage, odd, 'COMPLETE');
    expect(await archive(stage)).toMatchObject({ cleaned: 5, forgotten: 5, refused: [] });
    expect(await whereabouts(stage, folder, odd)).toEqual([GONE]);
  });
});

describe('a clean-up that the LMS answers with 500', () => {
  it('leaves only those whom it stumbles over, each time', { timeout: 60_000 }, async () => {
    const learners = await retiredElsewhere(
      stage,
      [1, 2, 3, 4, 5].map((n) => ({ username: `stumbling-block-${n}` })),
    );
    const odd = learners.slice(1, 2);
    await stage.fault({ path: CLEANUP, username: 'stumbling-block-2', status: 500, body: 'a foreign key' });
    expect(await archive(stage)).toMatchObject({
      learners: 5,
      cleaned: 4,
      forgotten: 4,
      refused: [{ userId: odd[0]?.user_id, because: 'the LMS answers 500' }],
    });
    expect(await whereabouts(stage, folder, odd)).toEqual([{ here: true, lms: 'COMPLETE', lines: 1 }]);
    await stage.clearFaults();
    expect(await archive(stage)).toMatchObject({ cleaned: 5, forgotten: 5, refused: [] });
    expect(await whereabouts(stage, folder, learners)).toEqual(learners.map(() => GONE));
  });
});

describe('a rerun that was started while the archive was at work', () => {
  /** As a rerun starts it, with a message that is there before the run has looked. */
  const rerun = (userId: number): Promise<unknown> =>
    stage.temporal.client.workflow
      .signalWithStart(RETIRE_USER, {
        taskQueue: RETIREMENT_TASK_QUEUE,
        ...retirementStart({ userId, rerun: 'all' }, { state: COMPLETE, dueAt: new Date() }),
        signal: RESUME,
        signalArgs: ['ENROLLMENTS_COMPLETE'],
      })
      .then((run) => run.result());

  it('ends in words, whether it opens before the learner is forgotten or after', async () => {
    const learners = await retired(stage, [{ username: 'run-again-too-late' }]);
    const userId = learners[0]?.user_id ?? 0;
    await stage.fault({ path: CLEANUP, status: 403, times: 1 });
    await expect(archive(stage)).rejects.toThrow();
    const before = await stage.row(userId);
    expect(await rerun(userId)).toMatchObject({
      outcome: 'COMPLETE',
      reason: 'the learner is being archived',
    });
    const { currentState, completedStages } = before;
    expect(await stage.row(userId)).toMatchObject({ currentState, completedStages });

    expect(await archive(stage)).toMatchObject({ cleaned: 1, forgotten: 1 });
    expect(await rerun(userId)).toEqual({
      userId,
      outcome: 'COMPLETE',
      reason: 'the learner was archived, nothing is left to run',
      completedStages: [],
    });
    expect(await whereabouts(stage, folder, learners)).toEqual([GONE]);
  });
});
