import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readBody } from '../../receipts/read-body.ts';
import { sealReceipt } from '../../receipts/sealing.ts';
import { signingKeyFrom, type SigningKey } from '../../receipts/signing-keys.ts';
import { tokenKeyFrom } from '../../receipts/tokens.ts';
import { bodyAt, keyNumber } from '../receipts/small-chain.ts';
import { complaints } from './command-line.ts';
import { setReceiptsDesk, type ReceiptsDesk } from './receipts-desk.ts';

const signingKey = new Uint8Array(32).fill(21);
const tokenKey = new Uint8Array(32).fill(22);
const { keyId } = signingKeyFrom(signingKey);

let desk: ReceiptsDesk;
beforeEach(async () => {
  desk = await setReceiptsDesk();
});
afterEach(() => desk.close());

const verify = (...argv: readonly string[]): ReturnType<ReceiptsDesk['run']> =>
  desk.run('retirement', 'verify', ...argv);

/** Runs SQL on what is in the tables: what somebody who may write there could do. */
const tamper = (statement: string, values: readonly unknown[] = []): Promise<unknown> =>
  desk.database.query(statement, values);

describe('verify WHO', () => {
  it.each(['1', 'Ada', 'ada', 'ADA@example.com', 'retirement-1'])('finds a person by %s', async (who) => {
    await desk.erase('Ada', 'grace');
    await desk.probe(1, 1, 'came-back');
    const ran = await verify(who, '--json');
    // The receipts hold, and what they say is that the erasure did not.
    expect(ran.status).toBe(1);
    expect(ran.stderr).toContain('the service of RETIRING_FORUMS knew the learner again');
    expect(ran.json()).toMatchObject({
      userId: 1,
      state: 'COMPLETE',
      holds: true,
      ownReceiptsHold: true,
      chain: { receipts: 3, lastSequence: 3, keyKeptIn: 'database' },
      erasures: [
        {
          receipt: 1,
          completedAt: '2026-01-13T10:00:00.000Z',
          stages: [{ startState: 'RETIRING_FORUMS', outcome: 'skipped' }],
          probes: [
            { result: 'gone', receipt: 1 },
            { result: 'came-back', receipt: 3 },
          ],
        },
      ],
    });
  });

  it('tells people what was erased when, in a table', async () => {
    await desk.erase('ada');
    const ran = await verify('ada');
    expect(ran).toMatchObject({ status: 0, stderr: '' });
    expect(ran.stdout).toContain('LMS user 1 was erased at 2026-01-13 10:00:00Z');
    expect(ran.stdout).toMatch(/RETIRING_FORUMS +LMS\.retirement_retire_forum +skipped/);
    expect(ran.stdout).toMatch(/RETIRING_FORUMS +gone/);
    expect(ran.stdout).toContain('Receipts and chain hold: 1 read');
  });

  it('still finds a person whose rows are gone, by name and address, and after another token key came', async () => {
    await desk.erase('ada');
    desk.configure({ signingKey, tokenKey, earlierKeys: [await desk.keyId()] });
    await desk.erase('grace');
    await tamper('delete from user_retirement_status');
    for (const who of ['ADA', 'ada@example.com', '1', 'retirement-1']) {
      expect((await verify(who, '--json')).json()).toMatchObject({ userId: 1, state: null, holds: true });
    }
    expect((await verify('Grace@Example.com', '--json')).json()).toMatchObject({ userId: 2, holds: true });
  });

  it('exits 3 for somebody who was never retired here, or is not yet', async () => {
    await desk.erase('ada');
    const nobody = await verify('nobody@example.com', '--json');
    expect(nobody).toMatchObject({ status: 3, stdout: '' });
    expect(complaints(nobody)).toEqual([
      'registrar: nobody of that name was retired here: no receipt is of "nobody@example.com"',
    ]);
    await tamper(`update user_retirement_status set current_state = 'PENDING'`);
    await tamper('delete from erasure_receipts');
    await tamper(`update erasure_receipt_chain set last_sequence = 0, last_hash = ''`);
    const pending = await verify('ada');
    expect(pending).toMatchObject({ status: 3, stdout: '' });
    expect(pending.stderr).toContain('LMS user 1 is PENDING, not erased yet');
  });

  it('asks which is meant when two share a token', async () => {
    await desk.erase('ada', 'ADA');
    await tamper('delete from user_retirement_status');
    const ran = await verify('ada');
    expect(ran.status).toBe(2);
    expect(ran.stderr).toContain('any of the LMS users 1, 2');
    expect((await verify('retirement-2', '--json')).json()).toMatchObject({ userId: 2 });
  });

  it('finds whom altered columns hide, and says which columns', async () => {
    await desk.erase('ada', 'grace');
    await tamper('delete from user_retirement_status');
    await tamper(
      `update erasure_receipts set username_token = 'x', email_token = 'y', user_id = 9 where sequence = 1`,
    );
    const ran = await verify('ada', '--json');
    expect(ran.status).toBe(1);
    expect(ran.json()).toMatchObject({
      userId: 1,
      ownReceiptsHold: false,
      findings: [
        { kind: 'columns-disagree', sequence: 1, columns: ['userId', 'usernameToken', 'emailToken'] },
      ],
    });
  });

  it('says that a person’s own receipts hold when only others are broken', async () => {
    await desk.erase('ada', 'grace');
    await tamper(`update erasure_receipts set signature = 'AAAA' where sequence = 2`);
    const ran = await verify('ada');
    expect(ran.status).toBe(1);
    expect(ran.stdout).toContain('The receipts of LMS user 1 hold; others, or their chain, do not.');
    expect(complaints(ran)).toHaveLength(1);
    expect(await verify('nobody')).toMatchObject({ status: 1 });
  });

  it('finds that somebody is COMPLETE without a receipt', async () => {
    await desk.erase('ada', 'grace');
    await tamper('delete from erasure_receipts where sequence = 2');
    await tamper(
      'update erasure_receipt_chain set last_sequence = 1, last_hash = (select hash from erasure_receipts)',
    );
    for (const argv of [['grace'], ['--all']]) {
      const ran = await verify(...argv);
      expect(ran.status).toBe(1);
      expect(complaints(ran)).toEqual([
        'registrar: LMS user 2 is COMPLETE without a receipt: it was removed, or the erasure is older than receipts',
      ]);
    }
    expect((await verify('ada')).status).toBe(0);
  });
});

describe('verify WHO, after the token key was changed', () => {
  const other = new Uint8Array(32).fill(23);
  beforeEach(async () => {
    desk.configure({ signingKey, tokenKey });
    await desk.erase('ada');
    desk.configure({ signingKey, tokenKey: other });
    await desk.erase('grace');
    await tamper('delete from user_retirement_status');
  });

  it('says that it cannot tell, instead of no', async () => {
    const ran = await verify('ada@example.com', '--json');
    expect(ran.status).toBe(1);
    const { keyId: tokenKeyId } = tokenKeyFrom(tokenKey);
    expect(ran.json()).toMatchObject({ userId: null, holds: true, untold: [{ tokenKeyId, receipts: 1 }] });
    expect(complaints(ran)).toEqual([
      `registrar: cannot tell: 1 receipt is of token key ${tokenKeyId}, which is not configured; add it to registrar.receipts.earlier_token_keys`,
    ]);
    expect((await verify('ada')).stdout).toContain('cannot be told');
  });

  it('still answers where it can', async () => {
    expect((await verify('grace', '--json')).json()).toMatchObject({ userId: 2, untold: [] });
    expect((await verify('retirement-1', '--json')).json()).toMatchObject({ userId: 1, untold: [] });
    expect((await verify('retirement-9')).status).toBe(3);
  });

  it('looks people up with earlier keys that are configured', async () => {
    desk.configure({ signingKey, tokenKey: other, earlierTokenKeys: [tokenKey] });
    const ran = await verify('ada@example.com', '--json');
    expect(ran).toMatchObject({ status: 0, stderr: '' });
    expect(ran.json()).toMatchObject({ userId: 1, holds: true, untold: [] });
    expect((await verify('nobody')).status).toBe(3);
  });
});

describe('verify --all', () => {
  const everybody = ['a', 'b', 'c', 'd', 'e'];
  const swapRows = async (one: number, other: number): Promise<void> => {
    await tamper('update erasure_receipts set sequence = 1000 where sequence = $1', [one]);
    await tamper('update erasure_receipts set sequence = $1 where sequence = $2', [one, other]);
    await tamper('update erasure_receipts set sequence = $1 where sequence = 1000', [other]);
  };

  it.each<[string, string, () => Promise<unknown>]>([
    [
      'an altered body',
      'receipt 3: its body was altered',
      () =>
        tamper(`update erasure_receipts set body = replace(body, 'skipped', 'erased') where sequence = 3`),
    ],
    [
      'a body that is none any more',
      'receipt 3: its body was altered',
      () => tamper(`update erasure_receipts set body = 'gone' where sequence = 3`),
    ],
    [
      'an altered hash',
      'receipt 3: its hash was altered',
      () => tamper(`update erasure_receipts set hash = repeat('0', 64) where sequence = 3`),
    ],
    [
      'the first removed',
      'receipt 1 is missing',
      () => tamper('delete from erasure_receipts where sequence = 1'),
    ],
    [
      'one in the middle removed',
      'receipt 3 is missing',
      () => tamper('delete from erasure_receipts where sequence = 3'),
    ],
    [
      'the last removed',
      'receipt 5 is missing at the end',
      () => tamper('delete from erasure_receipts where sequence = 5'),
    ],
    ['two in each other’s places', 'receipt 4: stands behind a later one', () => swapRows(3, 4)],
    [
      'a column',
      'receipt 3: its row says something else than its body: issuedAt',
      () => tamper(`update erasure_receipts set issued_at = 'infinity' where sequence = 3`),
    ],
    [
      'the end',
      'receipt 5: is not the receipt that the chain',
      () => tamper(`update erasure_receipt_chain set last_hash = repeat('0', 64)`),
    ],
    ['no end', 'behind the chain', () => tamper('delete from erasure_receipt_chain')],
  ])('finds %s', async (_what, line, break_) => {
    desk.configure({ signingKey, tokenKey });
    await desk.erase(...everybody);
    expect(await verify('--all')).toMatchObject({ status: 0, stderr: '' });
    await tamper('delete from user_retirement_status');
    await break_();
    const ran = await verify('--all', '--json');
    expect(ran.status).toBe(1);
    expect(complaints(ran).join('\n')).toContain(line);
    expect(ran.json()).toMatchObject({ holds: false });
  });

  /** Puts a key beside the real ones, and a receipt of it at the end of the chain, which moves along. */
  async function forgeLast(sequence: number): Promise<void> {
    const forger = keyNumber(9);
    const { rows } = await desk.database.query<{ hash: string }>(
      'select hash from erasure_receipts where sequence = $1',
      [sequence - 1],
    );
    const body = bodyAt(sequence, rows[0]?.hash ?? '');
    const forged = sealReceipt(body, forger);
    await tamper(`insert into erasure_keys (purpose, key_id, public_key) values ('signing', $1, $2)`, [
      forger.keyId,
      forger.publicKey,
    ]);
    await tamper(
      `insert into erasure_receipts
         (sequence, kind, user_id, retirement_id, username_token, email_token, token_key_id, body, previous_hash, hash,
          signing_key_id, signature, issued_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
      [
        sequence,
        body.kind,
        body.userId,
        body.retirementId,
        body.subject.username,
        body.subject.email,
        body.subject.keyId,
        forged.body,
        body.previousHash,
        forged.hash,
        forger.keyId,
        forged.signature,
        body.issuedAt,
      ],
    );
    await tamper('update erasure_receipt_chain set last_sequence = $1, last_hash = $2', [
      sequence,
      forged.hash,
    ]);
  }

  it('finds what was forged with another key, although the database names that key', async () => {
    desk.configure({ signingKey, tokenKey });
    await desk.erase('ada');
    await forgeLast(2);
    const ran = await verify('--all', '--json');
    expect(ran.status).toBe(1);
    const forger = keyNumber(9).keyId;
    expect(ran.json()).toMatchObject({
      chain: { trustedKeys: [keyId], keyKeptIn: 'configuration' },
      findings: [{ kind: 'unnamed-key', from: 2, to: 2, keyId: forger }],
    });
    // Named or not, an earlier key signs nothing after the first receipt of the configuration's.
    const trusting = await verify('--all', '--trust', forger, '--json');
    expect(trusting.status).toBe(1);
    expect(trusting.json()).toMatchObject({
      findings: [{ kind: 'untrusted-key', sequence: 2, keyId: forger, trustedSince: 1 }],
    });
    expect((await verify('--all', '--trust', '0123456789abcdef')).status).toBe(3);
    // Built upon, it stays a finding.
    await desk.erase('grace');
    expect(complaints(await verify('--all'))).toHaveLength(1);
  });

  it('believes earlier keys that are named, once the configuration’s key has sealed them, and no others', async () => {
    await desk.erase('ada', 'grace');
    const earlier = await desk.keyId();
    desk.configure({ signingKey, tokenKey, earlierKeys: [earlier] });
    const before = await verify('--all');
    expect(before.status).toBe(1);
    expect(complaints(before)).toEqual([expect.stringContaining('the next one will seal them')]);
    await desk.erase('edsger');
    expect(await verify('--all')).toMatchObject({ status: 0, stderr: '' });
    desk.configure({ signingKey, tokenKey });
    const unnamed = await verify('--all');
    expect(unnamed.status).toBe(1);
    expect(complaints(unnamed)).toEqual([
      expect.stringContaining(`receipts 1 to 2 are signed with key ${earlier}, which nobody named`),
    ]);
    expect(await verify('--all', '--trust', earlier)).toMatchObject({ status: 0, stderr: '' });
    const ada = await verify('ada', '--json');
    expect(ada.status).toBe(1);
    expect(ada.json()).toMatchObject({ ownReceiptsHold: false, erasures: [] });
    expect((await verify('edsger', '--json')).json()).toMatchObject({ ownReceiptsHold: true, holds: false });
  });

  it('finds a history written anew, however many true receipts are built upon it', async () => {
    desk.configure({ signingKey, tokenKey });
    await desk.erase('ada', 'grace', 'edsger');
    const forger = keyNumber(9);
    await tamper(
      `insert into erasure_keys (purpose, key_id, public_key, created_at) values ('signing', $1, $2, '2020-01-01')`,
      [forger.keyId, forger.publicKey],
    );
    await writeAnew(forger);
    for (const later of ['barbara', 'donald']) {
      const ran = await verify('--all', '--json');
      expect(ran.status).toBe(1);
      expect(ran.json()).toMatchObject({
        findings: [{ kind: 'unnamed-key', keyId: forger.keyId, from: 1, to: 3 }],
      });
      await desk.erase(later);
    }
    const file = path.join(desk.folder, 'receipts.jsonl');
    expect((await desk.run('receipts', 'export', file)).status).toBe(1);
    const checked = await desk.run('receipts', 'check', file, '--key', keyId);
    expect(checked.status).toBe(1);
    expect(complaints(checked)).toEqual([
      expect.stringContaining(`signed with key ${forger.keyId}, which nobody named`),
    ]);
    expect((await desk.run('receipts', 'check', file, '--key', keyId, '--trust', forger.keyId)).status).toBe(
      0,
    );
  });

  /** Every receipt says something else, linked and signed by somebody who may write to the database. */
  async function writeAnew(forger: SigningKey): Promise<void> {
    const { rows } = await desk.database.query<{ readonly sequence: number; readonly body: string }>(
      'select sequence, body from erasure_receipts order by sequence',
    );
    let previousHash = '';
    for (const { sequence, body } of rows) {
      const said = readBody(body);
      if (said === undefined) throw new Error('a receipt cannot be read');
      const forged = sealReceipt({ ...said, issuedAt: '2026-01-01T00:00:00.000Z', previousHash }, forger);
      await tamper(
        `update erasure_receipts set body = $2, hash = $3, signature = $4, signing_key_id = $5, previous_hash = $6,
           issued_at = '2026-01-01T00:00:00Z'
         where sequence = $1`,
        [sequence, forged.body, forged.hash, forged.signature, forged.signingKeyId, previousHash],
      );
      previousHash = forged.hash;
    }
    await tamper('update erasure_receipt_chain set last_hash = $1', [previousHash]);
  }

  it('holds after a key that was configured while a completion was under way with the older one', async () => {
    await desk.erase('ada');
    const older = await desk.keyId();
    desk.configure({ signingKey, tokenKey, earlierKeys: [older] });
    await desk.erase('grace');
    desk.configure({});
    const late = desk.erase('edsger');
    await expect(late).rejects.toMatchObject({ type: 'ConfigurationInvalid', nonRetryable: false });
    await expect(late).rejects.toThrow(
      `signed with key ${keyId}, which is newer than key ${older} of this worker`,
    );
    desk.configure({ signingKey, tokenKey, earlierKeys: [older] });
    await tamper(`delete from user_retirement_status where current_state <> 'COMPLETE'`);
    await desk.erase('barbara');
    expect(await verify('--all')).toMatchObject({ status: 0, stderr: '' });
  });

  it('holds without any receipt, and is wrong usage with a person or without anything', async () => {
    expect(await verify('--all')).toMatchObject({ status: 0, stderr: '' });
    for (const argv of [[], ['ada', '--all'], ['--all', '--expect', 'nonsense']]) {
      const ran = await verify(...argv);
      expect(ran).toMatchObject({ status: 2, stdout: '' });
      expect(complaints(ran)).toHaveLength(1);
    }
  });

  it('finds against a noted end that the chain was cut', async () => {
    await desk.erase('ada', 'grace');
    const noted = /^Chain's end: (\S+)$/m.exec((await verify('--all')).stdout)?.[1] ?? '';
    expect((await verify('--all', '--expect', noted)).status).toBe(0);
    await tamper('delete from erasure_receipts where sequence = 2');
    await tamper(
      'update erasure_receipt_chain set last_sequence = 1, last_hash = (select hash from erasure_receipts)',
    );
    await tamper('delete from user_retirement_status');
    expect((await verify('--all')).status).toBe(0);
    expect((await verify('--all', '--expect', noted)).status).toBe(1);
  });
});
