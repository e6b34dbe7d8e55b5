import { rmSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  archive,
  GONE,
  makeArchiveFolder,
  moveInLms,
  retiredElsewhere,
  whereabouts,
} from '../../support/archive.ts';
import { createArchiveDeaths, type ArchiveDeath } from '../../support/archive-deaths.ts';
import { setRetirementStage, type RetirementStage, type SandboxLearner } from '../../support/retirement.ts';
import { effectiveOf } from '../../support/retirement-learner.ts';

const CLEANUP = '/api/user/v1/accounts/retirement_cleanup/';
const folder = makeArchiveFolder();

let stage: RetirementStage;
let everybody: readonly SandboxLearner[] = [];
/** Whom the LMS was told to clean up without a line in a file. */
let unproved: string[] = [];

const deaths = createArchiveDeaths(async (usernames) => {
  const archived = new Set(folder.records().map((record) => record['user_id']));
  const meant = everybody.filter(({ username }) => usernames.includes(username));
  unproved.push(...meant.filter(({ user_id }) => !archived.has(user_id)).map(({ username }) => username));
});

beforeAll(async () => {
  stage = await setRetirementStage(
    { registrar: { archive: { destination: folder.path, batch_size: 4 } } },
    deaths,
  );
  await stage.startWorker();
});
afterEach(async () => {
  deaths.relent();
  await stage.clearFaults();
});
afterAll(async () => {
  await stage.close();
  rmSync(folder.path, { recursive: true, force: true });
});

let stories = 0;

/**
 * What each story begins with: a batch of four, whose file is written and whose clean-up the LMS turned away, of whom one is
 * COMPLETE no more; and two learners of whom nothing is archived.
 */
async function begin(): Promise<{ readonly all: readonly SandboxLearner[]; readonly odd: SandboxLearner }> {
  const make = async (names: readonly string[]): Promise<readonly SandboxLearner[]> => {
    const made = await retiredElsewhere(
      stage,
      names.map((name) => ({ username: `story-${stories}-${name}` })),
    );
    everybody = [...everybody, ...made];
    return made;
  };
  stories += 1;
  const written = await make(['one', 'odd', 'three', 'four']);
  await stage.fault({ path: CLEANUP, status: 403, times: 1 });
  await expect(archive(stage)).rejects.toMatchObject({ cause: { cause: { type: 'ServiceUnavailable' } } });
  const odd = written.find(({ username }) => username.endsWith('odd'));
  if (odd === undefined) throw new Error('the sandbox did not create everybody');
  await moveInLms(stage, [odd], 'ERRORED');
  return { all: [...written, ...(await make(['five', 'six']))], odd };
}

/** Runs the archive while `disturbed` is in force, then once more when the odd one is COMPLETE again. */
async function tell(disturbed: () => Promise<void>, where: () => string): Promise<void> {
  unproved = [];
  const { all, odd } = await begin();
  await disturbed();
  const result = await archive(stage);
  const others = all.filter((learner) => learner !== odd);
  expect(await whereabouts(stage, folder, others), where()).toEqual(others.map(() => GONE));
  expect(await whereabouts(stage, folder, [odd]), where()).toEqual([
    { here: true, lms: 'ERRORED', lines: 1 },
  ]);
  expect(result, where()).toMatchObject({
    learners: 6,
    cleaned: 5,
    forgotten: 5,
    refused: [{ userId: odd.user_id, because: 'the LMS has ERRORED' }],
    left: false,
  });
  deaths.relent();
  await moveInLms(stage, [odd], 'COMPLETE');
  expect(await archive(stage), where()).toMatchObject({ learners: 4, cleaned: 4, forgotten: 4, refused: [] });
  expect(await whereabouts(stage, folder, all), where()).toEqual(all.map(() => GONE));
  expect(unproved, where()).toEqual([]);
  const effects = await Promise.all(all.map((learner) => effectiveOf(stage, learner)));
  expect(
    effects.map((counts) => counts[`POST ${CLEANUP}`]),
    where(),
  ).toEqual(all.map(() => 1));
}

async function tellWithDeath(death: ArchiveDeath): Promise<readonly string[]> {
  await tell(
    () => Promise.resolve(deaths.plan(death)),
    () => `died after ${deaths.happened().join(', ')}`,
  );
  return deaths.happened();
}

describe('archiving that dies', () => {
  it(
    'has archived everybody exactly once, for a death between any two calls of any of its activities',
    { timeout: 300_000 },
    async () => {
      const died = new Set<string>();
      for (let step = 0; ; step += 1) {
        const happened = await tellWithDeath({ step, attempts: 1 });
        if (happened.length === 0) break;
        for (const name of happened) died.add(name.split(' ')[0] ?? '');
      }
      expect([...died].sort()).toEqual([
        'beginArchive',
        'cleanUpBatch',
        'forgetBatch',
        'nextBatch',
        'writeBatch',
      ]);
    },
  );

  it(
    'has done so when it dies again at what makes up for the first death',
    { timeout: 300_000 },
    async () => {
      for (const step of [1, 4]) {
        const happened = await tellWithDeath({ step, attempts: 2 });
        expect(happened.length).toBeGreaterThan(2);
      }
    },
  );
});

describe('archiving when the clean-up goes wrong in the LMS', () => {
  it.each([
    { name: 'is lost on the way', fault: { drop: 'before', times: 1 } },
    { name: 'is done and its answer is lost', fault: { drop: 'after', times: 1 } },
    { name: 'is answered 500', fault: { status: 500, body: 'deadlock', times: 2 } },
    { name: 'is answered 429', fault: { status: 429, retry_after: 0, times: 1 } },
    { name: 'is answered 200 with HTML', fault: { status: 200, body: '<html>maintenance</html>', times: 1 } },
    { name: 'is refused though everybody is COMPLETE', fault: { status: 400, body: '"no"', times: 1 } },
  ])('has archived everybody exactly once when it $name', { timeout: 60_000 }, async ({ name, fault }) => {
    await tell(
      // Both learners of this batch are COMPLETE: the clean-up is otherwise done at once.
      () => stage.fault({ path: CLEANUP, username: `story-${stories}-five`, ...fault }),
      () => name,
    );
  });

  it(
    'has archived everybody exactly once when every second answer is lost',
    { timeout: 60_000 },
    async () => {
      await tell(
        async () => {
          for (const name of ['one', 'three', 'five'])
            await stage.fault({
              path: CLEANUP,
              username: `story-${stories}-${name}`,
              drop: 'after',
              times: 1,
            });
        },
        () => 'after lost answers',
      );
    },
  );
});
