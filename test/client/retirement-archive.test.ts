import { rmSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeArchiveFolder, moveInLms, retired } from '../support/archive.ts';
import { setRetirementStage, type RetirementStage, type SandboxLearner } from '../support/retirement.ts';
import { complaints, environmentOf, registrar, type Ran } from './command-line.ts';

const folder = makeArchiveFolder();
let stage: RetirementStage;

beforeAll(async () => {
  stage = await setRetirementStage();
  await stage.startWorker();
});
beforeEach(() => stage.configure({ registrar: { archive: { destination: folder.path } } }));
afterAll(async () => {
  await stage.close();
  rmSync(folder.path, { recursive: true, force: true });
});

const retirement = (...argv: readonly string[]): Promise<Ran> =>
  registrar(['retirement', ...argv], { env: environmentOf(stage) });

describe('archive', () => {
  it('counts in a dry run, then prints counts and files, and never a name', async () => {
    await retired(stage, [{ username: 'Quokkazephyr-1' }, { username: 'Quokkazephyr-2' }]);
    const dry = await retirement('archive', '--dry-run');
    expect(dry).toMatchObject({ status: 0, stderr: '' });
    expect(dry.stdout).toContain('2 would be archived, in 1 files');
    const ran = await retirement('archive');
    expect(ran).toMatchObject({ status: 0, stderr: '' });
    expect(ran.stdout).toContain('2 archived, 2 cleaned up in the LMS, 2 forgotten here');
    expect(ran.stdout).toContain(`folder ${folder.path}/raw/`);
    expect(dry.stdout + ran.stdout).not.toContain('Quokka');
  });

  it('is one JSON document with --json', async () => {
    const [learner] = await retired(stage, [{ username: 'json' }]);
    await moveInLms(stage, learner === undefined ? [] : [learner], 'ABORTED');
    expect((await retirement('archive', '--dry-run', '--json')).json()).toEqual({
      kind: 'counted',
      learners: 1,
      batches: 1,
      unfinished: 0,
      held: [],
    });
    expect((await retirement('archive', '--json')).json()).toEqual({
      kind: 'archived',
      learners: 0,
      cleaned: 0,
      forgotten: 0,
      batches: [],
      refused: [{ userId: learner?.user_id, because: 'the LMS has ABORTED' }],
      refusedCount: 1,
      held: [],
      left: false,
    });
    const ran = await retirement('archive');
    expect(ran.stdout).toContain(`not cleaned up: LMS user ${learner?.user_id}, the LMS has ABORTED`);
  });

  it('exits 1 and names the key when the configuration says nothing of an archive', async () => {
    stage.configure({});
    const ran = await retirement('archive');
    expect(ran).toMatchObject({ status: 1, stdout: '' });
    expect(complaints(ran)).toEqual([expect.stringContaining('registrar.archive.destination')]);
  });
});

describe('archive to a bucket that cannot be reached', () => {
  it('fails in a line that names it, after a few tries', { timeout: 60_000 }, async () => {
    const [learner] = await retired(stage, [{ username: 'unreachable' }]);
    const destination = 's3://nobody/here';
    const credentials = { access_key_id: 'nobody', secret_access_key: 'nobody-secret' };
    const endpoint = 'http://127.0.0.1:9';
    stage.configure({ registrar: { archive: { destination, endpoint, ...credentials } } });
    const ran = await retirement('archive');
    expect(ran).toMatchObject({ status: 1, stdout: '' });
    expect(complaints(ran)).toEqual([
      expect.stringMatching(
        /^registrar: s3:\/\/nobody\/here: PUT .* got no answer \(ECONNREFUSED\): check that/,
      ),
    ]);
    expect(await stage.lms('unreachable')).toMatchObject({ user_id: learner?.user_id });
    stage.configure({ registrar: { archive: { destination: folder.path } } });
    expect(await retirement('archive')).toMatchObject({ status: 0 });
    expect(folder.lines().join()).not.toBe('');
  });
});

describe('somebody who is archived', () => {
  let learner: SandboxLearner;
  beforeAll(async () => {
    stage.configure({ registrar: { archive: { destination: folder.path } } });
    const [one] = await retired(stage, [{ username: 'long-gone' }]);
    if (one === undefined) throw new Error('the sandbox created nobody');
    learner = one;
    expect(await retirement('archive')).toMatchObject({ status: 0 });
  });

  it.each([['show'], ['plan', '--from', 'PENDING'], ['resume', '--from', 'PENDING'], ['rerun']])(
    'is told of as archived by `%s`',
    async (name, ...options) => {
      const today = new Date().toISOString().slice(0, 10);
      for (const who of [String(learner.user_id), `retirement-${learner.user_id}`]) {
        const ran = await retirement(name ?? '', who, ...options);
        expect(ran).toMatchObject({ status: 3, stdout: '' });
        expect(complaints(ran)).toEqual([
          expect.stringContaining(
            `LMS user ${learner.user_id} was erased, and archived on ${today}; \`registrar retirement verify ${learner.user_id}\``,
          ),
        ]);
      }
    },
  );

  it('is not in the list, and not to be started again', async () => {
    expect((await retirement('list')).stdout).not.toContain('long-gone');
    expect(await retirement('start', 'long-gone')).toMatchObject({ status: 3 });
  });

  it('is as unknown by name as anybody else', async () => {
    const ran = await retirement('show', 'long-gone');
    expect(ran.status).toBe(3);
    expect(ran.stderr).toContain('no retirement of "long-gone" is known here');
  });
});
