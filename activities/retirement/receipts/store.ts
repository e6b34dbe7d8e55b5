import type { Database, Queryable } from '../../../db/database.ts';
import type { ChainEnd } from '../../../receipts/chain-places.ts';
import type { KeptKey } from '../../../receipts/kept-keys.ts';
import { readBody } from '../../../receipts/read-body.ts';
import type { ReceiptProbe } from '../../../receipts/receipt.ts';
import type { StoredReceipt } from '../../../receipts/stored-receipt.ts';

const columns = `
  sequence, kind, user_id as "userId", retirement_id as "retirementId", username_token as "usernameToken",
  email_token as "emailToken", token_key_id as "tokenKeyId", body, previous_hash as "previousHash", hash,
  signing_key_id as "signingKeyId", signature, issued_at as "issuedAt"`;

/** The chain's end, locked until the transaction ends: whoever holds it is the only one to append. */
export async function lockChainEnd(tx: Queryable): Promise<ChainEnd> {
  const { rows } = await tx.query<ChainEnd>({
    name: 'lock-receipt-chain',
    text: `
      select last_sequence as "lastSequence", last_hash as "lastHash" from erasure_receipt_chain where is_only
      for update`,
  });
  const [end] = rows;
  if (end === undefined) {
    throw new Error(
      "erasure_receipt_chain has lost its row: insert one with the last receipt's sequence and hash",
    );
  }
  return end;
}

/**
 * Whether the end is signed with a key (`newer`) that was made after the one with which is to be signed now (`ours`). An hour
 * is longer than any attempt holds what it has read; then a receipt that will not be believed is better than none, and who
 * forges one with a key of theirs holds nobody up.
 */
const endIsOfNewerKey = (sequence: string, ours: string): string => `
  select newer.key_id as "keyId"
  from erasure_receipts as last
  join erasure_keys as newer on newer.purpose = 'signing' and newer.key_id = last.signing_key_id
  join erasure_keys as ours on ours.purpose = 'signing' and ours.key_id = ${ours}::text
  where last.sequence = ${sequence}::bigint and newer.created_at > ours.created_at
    and abs(extract(epoch from clock_timestamp() - last.issued_at)) < 3600`;

/**
 * Appends a receipt and moves the chain's end, unless the person has one of this retirement and kind already whose body
 * has `mark` in it, or the end was signed with a newer key within the last hour; false then. Wants the chain to be locked, so that both looks see
 * what others appended.
 */
export async function appendReceipt(tx: Queryable, receipt: StoredReceipt, mark: string): Promise<boolean> {
  const { rowCount } = await tx.query({
    name: 'append-receipt',
    text: `
      with appended as (
        insert into erasure_receipts
          (sequence, kind, user_id, retirement_id, username_token, email_token, token_key_id, body, previous_hash, hash,
           signing_key_id, signature, issued_at)
        select $1::bigint, $2::text, $3::bigint, $4::bigint, $5::text, $6::text, $7::text, $8::text, $9::text,
               $10::text, $11::text, $12::text, $13::timestamptz
        where not exists (
          select from erasure_receipts
          where user_id = $3 and retirement_id = $4 and kind = $2 and strpos(body, $14::text) > 0)
          and not exists (${endIsOfNewerKey('$1 - 1', '$11')})
        returning sequence, hash)
      update erasure_receipt_chain set last_sequence = appended.sequence, last_hash = appended.hash
      from appended where is_only`,
    values: [
      receipt.sequence,
      receipt.kind,
      receipt.userId,
      receipt.retirementId,
      receipt.usernameToken,
      receipt.emailToken,
      receipt.tokenKeyId,
      receipt.body,
      receipt.previousHash,
      receipt.hash,
      receipt.signingKeyId,
      receipt.signature,
      receipt.issuedAt,
      mark,
    ],
  });
  return rowCount === 1;
}

/** Id of the key that signed the receipt before, if it is newer than the key of this one. */
export async function findNewerKeyBefore(
  db: Queryable,
  { sequence, signingKeyId }: Pick<StoredReceipt, 'sequence' | 'signingKeyId'>,
): Promise<string | undefined> {
  const { rows } = await db.query<{ readonly keyId: string }>(endIsOfNewerKey('$1', '$2'), [
    sequence - 1,
    signingKeyId,
  ]);
  return rows[0]?.keyId;
}

/** The receipt that {@link appendReceipt} found there. */
export async function findReceiptMarked(
  db: Queryable,
  { userId, retirementId, kind }: Pick<StoredReceipt, 'userId' | 'retirementId' | 'kind'>,
  mark: string,
): Promise<StoredReceipt | undefined> {
  const { rows } = await db.query<StoredReceipt>(
    `select ${columns} from erasure_receipts
     where user_id = $1 and retirement_id = $2 and kind = $3 and strpos(body, $4) > 0
     order by sequence limit 1`,
    [userId, retirementId, kind, mark],
  );
  return rows[0];
}

export async function findReceipt(db: Queryable, sequence: number): Promise<StoredReceipt | undefined> {
  const { rows } = await db.query<StoredReceipt>(
    `select ${columns} from erasure_receipts where sequence = $1`,
    [sequence],
  );
  return rows[0];
}

/** The person's last erasure. */
export async function newestErasureOf(db: Queryable, userId: number): Promise<StoredReceipt | undefined> {
  const { rows } = await db.query<StoredReceipt>(
    `select ${columns} from erasure_receipts where user_id = $1 and kind = 'erasure'
     order by sequence desc limit 1`,
    [userId],
  );
  return rows[0];
}

/** What services said right at an erasure, and what they said at later looks; empty where the receipts cannot be read. */
export async function listProbesOf(
  db: Queryable,
  sequence: number,
): Promise<{ readonly first: readonly ReceiptProbe[]; readonly later: readonly ReceiptProbe[] }> {
  const { rows } = await db.query<{ readonly sequence: number; readonly body: string }>(
    `select receipt.sequence, receipt.body from erasure_receipts as receipt
     where receipt.sequence = $1
        or receipt.kind = 'probe' and strpos(receipt.body, $2) > 0
           and receipt.user_id = (select user_id from erasure_receipts where sequence = $1)
     order by receipt.sequence`,
    [sequence, `"of":${sequence},`],
  );
  const probesIn = (row: { readonly body: string }): readonly ReceiptProbe[] =>
    readBody(row.body)?.probes ?? [];
  return {
    first: rows.filter((row) => row.sequence === sequence).flatMap(probesIn),
    later: rows.filter((row) => row.sequence !== sequence).flatMap(probesIn),
  };
}

/** All receipts of these people, in the order of the chain. */
export async function listReceiptsOf(
  db: Queryable,
  userIds: readonly number[],
): Promise<readonly StoredReceipt[]> {
  const { rows } = await db.query<StoredReceipt>(
    `select ${columns} from erasure_receipts where user_id = any($1::bigint[]) order by sequence`,
    [userIds],
  );
  return rows;
}

/** All receipts whose username or address is one of these tokens, in the order of the chain. */
export async function listReceiptsByTokens(
  db: Queryable,
  tokens: readonly string[],
): Promise<readonly StoredReceipt[]> {
  const { rows } = await db.query<StoredReceipt>(
    `select ${columns} from erasure_receipts
     where username_token = any($1::text[]) or email_token = any($1::text[]) order by sequence`,
    [tokens],
  );
  return rows;
}

const BATCH = 1_000;

/** What one look at the chain sees, whatever is appended meanwhile. */
export interface ChainSnapshot {
  readonly db: Queryable;
  readonly end: ChainEnd;
  readonly total: number;
  /** All receipts in order, a batch at a time, so that no more than one is in memory. */
  readonly batches: () => AsyncGenerator<readonly StoredReceipt[]>;
}

/** Runs `work` on the chain as it is now: in one read-only transaction that locks nobody out. */
export async function readChain<Result>(
  database: Database,
  work: (snapshot: ChainSnapshot) => Promise<Result>,
): Promise<Result> {
  return database.transaction(async (tx) => {
    await tx.query('set transaction isolation level repeatable read, read only');
    const { rows } = await tx.query<ChainEnd & { readonly total: number }>(
      `select coalesce(max(last_sequence), 0) as "lastSequence", coalesce(max(last_hash), '') as "lastHash",
              (select count(*) from erasure_receipts) as total
       from erasure_receipt_chain`,
    );
    const { lastSequence = 0, lastHash = '', total = 0 } = rows[0] ?? {};
    return work({ db: tx, end: { lastSequence, lastHash }, total, batches: () => listBatches(tx) });
  });
}

async function* listBatches(db: Queryable): AsyncGenerator<readonly StoredReceipt[]> {
  let after = 0;
  for (;;) {
    const { rows } = await db.query<StoredReceipt>(
      `select ${columns} from erasure_receipts where sequence > $1 order by sequence limit ${BATCH}`,
      [after],
    );
    if (rows.length === 0) return;
    yield rows;
    after = rows.at(-1)?.sequence ?? after;
  }
}

/** People who are COMPLETE, or archived, without a receipt of that retirement; of everybody, or of one. */
export async function listWithoutReceipt(db: Queryable, userId?: number): Promise<readonly number[]> {
  const { rows } = await db.query<{ readonly userId: number }>(
    `select distinct user_id as "userId" from (
       select user_id, retirement_id from user_retirement_status where current_state = 'COMPLETE'
       union all
       select user_id, retirement_id from archived_retirements) as erased
     where ($1::bigint is null or user_id = $1)
       and not exists (
         select from erasure_receipts
         where erasure_receipts.user_id = erased.user_id and erasure_receipts.kind = 'erasure'
           and erasure_receipts.retirement_id = erased.retirement_id)
     order by 1`,
    [userId ?? null],
  );
  return rows.map((row) => row.userId);
}

/** A key and the receipts that it has to do with, as the columns say it. */
export interface KeyUse {
  readonly keyId: string;
  readonly receipts: number;
  readonly from: number;
  readonly to: number;
}

/** Keys by which receipts are signed, or by which their tokens were made, in the order of their first receipts. */
export async function listKeyUses(db: Queryable, purpose: KeptKey['purpose']): Promise<readonly KeyUse[]> {
  const column = purpose === 'signing' ? 'signing_key_id' : 'token_key_id';
  const { rows } = await db.query<KeyUse>(
    `select ${column} as "keyId", count(*) as receipts, min(sequence) as "from", max(sequence) as "to"
     from erasure_receipts group by ${column} order by min(sequence), ${column}`,
  );
  return rows;
}

/** Keys of receipts, in the order in which they were made. */
export async function listKeys(db: Queryable): Promise<readonly KeptKey[]> {
  const { rows } = await db.query<KeptKey>(
    `select purpose, key_id as "keyId", secret, public_key as "publicKey" from erasure_keys
     order by created_at, key_id`,
  );
  return rows;
}

/** Until the transaction ends, nobody else makes keys. */
export async function lockKeys(tx: Queryable): Promise<void> {
  await tx.query(`select pg_advisory_xact_lock(hashtext('registrar receipt keys'))`);
}

/** Remembers a key; one that is known already stays as it is. */
export async function insertKey(
  db: Queryable,
  { purpose, keyId, secret, publicKey }: KeptKey,
): Promise<void> {
  await db.query(
    `insert into erasure_keys (purpose, key_id, secret, public_key) values ($1, $2, $3, $4)
     on conflict do nothing`,
    [purpose, keyId, secret, publicKey],
  );
}
