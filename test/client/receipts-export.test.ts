import { readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkReceiptKeys } from '../../client/doctor/receipt-checks.ts';
import { loadConfiguration } from '../../config/load.ts';
import { sealReceipt } from '../../receipts/sealing.ts';
import { signingKeyFrom } from '../../receipts/signing-keys.ts';
import { tokenKeyFrom } from '../../receipts/tokens.ts';
import { bodyAt, keyNumber } from '../receipts/small-chain.ts';
import { complaints, registrar } from './command-line.ts';
import { setReceiptsDesk, type ReceiptsDesk } from './receipts-desk.ts';

const signingKey = new Uint8Array(32).fill(21);
const tokenKey = new Uint8Array(32).fill(22);
const { keyId } = signingKeyFrom(signingKey);

let desk: ReceiptsDesk;
beforeEach(async () => {
  desk = await setReceiptsDesk();
});
afterEach(() => desk.close());

describe('an exported file', () => {
  const nowhere = { env: {} };
  let file: string;
  beforeEach(async () => {
    file = path.join(desk.folder, 'receipts.jsonl');
    await desk.erase('before');
    desk.configure({ signingKey, tokenKey, earlierKeys: [await desk.keyId()] });
    await desk.erase('ada', 'grace', 'edsger');
  });

  const check = (...argv: readonly string[]): ReturnType<typeof registrar> =>
    registrar(['receipts', 'check', ...argv], nowhere);

  const lines = (): string[] => readFileSync(file, 'utf8').split('\n').slice(0, -1);

  async function exportFile(): Promise<void> {
    const ran = await desk.run('receipts', 'export', file, '--json');
    expect(ran).toMatchObject({ status: 0, stderr: '' });
    expect(ran.json()).toMatchObject({ keyId, chain: { receipts: 4 }, findings: [] });
  }

  it('is checked by key id or by PEM, with no server and no configuration', async () => {
    await exportFile();
    expect(statSync(file).mode & 0o077).toBe(0);
    const pem = path.join(desk.folder, 'registrar.pem');
    writeFileSync(pem, (await desk.run('receipts', 'key')).stdout);
    for (const key of [keyId, pem]) {
      const ran = await check(file, '--key', key, '--user', '2', '--json');
      expect(ran).toMatchObject({ status: 0, stderr: '' });
      expect(ran.json()).toMatchObject({
        holds: true,
        receipts: 4,
        lastSequence: 4,
        trustedKeys: [keyId],
        erasures: [{ receipt: 2, userId: 2 }],
      });
    }
    expect(readFileSync(file, 'utf8')).not.toMatch(/edsger|example\.com|@/i);
  });

  it('goes to standard output as well, but not beside a document', async () => {
    await exportFile();
    const ran = await desk.run('receipts', 'export', '-');
    expect(ran).toMatchObject({ status: 0, stderr: '' });
    // Only the head has the time of its export.
    expect(ran.stdout.split('\n').slice(1)).toEqual([...lines().slice(1), '']);
    expect(await desk.run('receipts', 'export', '-', '--json')).toMatchObject({ status: 2, stdout: '' });
  });

  // Line 1 is the head, 2 and 3 are keys, 4 to 7 receipts.
  it.each<[string, string, (all: readonly string[]) => readonly string[]]>([
    [
      'an altered receipt',
      'line 5, receipt 2: its body was altered',
      (all) => all.with(4, (all[4] ?? '').replace('skipped', 'erased')),
    ],
    ['the first removed', 'receipt 1 is missing', (all) => all.toSpliced(3, 1)],
    ['one in the middle removed', 'receipt 2 is missing', (all) => all.toSpliced(4, 1)],
    ['the last removed', 'receipt 4 is missing at the end', (all) => all.slice(0, -1)],
    [
      'two in each other’s places',
      'line 6, receipt 2: stands behind a later one',
      (all) => all.with(4, all[5] ?? '').with(5, all[4] ?? ''),
    ],
    ['one twice', 'line 6, receipt 2: is there a second time', (all) => all.toSpliced(5, 0, all[4] ?? '')],
    [
      'one forged with another key',
      'line 8, receipt 5: signed with the unknown key',
      (all) => [
        ...all,
        JSON.stringify(sealReceipt(bodyAt(5, 'f'.repeat(64)), keyNumber(9)), [
          'body',
          'hash',
          'signature',
          'signingKeyId',
        ]),
      ],
    ],
    [
      'a line of nonsense',
      'line 5: is not a line as the export writes it',
      (all) => all.toSpliced(4, 0, '{"body":'),
    ],
    [
      'a line spelled otherwise',
      'line 5: is not a line as the export writes it',
      (all) => all.with(4, (all[4] ?? '').replace('{', '{ ')),
    ],
    ['no head', 'the head of the file is missing', (all) => all.slice(1)],
    [
      'an altered head',
      'line 1: the head of the file was altered',
      (all) => all.with(0, (all[0] ?? '').replace('20', '21')),
    ],
  ])('shows %s', async (_what, line, change) => {
    await exportFile();
    writeFileSync(
      file,
      change(lines())
        .map((text) => `${text}\n`)
        .join(''),
    );
    const ran = await check(file, '--key', keyId);
    expect(ran.status).toBe(1);
    expect(complaints(ran).join('\n')).toContain(line);
  });

  it('that was cut before its first receipt has no end of a chain, and is told from an empty one', async () => {
    await exportFile();
    const pem = path.join(desk.folder, 'registrar.pem');
    writeFileSync(pem, (await desk.run('receipts', 'key')).stdout);
    const [head = ''] = lines();
    writeFileSync(file, `${head}\n`);
    const cut = await check(file, '--key', pem);
    expect(cut.status).toBe(1);
    expect(cut.stdout).toContain('There is no receipt in it, and its head announces 4: the file is cut\n');
    expect(cut.stdout).not.toContain("Chain's end");
    expect(complaints(cut)).toEqual(['registrar: receipts 1 to 4 are missing at the end: removed']);
    writeFileSync(file, '');
    expect((await check(file, '--key', pem)).stdout).toContain('no head: the file is cut, or is no export');
  });

  it('survives any bytes in the file', async () => {
    writeFileSync(file, Buffer.from([0xff, 0xfe, 0x0a, 0x00, 0x7b, 0x7d, 0x0a, 0x0a]));
    const pem = path.join(desk.folder, 'registrar.pem');
    writeFileSync(pem, (await desk.run('receipts', 'key')).stdout);
    const ran = await check(file, '--key', pem, '--json');
    expect(ran.status).toBe(1);
    expect(ran.json()).toMatchObject({ holds: false, receipts: 0, exportedAt: null });
  });

  it('proves nothing by its own keys', async () => {
    await exportFile();
    const without = await check(file);
    expect(without).toMatchObject({ status: 2, stdout: '' });
    expect(without.stderr).toContain('`registrar receipts key`');
    expect((await check(file, '--key', '0123456789abcdef')).status).toBe(3);
    const pem = path.join(desk.folder, 'registrar.pem');
    expect((await check(file, '--key', pem)).status).toBe(3);
    writeFileSync(pem, 'nonsense');
    expect((await check(file, '--key', pem)).status).toBe(2);
    expect((await check('/nonexistent', '--key', keyId)).status).toBe(3);
    expect((await check(file, '--key', keyId, '--user', 'ada')).status).toBe(2);
  });

  it('is exported broken as it is, with the findings', async () => {
    await desk.database.query('delete from erasure_receipts where sequence = 2');
    const ran = await desk.run('receipts', 'export', file);
    expect(ran.status).toBe(1);
    expect(complaints(ran)).toEqual(['registrar: receipt 2 is missing: removed']);
    expect((await check(file, '--key', keyId)).status).toBe(1);
  });
});

describe('receipts key', () => {
  it('is not there before the first receipt, unless the configuration has one', async () => {
    expect(await desk.run('receipts', 'key')).toMatchObject({ status: 3, stdout: '' });
    expect(await desk.run('receipts', 'export', '-')).toMatchObject({ status: 3, stdout: '' });
    desk.configure({ signingKey });
    expect((await desk.run('receipts', 'key', '--json')).json()).toMatchObject({
      keyId,
      keptIn: 'configuration',
    });
  });

  it('says which key to name before another one is configured, and which was forgotten', async () => {
    await desk.erase('ada');
    const earlier = await desk.keyId();
    expect((await desk.run('receipts', 'key')).stdout).toContain(`earlier_keys: ['${earlier}']`);
    desk.configure({ signingKey });
    for (const names of [[], ['grace']]) {
      await desk.erase(...names);
      const ran = await desk.run('receipts', 'key');
      expect(ran.stdout).toContain(
        `Receipts from 1 to 1 are signed with key ${earlier}: if it was yours, add`,
      );
      expect((await desk.run('receipts', 'key', '--json')).json()).toMatchObject({
        unnamedKeys: [{ keyId: earlier, receipts: 1, from: 1, to: 1 }],
      });
    }
    desk.configure({ signingKey, earlierKeys: [earlier] });
    expect((await desk.run('receipts', 'key', '--json')).json()).toMatchObject({ unnamedKeys: [] });
  });

  it('prints the public part alone', async () => {
    await desk.erase('ada');
    const { rows } = await desk.database.query<{ secret: Buffer }>(
      `select secret from erasure_keys where purpose = 'signing'`,
    );
    const ran = await desk.run('receipts', 'key', '--json');
    expect(ran.json()).toMatchObject({ keptIn: 'database' });
    const secret = rows[0]?.secret ?? Buffer.alloc(0);
    expect(secret).toHaveLength(32);
    expect(ran.stdout).not.toContain(secret.toString('base64').slice(0, 40));
    expect(ran.stdout).not.toContain('PRIVATE');
  });
});

describe('the check of doctor', () => {
  const check = async (): Promise<readonly { readonly outcome: string; readonly message: string }[]> => {
    const loaded = await loadConfiguration({ path: path.join(desk.folder, 'registrar.yml'), env: {} });
    if (loaded.kind === 'invalid') throw new Error('the configuration is not valid');
    return checkReceiptKeys(loaded.configuration, desk.database);
  };

  it('hints at keys that the database keeps, without finding fault', async () => {
    await desk.erase('ada');
    const [signing, tokens] = await check();
    expect(signing).toMatchObject({ outcome: 'ok' });
    expect(signing?.message).toContain('registrar.receipts.signing_key');
    expect(tokens).toMatchObject({ outcome: 'ok' });
    expect(tokens?.message).toContain('registrar.receipts.token_key');
  });

  it('names the key of the configuration, and warns when the database has its secret too', async () => {
    desk.configure({ signingKey, tokenKey });
    await desk.erase('ada');
    expect(await check()).toMatchObject([
      { outcome: 'ok', message: `signed with key ${keyId} of the configuration` },
      { outcome: 'ok' },
    ]);
    await desk.database.query(`update erasure_keys set secret = $1 where purpose = 'signing'`, [signingKey]);
    expect(await check()).toMatchObject([{ outcome: 'warning' }, { outcome: 'ok' }]);
  });

  it('warns of earlier keys that are not named, or not known, and of token keys that are not configured', async () => {
    await desk.erase('ada');
    const earlier = await desk.keyId();
    expect((await check())[0]?.message).toContain(`name '${earlier}' in registrar.receipts.earlier_keys`);
    desk.configure({ signingKey, tokenKey, earlierKeys: ['0123456789abcdef'] });
    await desk.erase('grace');
    const warnings = async (): Promise<readonly string[]> =>
      (await check()).filter(({ outcome }) => outcome === 'warning').map(({ message }) => message);
    expect(await warnings()).toEqual([
      expect.stringContaining(`1 from 1 to 1 are signed with key ${earlier}, which does not count`),
      expect.stringContaining('earlier_keys names 0123456789abcdef, which the database does not know'),
    ]);
    desk.configure({ signingKey, tokenKey: new Uint8Array(32).fill(23), earlierKeys: [earlier] });
    const { keyId: tokenKeyId } = tokenKeyFrom(tokenKey);
    expect(await warnings()).toEqual([
      expect.stringContaining(`1 are of token key ${tokenKeyId}, which is not configured`),
    ]);
    desk.configure({ signingKey, earlierKeys: [earlier], earlierTokenKeys: [tokenKey] });
    expect(await warnings()).toEqual([]);
  });
});

describe('help', () => {
  it.each([
    ['receipts'],
    ['receipts', 'export'],
    ['receipts', 'check'],
    ['receipts', 'key'],
    ['retirement', 'verify'],
  ])('of %s %s goes to standard output', async (...command) => {
    const ran = await registrar([...command, '--help']);
    expect(ran).toMatchObject({ status: 0, stderr: '' });
    expect(ran.stdout).toContain('--json');
    if (command.length > 1) expect(ran.stdout).toContain('Examples:');
  });
});
