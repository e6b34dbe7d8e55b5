import type { Queryable } from '../../db/database.ts';
import type { ChainEnd } from '../../receipts/chain-places.ts';
import type { VerifyingKey } from '../../receipts/signing-keys.ts';
import type { StoredReceipt } from '../../receipts/stored-receipt.ts';

/** Hashes of the receipts at these places, as far as there are any. */
export async function listHashesAt(
  db: Queryable,
  sequences: readonly number[],
): Promise<ReadonlyMap<number, string>> {
  const { rows } = await db.query<{ readonly sequence: number; readonly hash: string }>(
    'select sequence, hash from erasure_receipts where sequence = any($1::bigint[])',
    [sequences],
  );
  return new Map(rows.map(({ sequence, hash }) => [sequence, hash]));
}

/** The chain's end as its row has it, and the last receipt that is there. */
export async function findEnds(
  db: Queryable,
): Promise<{ readonly noted: ChainEnd; readonly last: number } | undefined> {
  const { rows } = await db.query<ChainEnd & { readonly last: number }>(
    `select last_sequence as "lastSequence", last_hash as "lastHash",
            (select coalesce(max(sequence), 0) from erasure_receipts) as last
     from erasure_receipt_chain`,
  );
  return rows.map(({ last, ...noted }) => ({ noted, last }))[0];
}

export async function insertReceipts(db: Queryable, receipts: readonly StoredReceipt[]): Promise<void> {
  const column = (name: keyof StoredReceipt): readonly unknown[] => receipts.map((receipt) => receipt[name]);
  await db.query(
    `insert into erasure_receipts
       (sequence, kind, user_id, retirement_id, username_token, email_token, token_key_id, body, previous_hash, hash,
        signing_key_id, signature, issued_at)
     select * from unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[],
       $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::timestamptz[])`,
    [
      column('sequence'),
      column('kind'),
      column('userId'),
      column('retirementId'),
      column('usernameToken'),
      column('emailToken'),
      column('tokenKeyId'),
      column('body'),
      column('previousHash'),
      column('hash'),
      column('signingKeyId'),
      column('signature'),
      column('issuedAt'),
    ],
  );
}

export async function moveEnd(db: Queryable, { lastSequence, lastHash }: ChainEnd): Promise<void> {
  await db.query(
    'update erasure_receipt_chain set last_sequence = $1::bigint, last_hash = $2 where is_only',
    [lastSequence, lastHash],
  );
}

/**
 * Remembers the public part of a signing key; false when it is known. As old as its first receipt, because which of two keys is
 * newer counts.
 */
export async function insertPublicKey(
  db: Queryable,
  { keyId, publicKey }: VerifyingKey,
  firstUsedAt: Date,
): Promise<boolean> {
  const { rowCount } = await db.query(
    `insert into erasure_keys (purpose, key_id, public_key, created_at) values ('signing', $1, $2, $3)
     on conflict do nothing`,
    [keyId, Buffer.from(publicKey), firstUsedAt],
  );
  return rowCount === 1;
}

/** Somebody whom a receipt of a file says to be erased. */
export interface ErasedPerson {
  readonly userId: number;
  readonly retirementId: number;
  /** Sequence of the newest erasure's receipt. */
  readonly receipt: number;
}

/** In `responses`; by it is known, also after a death, who is to be erased once more. */
function markOf(receipt: string): string {
  return `'restored: receipt ' || ${receipt} || ' was put back'`;
}

/**
 * Rows become COMPLETE, as they were before the backup was restored, with a line that says so; answers whose they are. Of somebody
 * whose row is of another retirement, or not there, nothing is written. `at` is ISO 8601.
 */
export async function markComplete(
  db: Queryable,
  people: readonly ErasedPerson[],
  at: string,
): Promise<readonly number[]> {
  const { rows } = await db.query<{ readonly userId: number }>(
    `update user_retirement_status as status
     set last_state = case when current_state = 'COMPLETE' then last_state else current_state end,
         current_state = 'COMPLETE', last_failure = null, probe_due_at = null,
         responses = responses || $4 || ' ' || ${markOf('erased.receipt')} || e': to be erased once more\\n',
         modified_at = now()
     from unnest($1::bigint[], $2::bigint[], $3::bigint[]) as erased(user_id, retirement_id, receipt)
     where status.user_id = erased.user_id and status.retirement_id = erased.retirement_id
     returning status.user_id as "userId"`,
    [
      people.map(({ userId }) => userId),
      people.map(({ retirementId }) => retirementId),
      people.map(({ receipt }) => receipt),
      at,
    ],
  );
  return rows.map(({ userId }) => userId);
}

/** A later look that was put back is not to come any more. */
export async function forgetProbesDue(db: Queryable, userIds: readonly number[]): Promise<void> {
  await db.query(
    `update user_retirement_status set probe_due_at = null
     where user_id = any($1::bigint[]) and probe_due_at is not null`,
    [userIds],
  );
}

/** How somebody stands here whom a file says to be erased. */
export interface Standing extends ErasedPerson {
  /** Absent: no row of this retirement. */
  readonly username?: string;
  /** They are in the archive. */
  readonly isArchived: boolean;
  /** Their row was restored, and is {@link markComplete}. */
  readonly isMarked: boolean;
  /** A newer receipt tells of an erasure, and what became of every stage. */
  readonly isErasedSince: boolean;
  /** A user of the statistics is linked to them. */
  readonly isLinked: boolean;
}

export async function listStandings(
  db: Queryable,
  people: readonly ErasedPerson[],
): Promise<readonly Standing[]> {
  const { rows } = await db.query<Omit<Standing, 'username'> & { readonly username: string | null }>(
    `select erased.user_id as "userId", erased.retirement_id as "retirementId", erased.receipt,
       case when status.retirement_id = erased.retirement_id then status.original_username end as username,
       exists (
         select from archived_retirements as archived
         where archived.retirement_id = erased.retirement_id) as "isArchived",
       coalesce(strpos(status.responses, ${markOf('erased.receipt')}) > 0, false) as "isMarked",
       exists (
         select from erasure_receipts as newer
         where newer.user_id = erased.user_id and newer.kind = 'erasure' and newer.sequence > erased.receipt
           and strpos(newer.body, '"outcome":"unknown"') = 0) as "isErasedSince",
       exists (select from users where users.lms_user_id = erased.user_id) as "isLinked"
     from unnest($1::bigint[], $2::bigint[], $3::bigint[]) as erased(user_id, retirement_id, receipt)
     left join user_retirement_status as status using (user_id)
     order by erased.user_id`,
    [
      people.map(({ userId }) => userId),
      people.map(({ retirementId }) => retirementId),
      people.map(({ receipt }) => receipt),
    ],
  );
  return rows.map(({ username, ...standing }) => ({
    ...standing,
    ...(username === null ? {} : { username }),
  }));
}

/** Which of these LMS user ids have a row. */
export async function listKnown(db: Queryable, userIds: readonly number[]): Promise<ReadonlySet<number>> {
  const { rows } = await db.query<{ readonly userId: number }>(
    'select user_id as "userId" from user_retirement_status where user_id = any($1::bigint[])',
    [userIds],
  );
  return new Set(rows.map(({ userId }) => userId));
}

/** A row whose retirement is not over. */
export interface OpenRow {
  readonly userId: number;
  readonly currentState: string;
  readonly dueAt: Date;
}

/** Rows that are neither COMPLETE nor ABORTED, but for those of the LMS user ids given. */
export async function listOpenRows(
  db: Queryable,
  exceptUserIds: readonly number[],
): Promise<readonly OpenRow[]> {
  const { rows } = await db.query<OpenRow>(
    `select user_id as "userId", current_state as "currentState", due_at as "dueAt" from user_retirement_status
     where current_state not in ('COMPLETE', 'ABORTED') and user_id <> all($1::bigint[])
     order by user_id`,
    [exceptUserIds],
  );
  return rows;
}
