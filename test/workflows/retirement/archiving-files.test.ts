import { rmSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createLmsClient } from '../../../platform/lms/client.ts';
import {
  archive,
  GONE,
  makeArchiveFolder,
  retired,
  retiredElsewhere,
  whereabouts,
} from '../../support/archive.ts';
import { startMemoryBucket, type BucketFault, type MemoryBucket } from '../../support/memory-bucket.ts';
import { credentials, setRetirementStage, type RetirementStage } from '../../support/retirement.ts';
import { countRequests } from '../../support/retirement-learner.ts';

const CLEANUP = '/api/user/v1/accounts/retirement_cleanup/';
let stage: RetirementStage;

beforeAll(async () => {
  stage = await setRetirementStage();
  await stage.startWorker();
});
afterAll(() => stage.close());

/** A learner's row in the answers of the LMS. */
async function rowOf(username: string): Promise<Readonly<Record<string, string>>> {
  const { clientId, clientSecret } = credentials;
  const client = createLmsClient({
    baseUrl: stage.lmsUrl,
    clientId,
    clientSecret,
    concurrency: 1,
    timeoutMs: 5_000,
  });
  const route = '/api/user/v1/accounts/{username}/retirement_status/';
  const answer = await client.send({ verb: 'GET', route, parameters: { username } });
  await client.close();
  return answer.json() as Readonly<Record<string, string>>;
}

describe('an archive that keeps identity', () => {
  const folder = makeArchiveFolder();
  afterAll(() => rmSync(folder.path, { recursive: true, force: true }));

  it("has the lines of Open edX's own archive, to the byte", async () => {
    stage.configure({ registrar: { archive: { destination: folder.path, identity: 'keep' } } });
    const learners = [
      ...(await retired(stage, [{ username: 'plain', email: 'plain@example.com', name: 'Plain' }])),
      ...(await retiredElsewhere(stage, [
        { username: 'Zäphira', email: 'z@example.com', name: 'Z "O’Bli" \\ / \u007f\t\u0001😀<b>' },
      ])),
    ];
    const [plain, odd] = [await rowOf('plain'), await rowOf('Zäphira')];
    const { batches } = await archive(stage);
    expect(await whereabouts(stage, folder, learners)).toEqual([GONE, GONE]);

    const [ids, key] = [learners.map(({ user_id }) => user_id), batches[0]?.fileKey ?? ''];
    const queryable = (time = ''): string => time.replace('T', ' ').replace('Z', '');
    const expected =
      `{"user_id": ${ids[0]}, "original_username": "plain", "original_email": "plain@example.com", ` +
      `"original_name": "Plain", "retired_username": "${plain['retired_username']}", ` +
      `"retired_email": "${plain['retired_email']}", "retirement_request_date": "2026-01-05 10:00:00.000000", ` +
      `"last_modified_date": "${queryable(plain['modified'])}"}\n` +
      `{"user_id": ${ids[1]}, "original_username": "Z\\u00e4phira", "original_email": "z@example.com", ` +
      `"original_name": "Z \\"O\\u2019Bli\\" \\\\ / \\u007f\\t\\u0001\\ud83d\\ude00<b>", ` +
      `"retired_username": "${odd['retired_username']}", "retired_email": "${odd['retired_email']}", ` +
      `"retirement_request_date": "2026-01-05 10:00:00.000000", "last_modified_date": "${queryable(odd['modified'])}"}\n`;
    expect(gunzipSync(folder.files().get(key) ?? Buffer.alloc(0)).toString('latin1')).toBe(expected);
  });

  it('leaves nothing of the file in the database', async () => {
    const { rows } = await stage.database.query(
      'select count(*) as batches, count(content) as contents from archive_batches',
    );
    expect(rows).toEqual([{ batches: 1, contents: 0 }]);
  });
});

describe('an archive in a bucket', () => {
  let bucket: MemoryBucket;
  beforeAll(async () => {
    bucket = await startMemoryBucket();
  });
  beforeEach(() => stage.configure({ registrar: { archive: bucket.settings } }));
  afterAll(() => bucket.close());

  const linesOf = (userId: number): number =>
    [...bucket.files.values()].flatMap((bytes) =>
      gunzipSync(bytes)
        .toString('utf8')
        .split('\n')
        .filter((line) => line.includes(`"user_id":${userId},`)),
    ).length;

  it.each<{ readonly faults: readonly BucketFault[]; readonly requests: readonly string[] }>([
    { faults: [], requests: ['PUT', 'GET'] },
    { faults: ['drop-before'], requests: ['PUT', 'PUT', 'GET'] },
    { faults: ['drop-after'], requests: ['PUT', 'PUT', 'GET'] },
    { faults: ['answer-500', 'answer-500'], requests: ['PUT', 'PUT', 'PUT', 'GET'] },
  ])('is written and read back, whatever becomes of the writing: $faults', async ({ faults, requests }) => {
    const before = { files: bucket.files.size, requests: bucket.requests.length };
    bucket.misbehave(...faults);
    const [learner] = await retiredElsewhere(stage, [{ username: `bucket-${before.requests}` }]);
    const { batches } = await archive(stage);
    expect(batches).toMatchObject([{ destination: 's3://archive/erased', learners: 1, forgotten: 1 }]);
    expect(bucket.requests.slice(before.requests)).toEqual(requests);
    expect(bucket.files.size).toBe(before.files + 1);
    expect([...bucket.files.keys()].at(-1)).toBe(`archive/erased/${batches[0]?.fileKey}`);
    expect(linesOf(learner?.user_id ?? 0)).toBe(1);
  });

  it('is what is told of a batch that was written there, wherever the next one goes', async () => {
    await retiredElsewhere(stage, [{ username: 'bucket-then-folder' }]);
    await stage.fault({ path: CLEANUP, status: 403, times: 1 });
    await expect(archive(stage)).rejects.toThrow();
    const other = makeArchiveFolder();
    onTestFinished(() => rmSync(other.path, { recursive: true, force: true }));
    stage.configure({ registrar: { archive: { destination: other.path } } });
    const { batches } = await archive(stage);
    expect(batches).toMatchObject([{ destination: 's3://archive/erased', forgotten: 1 }]);
    expect(other.files().size).toBe(0);
  });

  it('has nobody cleaned up before it gives the file back as it was written', async () => {
    await retiredElsewhere(stage, [{ username: 'bucket-patience' }]);
    await stage.control('DELETE', '/_sandbox/requests');
    const cleanups: number[] = [];
    bucket.onRequest(async (method) => {
      if (method === 'GET') cleanups.push(await countRequests(stage, `POST ${CLEANUP}`));
    });
    bucket.misbehave('none', 'give-back-less', 'none', 'drop-before');
    expect(await archive(stage)).toMatchObject({ learners: 1, cleaned: 1 });
    // Less came back, then nothing, then all of it.
    expect(cleanups).toEqual([0, 0, 0]);
    expect(await countRequests(stage, `POST ${CLEANUP}`)).toBe(1);
  });
});
