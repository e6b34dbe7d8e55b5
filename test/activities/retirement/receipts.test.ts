import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { issueErasureReceipt, issueProbeReceipt } from '../../../activities/retirement/receipts/issuing.ts';
import { createReceiptKeys } from '../../../activities/retirement/receipts/keys.ts';
import {
  listKeys,
  listProbesOf,
  listReceiptsByTokens,
  listReceiptsOf,
  newestErasureOf,
  readChain,
} from '../../../activities/retirement/receipts/store.ts';
import type { StoredRetirement } from '../../../activities/retirement/store.ts';
import { openDatabase, type Database } from '../../../db/database.ts';
import type { Pipeline } from '../../../domain/retirement/pipeline.ts';
import { knownSigningKeys, type CurrentKeys } from '../../../receipts/kept-keys.ts';
import { readBody } from '../../../receipts/read-body.ts';
import { signingKeyFrom } from '../../../receipts/signing-keys.ts';
import { tokenKeyFrom, tokenOf } from '../../../receipts/tokens.ts';
import { createChainVerifier } from '../../../receipts/verify-chain.ts';
import { createMigratedDatabase, type TestDatabase } from '../../support/database.ts';

let testDatabase: TestDatabase;
let db: Database;
let keys: CurrentKeys;
beforeAll(async () => {
  testDatabase = await createMigratedDatabase();
  db = openDatabase({ url: testDatabase.url });
});
afterAll(async () => {
  await db.close();
  await testDatabase.drop();
});
beforeEach(async () => {
  await db.query('truncate erasure_receipts, erasure_keys');
  await db.query(`update erasure_receipt_chain set last_sequence = 0, last_hash = ''`);
  keys = await createReceiptKeys(db).current({});
});

const AT = '2026-03-01T10:00:00.000Z';
const completedAt = new Date('2026-03-02T10:00:00Z');

const pipeline: Pipeline = ['ENROLLMENTS', 'FORUMS', 'NOTES'].map((name) => ({
  startState: `RETIRING_${name}`,
  endState: `${name}_COMPLETE`,
  service: 'LMS',
  method: `retire_${name.toLowerCase()}`,
}));

function learner(userId: number): StoredRetirement {
  return {
    userId,
    retirementId: userId + 1000,
    originalUsername: `Learner-${userId}`,
    originalEmail: `Learner-${userId}@Example.com`,
    originalName: 'A Name',
    retiredUsername: `retired-${userId}`,
    retiredEmail: `retired-${userId}@example.com`,
    currentState: 'NOTES_COMPLETE',
    lastState: 'RETIRING_NOTES',
    responses: '',
    completedStages: ['ENROLLMENTS_COMPLETE', 'FORUMS_COMPLETE'],
    stageOutcomes: { FORUMS_COMPLETE: { outcome: 'nothing-to-erase', at: AT } },
    organisations: [],
    lastFailure: null,
    probeDueAt: null,
    firstStageAt: new Date(AT),
    requestedAt: new Date(AT),
    coolOffUntil: new Date(AT),
    dueAt: new Date(AT),
    createdAt: new Date(AT),
    modifiedAt: new Date(AT),
  };
}

function issue(userId: number, at = completedAt): Promise<{ readonly sequence: number }> {
  return db.transaction((tx) =>
    issueErasureReceipt(tx, keys, { learner: learner(userId), pipeline, completedAt: at, probes: [] }),
  );
}

async function findings(): Promise<readonly unknown[]> {
  const trusted = knownSigningKeys(await listKeys(db));
  return readChain(db, async ({ end, batches }) => {
    const verifier = createChainVerifier({ trusted, end });
    const found: unknown[] = [];
    for await (const batch of batches()) {
      for (const receipt of batch) found.push(...verifier.take({ receipt, columns: receipt }).findings);
    }
    return [...found, ...verifier.end()];
  });
}

describe('a receipt of an erasure', () => {
  it('says how each stage ended, and names the person by tokens alone', async () => {
    expect(await issue(1)).toEqual({ sequence: 1 });
    const stored = await newestErasureOf(db, 1);
    expect(readBody(stored?.body ?? '')).toMatchObject({
      kind: 'erasure',
      userId: 1,
      retirementId: 1001,
      requestedAt: AT,
      completedAt: completedAt.toISOString(),
      subject: { keyId: keys.token.keyId, email: tokenOf(keys.token, 'email', 'learner-1@example.com') },
      stages: [
        { startState: 'RETIRING_ENROLLMENTS', outcome: 'done-elsewhere', at: null },
        { startState: 'RETIRING_FORUMS', outcome: 'nothing-to-erase', at: AT },
        { startState: 'RETIRING_NOTES', outcome: 'skipped', at: null },
      ],
    });
    expect(JSON.stringify(stored)).not.toMatch(/learner-1|a name|example\.com/i);
  });

  it('is issued once, however often and by however many at once', async () => {
    await issue(1);
    const issued = await Promise.all(Array.from({ length: 6 }, () => issue(2)));
    expect(new Set(issued.map(({ sequence }) => sequence))).toEqual(new Set([2]));
    expect(await issue(2)).toEqual({ sequence: 2 });
    expect(await issue(2, new Date('2026-04-01T10:00:00Z'))).toEqual({ sequence: 3 });
    expect((await newestErasureOf(db, 2))?.sequence).toBe(3);
    expect(await findings()).toEqual([]);
  });

  it('has its place without gaps among many that are issued at once, also when some are taken back', async () => {
    await Promise.all(
      Array.from({ length: 24 }, async (_, index) => {
        const issuing = db.transaction(async (tx) => {
          await issueErasureReceipt(tx, keys, {
            learner: learner(index),
            pipeline,
            completedAt,
            probes: [],
          });
          if (index % 3 === 0) throw new Error('taken back');
        });
        await issuing.catch(() => undefined);
      }),
    );
    const { rows } = await db.query<{ sequence: number }>(
      'select sequence from erasure_receipts order by sequence',
    );
    expect(rows.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 16 }, (_, index) => index + 1));
    expect(await findings()).toEqual([]);
  });

  it('is read in batches, as the chain was at one moment', async () => {
    await db.transaction(async (tx) => {
      for (let userId = 1; userId <= 1_001; userId += 1) {
        await issueErasureReceipt(tx, keys, { learner: learner(userId), pipeline, completedAt, probes: [] });
      }
    });
    const seen = await readChain(db, async ({ end, total, batches }) => {
      await issue(5_000);
      const sizes: number[] = [];
      for await (const batch of batches()) sizes.push(batch.length);
      return { last: end.lastSequence, total, sizes };
    });
    expect(seen).toEqual({ last: 1_001, total: 1_001, sizes: [1_000, 1] });
    expect(await findings()).toEqual([]);
  });

  it('is found by id and by token, never by another’s', async () => {
    await issue(1);
    await issue(2);
    const token = tokenOf(keys.token, 'username', 'learner-2');
    const sequences = (receipts: readonly { readonly sequence: number }[]): readonly number[] =>
      receipts.map(({ sequence }) => sequence);
    expect(sequences(await listReceiptsByTokens(db, [token]))).toEqual([2]);
    expect(sequences(await listReceiptsOf(db, [1]))).toEqual([1]);
    expect(await listReceiptsByTokens(db, ['x'])).toEqual([]);
  });
});

describe('a receipt of a later look', () => {
  const probes = [{ stage: 'RETIRING_FORUMS', result: 'came-back', at: AT }] as const;
  const at = new Date('2026-05-01T10:00:00Z');
  const look = (of: number, userId: number): Promise<{ readonly sequence: number }> =>
    db.transaction((tx) => issueProbeReceipt(tx, keys, { of, userId, probes, at }));

  it('is issued once, and names the person as the erasure did', async () => {
    await issue(1);
    expect(await look(1, 1)).toEqual({ sequence: 2 });
    expect(await look(1, 1)).toEqual({ sequence: 2 });
    const [erasure, probe] = await listReceiptsOf(db, [1]);
    expect(probe).toMatchObject({ kind: 'probe', emailToken: erasure?.emailToken });
    expect(await listProbesOf(db, 1)).toEqual({ first: [], later: probes });
    expect(await findings()).toEqual([]);
  });

  it('is refused for what is no erasure of that person', async () => {
    await issue(1);
    await look(1, 1);
    await expect(look(1, 2)).rejects.toMatchObject({ type: 'Unexpected', nonRetryable: true });
    await expect(look(2, 1)).rejects.toMatchObject({ nonRetryable: true });
    await expect(look(9, 1)).rejects.toMatchObject({ nonRetryable: true });
  });
});

describe('keys', () => {
  it('are made once by workers that need them at the same moment, and found by later ones', async () => {
    await db.query('truncate erasure_keys');
    const made = await Promise.all(Array.from({ length: 6 }, () => createReceiptKeys(db).current({})));
    const ids = new Set(made.map(({ signing, token }) => `${signing.keyId} ${token.keyId}`));
    expect(ids.size).toBe(1);
    expect(await listKeys(db)).toHaveLength(2);
    const later = await createReceiptKeys(db).current({});
    expect(ids).toContain(`${later.signing.keyId} ${later.token.keyId}`);
  });

  it('of the configuration sign from then on, and leave no secret in the database', async () => {
    await issue(1);
    const [signingKey, tokenKey] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
    keys = await createReceiptKeys(db).current({ signingKey, tokenKey });
    expect(keys.signing.keyId).toBe(signingKeyFrom(signingKey).keyId);
    expect(keys.token.keyId).toBe(tokenKeyFrom(tokenKey).keyId);
    const kept = await listKeys(db);
    expect(
      kept
        .filter(({ secret }) => secret === null)
        .map(({ keyId }) => keyId)
        .sort(),
    ).toEqual([keys.signing.keyId, keys.token.keyId].sort());
    await issue(2);
    expect((await newestErasureOf(db, 2))?.signingKeyId).toBe(keys.signing.keyId);
    expect(await findings()).toEqual([]);
  });

  it('that are older than the one of the last receipt are refused for an hour, and what they signed is answered', async () => {
    await issue(1);
    const older = keys;
    const newer = await createReceiptKeys(db).current({ signingKey: new Uint8Array(32).fill(1) });
    keys = newer;
    await issue(2);
    keys = older;
    await expect(issue(3)).rejects.toMatchObject({ type: 'ConfigurationInvalid', nonRetryable: false });
    await expect(issue(3)).rejects.toThrow(older.signing.keyId);
    expect(await issue(1)).toEqual({ sequence: 1 });
    expect(await issue(2)).toEqual({ sequence: 2 });
    await db.query(`update erasure_receipts set issued_at = issued_at - interval '61 minutes'`);
    expect(await issue(3)).toEqual({ sequence: 3 });
    keys = newer;
    expect(await issue(4)).toEqual({ sequence: 4 });
  });

  it('are asked of the database once for the same settings, and again after a failure', async () => {
    let asked = 0;
    let isAway = true;
    const counted: Database = {
      ...db,
      query: (statement, values) => {
        asked += 1;
        return isAway ? Promise.reject(new Error('away')) : db.query(statement, values);
      },
    };
    const source = createReceiptKeys(counted);
    const settings = {};
    await expect(source.current(settings)).rejects.toThrow('away');
    isAway = false;
    await source.current(settings);
    await source.current(settings);
    expect(asked).toBe(2);
  });
});
