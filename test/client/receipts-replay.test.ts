import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { signingKeyFrom } from '../../receipts/signing-keys.ts';
import { complaints, type Ran } from './command-line.ts';
import { setReceiptsDesk, type ReceiptsDesk } from './receipts-desk.ts';

const signingKey = new Uint8Array(32).fill(21);
const tokenKey = new Uint8Array(32).fill(22);

let desk: ReceiptsDesk;
let file: string;
beforeEach(async () => {
  desk = await setReceiptsDesk();
  file = path.join(desk.folder, 'receipts.jsonl');
});
afterEach(() => desk.close());

/** The learners of the desk are at no LMS, so most of it is seen in a dry run. */
const dry = (...argv: readonly string[]): Promise<Ran> =>
  desk.run('receipts', 'replay', file, '--dry-run', '--json', ...argv);
const replay = (...argv: readonly string[]): Promise<Ran> => desk.run('receipts', 'replay', file, ...argv);

async function exportFile(): Promise<void> {
  expect(await desk.run('receipts', 'export', file)).toMatchObject({ status: 0 });
}

/** The chain is as it was when it ended at `sequence`. */
async function restoreTo(sequence: number): Promise<void> {
  await desk.database.query('delete from erasure_receipts where sequence > $1', [sequence]);
  await desk.database.query(
    `update erasure_receipt_chain set last_sequence = $1,
       last_hash = coalesce((select hash from erasure_receipts where sequence = $1), '')`,
    [sequence],
  );
  await desk.database.query(
    `update user_retirement_status set current_state = 'PENDING' where user_id > $1 and user_id < 9`,
    [sequence],
  );
}

async function hashes(): Promise<readonly string[]> {
  const { rows } = await desk.database.query<{ hash: string }>(
    'select hash from erasure_receipts order by sequence',
  );
  return rows.map(({ hash }) => hash);
}

async function states(): Promise<readonly string[]> {
  const { rows } = await desk.database.query<{ state: string }>(
    'select current_state as state from user_retirement_status order by user_id',
  );
  return rows.map(({ state }) => state);
}

describe('receipts that a restored backup lacks', () => {
  it('are put back as they were, with their learners’ rows, before the LMS is asked about anybody', async () => {
    await desk.erase('ada', 'grace', 'edsger');
    await exportFile();
    const before = await hashes();
    await restoreTo(1);
    expect((await dry()).json()).toMatchObject({
      before: { lastSequence: 1 },
      file: { lastSequence: 3 },
      receipts: 2,
      people: [
        { userId: 2, receipt: 2, outcome: 'wanted' },
        { userId: 3, receipt: 3, outcome: 'wanted' },
      ],
    });
    expect(await hashes()).toHaveLength(1);

    const ran = await replay();
    expect(ran).toMatchObject({ status: 1, stdout: '' });
    expect(ran.stderr).toContain('the receipts are put back, but nobody could be begun: ');
    expect(ran.stderr).toContain('run this command again');
    expect(await hashes()).toEqual(before);
    expect(await states()).toEqual(['COMPLETE', 'COMPLETE', 'COMPLETE']);
    expect(await desk.run('retirement', 'verify', '--all')).toMatchObject({ status: 0, stderr: '' });
    // Nobody was begun, so they are still to be.
    expect((await dry()).json()).toMatchObject({ receipts: 0, people: [{ userId: 2 }, { userId: 3 }] });
  });

  it('are put back all or none', async () => {
    await desk.erase('ada', 'grace', 'edsger');
    await exportFile();
    await restoreTo(1);
    await desk.database.query(`
      create function refuse() returns trigger language plpgsql as $$ begin raise 'no room'; end $$;
      create trigger refuse before insert on erasure_receipts for each row when (new.sequence = 3)
        execute function refuse();`);
    expect(await replay()).toMatchObject({ status: 1 });
    expect(await hashes()).toHaveLength(1);
    expect(await states()).toEqual(['COMPLETE', 'PENDING', 'PENDING']);
    await desk.database.query('drop trigger refuse on erasure_receipts');
    await replay();
    expect(await hashes()).toHaveLength(3);
  });

  it('bring a later look along, which is not due any more, and whom it found again', async () => {
    await desk.erase('ada', 'grace');
    await restoreTo(2);
    await desk.database.query('update user_retirement_status set probe_due_at = now()');
    await desk.probe(1, 1, 'came-back');
    await desk.probe(2, 2, 'gone');
    await exportFile();
    await restoreTo(2);
    expect((await dry()).json()).toMatchObject({ receipts: 2, people: [{ userId: 1, receipt: 1 }] });
    await replay();
    const { rows } = await desk.database.query('select probe_due_at from user_retirement_status');
    expect(rows).toEqual([{ probe_due_at: null }, { probe_due_at: null }]);
  });

  it('come with the public part of a key that the backup is too old for', async () => {
    await desk.erase('ada');
    await exportFile();
    const keyId = await desk.keyId();
    const pem = path.join(desk.folder, 'registrar.pem');
    writeFileSync(pem, (await desk.run('receipts', 'key')).stdout);
    await restoreTo(0);
    await desk.database.query('delete from erasure_keys');
    const without = await replay();
    expect(without.status).toBe(2);
    expect(without.stderr).toContain('--key FILE.pem');
    await replay('--key', pem);
    const { rows } = await desk.database.query('select key_id, secret from erasure_keys');
    expect(rows).toEqual([{ key_id: keyId, secret: null }]);
    expect(await desk.run('retirement', 'verify', '--all')).toMatchObject({ status: 0 });
  });

  it('are believed by the configuration’s key, and by earlier ones that it names', async () => {
    await desk.erase('ada');
    const earlier = await desk.keyId();
    desk.configure({ signingKey, tokenKey, earlierKeys: [earlier] });
    await desk.erase('grace');
    await exportFile();
    await restoreTo(0);
    await desk.database.query('delete from erasure_keys');
    expect((await dry()).json()).toMatchObject({ receipts: 2 });
    await replay();
    expect(await desk.run('retirement', 'verify', '--all')).toMatchObject({ status: 0, stderr: '' });
    expect(await desk.keyId()).toBe(signingKeyFrom(signingKey).keyId);
  });
});

describe('a file that is refused', () => {
  it('does not hold: a line a finding, and nothing is put back', async () => {
    await desk.erase('ada', 'grace', 'edsger');
    await exportFile();
    await restoreTo(1);
    writeFileSync(file, readFileSync(file, 'utf8').replace('\\"userId\\":2', '\\"userId\\":7'));
    const ran = await replay();
    expect(ran).toMatchObject({ status: 1, stdout: '' });
    const [first, ...rest] = complaints(ran);
    expect(first).toContain('does not hold, so nothing was put back');
    expect(rest.join('\n')).toContain('receipt 2: its body was altered');
    expect(await hashes()).toHaveLength(1);
  });

  it('is of another installation', async () => {
    desk.configure({ signingKey });
    await desk.erase('ada');
    await exportFile();
    await restoreTo(0);
    await desk.database.query('delete from user_retirement_status');
    await desk.erase('grace', 'edsger');
    const ran = await replay();
    expect(ran).toMatchObject({ status: 4, stdout: '' });
    expect(ran.stderr).toContain('another installation');
  });

  it('parts from a chain that went on before it was replayed', async () => {
    await desk.erase('ada', 'grace');
    await exportFile();
    await restoreTo(1);
    await desk.erase('edsger');
    for (const ran of [await replay(), await dry()]) {
      expect(ran).toMatchObject({ status: 4, stdout: '' });
      expect(ran.stderr).toContain('the same receipts up to 1, and others from 2 on');
      expect(ran.stderr).toContain('before any worker starts');
    }
    expect(await hashes()).toHaveLength(2);
  });

  it('is not there', async () => {
    await desk.erase('ada');
    expect(await replay()).toMatchObject({ status: 3 });
  });

  it('is no plain file, which might have no end', async () => {
    await desk.erase('ada');
    for (const where of ['/dev/null', '/dev/zero', desk.folder]) {
      const ran = await desk.run('receipts', 'replay', where);
      expect(ran).toMatchObject({ status: 2, stdout: '' });
      expect(ran.stderr).toContain(`${where} is no plain file`);
    }
  });

  it('has a line that no export has', async () => {
    await desk.erase('ada');
    await exportFile();
    truncateSync(file, 20 * 1024 * 1024);
    const ran = await replay();
    expect(ran).toMatchObject({ status: 1, stdout: '' });
    expect(ran.stderr).toContain('a line of more than 16 MiB');
    expect(await hashes()).toHaveLength(1);
  });
});

describe('a file that is older than the database', () => {
  it('has nothing to put back', async () => {
    await desk.erase('ada');
    await exportFile();
    await desk.erase('grace');
    expect((await dry()).json()).toMatchObject({ receipts: 0, people: [] });
  });
});

describe('an export', () => {
  it('does not write over a file that is no export', async () => {
    writeFileSync(file, 'a key\n');
    await desk.erase('ada');
    const ran = await desk.run('receipts', 'export', file);
    expect(ran).toMatchObject({ status: 4, stdout: '' });
    expect(ran.stderr).toContain('is there and is no export');
    expect(readFileSync(file, 'utf8')).toBe('a key\n');
  });

  it('does not write over a file with receipts that are not here', async () => {
    await desk.erase('ada', 'grace');
    await exportFile();
    const text = readFileSync(file, 'utf8');
    await restoreTo(1);
    for (const erased of [[], ['edsger']]) {
      await desk.erase(...erased);
      const ran = await desk.run('receipts', 'export', file);
      expect(ran).toMatchObject({ status: 4, stdout: '' });
      expect(ran.stderr).toContain('`registrar receipts replay ');
      expect(readFileSync(file, 'utf8')).toBe(text);
    }
  });

  it('writes over an older one, and over an empty file', async () => {
    writeFileSync(file, '');
    await desk.erase('ada');
    await exportFile();
    await desk.erase('grace');
    await exportFile();
    expect(readFileSync(file, 'utf8').trim().split('\n')).toHaveLength(4);
  });
});
