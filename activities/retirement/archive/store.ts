import type { Queryable } from '../../../db/database.ts';
import { heldBecause, type ReportDoubt } from './holding-store.ts';

/** A learner of a batch, as long as our own row of them is there. */
export interface BatchLearner {
  readonly userId: number;
  readonly retirementId: number;
  readonly originalUsername: string;
  readonly originalEmail: string;
  readonly originalName: string;
  readonly retiredUsername: string;
  readonly retiredEmail: string;
  readonly currentState: string;
  readonly requestedAt: Date;
  readonly modifiedAt: Date;
}

/** A batch whose learners are not all forgotten. */
export interface UnfinishedBatch {
  readonly batchId: number;
  /** Its learners, its file's key and bytes are fixed. */
  readonly isPlanned: boolean;
}

export interface PlannedBatch {
  readonly fileKey: string;
  readonly digest: string;
  /** Null when the file is written. */
  readonly content: Uint8Array | null;
  /** Where the file was written to; null when it is not. */
  readonly destination: string | null;
}

/** Learners who may be archived: COMPLETE here, asked before $1, of no batch yet, and wanted for no partner report ($2, $3). */
const archivable = `
  status.current_state = 'COMPLETE' and status.requested_at < $1::timestamptz
  and not exists (
    select from archived_retirements as archived where archived.retirement_id = status.retirement_id)
  and (${heldBecause('$2', '$3')}) is null`;

/** Who may be archived now. */
export interface Archivable {
  /** Requested their retirement before. */
  readonly before: Date;
  readonly doubt: ReportDoubt;
}

/** Claims the next learners, in the order of their rows in the LMS, for a new batch; undefined when there is none. */
export async function insertBatch(
  db: Queryable,
  asked: Archivable & { readonly afterRetirementId: number; readonly size: number },
): Promise<{ readonly batchId: number; readonly lastRetirementId: number } | undefined> {
  const { rows } = await db.query<{ batchId: number; lastRetirementId: number }>(
    `with chosen as (
       select status.retirement_id, status.user_id from user_retirement_status as status
       where ${archivable} and status.retirement_id > $4::bigint
       order by status.retirement_id
       limit $5::bigint
       for update skip locked
     ), batch as (
       insert into archive_batches (claimed_at) select now() where exists (select from chosen) returning batch_id
     ), claimed as (
       insert into archived_retirements (retirement_id, user_id, batch_id)
       select chosen.retirement_id, chosen.user_id, batch.batch_id from chosen, batch
     )
     select batch.batch_id as "batchId", (select max(retirement_id) from chosen) as "lastRetirementId" from batch`,
    [asked.before, asked.doubt.queueStates, asked.doubt.settlingBefore, asked.afterRetirementId, asked.size],
  );
  return rows[0];
}

/**
 * Of these rows of the LMS's, the retirement ids of those that are no COMPLETE row here. Left out are those that were archived:
 * an LMS that was restored from a backup shows them again, and they must not come back here.
 */
export async function listUnlike(
  db: Queryable,
  complete: readonly { readonly userId: number; readonly retirementId: number }[],
): Promise<readonly number[]> {
  const { rows } = await db.query<{ retirementId: number }>(
    `select listed.retirement_id as "retirementId"
     from unnest($1::bigint[], $2::bigint[]) as listed(user_id, retirement_id)
     where not exists (
         select from user_retirement_status as status
         where status.user_id = listed.user_id and status.retirement_id = listed.retirement_id
           and status.current_state = 'COMPLETE')
       and not exists (
         select from archived_retirements as archived where archived.retirement_id = listed.retirement_id)
     order by listed.retirement_id`,
    [complete.map(({ userId }) => userId), complete.map(({ retirementId }) => retirementId)],
  );
  return rows.map(({ retirementId }) => retirementId);
}

/** LMS user ids of those who may be archived. */
export async function listArchivable(
  db: Queryable,
  { before, doubt }: Archivable,
): Promise<readonly number[]> {
  const { rows } = await db.query<{ userId: number }>(
    `select status.user_id as "userId" from user_retirement_status as status where ${archivable}
     order by status.retirement_id`,
    [before, doubt.queueStates, doubt.settlingBefore],
  );
  return rows.map(({ userId }) => userId);
}

/** Learners of batches who are not forgotten yet. */
export async function countUnfinished(db: Queryable): Promise<number> {
  const { rows } = await db.query<{ learners: number }>(
    'select count(*) as learners from archived_retirements where forgotten_at is null',
  );
  return rows[0]?.learners ?? 0;
}

/** The next batch after `afterBatchId` that is not finished. */
export async function findUnfinishedBatch(
  db: Queryable,
  afterBatchId: number,
): Promise<UnfinishedBatch | undefined> {
  const { rows } = await db.query<UnfinishedBatch>(
    `select batch_id as "batchId", planned_at is not null as "isPlanned" from archive_batches
     where batch_id > $1::bigint and forgotten_at is null
     order by batch_id limit 1`,
    [afterBatchId],
  );
  return rows[0];
}

/** Learners of a batch whom the LMS may still have, in the order of its rows. Those whose own row is missing are not there. */
export async function listBatchLearners(db: Queryable, batchId: number): Promise<readonly BatchLearner[]> {
  const { rows } = await db.query<BatchLearner>(
    `select status.user_id as "userId", status.retirement_id as "retirementId",
            status.original_username as "originalUsername", status.original_email as "originalEmail",
            status.original_name as "originalName", status.retired_username as "retiredUsername",
            status.retired_email as "retiredEmail", status.current_state as "currentState",
            status.requested_at as "requestedAt", status.modified_at as "modifiedAt"
     from archived_retirements as archived join user_retirement_status as status using (retirement_id, user_id)
     where archived.batch_id = $1::bigint and archived.lms_cleaned_at is null
     order by archived.retirement_id`,
    [batchId],
  );
  return rows;
}

/** Locks a batch and returns the retirements in it; undefined when it is planned, or not there any more. */
export async function lockUnplannedBatch(
  db: Queryable,
  batchId: number,
): Promise<readonly number[] | undefined> {
  const { rowCount } = await db.query(
    'select from archive_batches where batch_id = $1::bigint and planned_at is null for update',
    [batchId],
  );
  if (rowCount === 0) return undefined;
  const { rows } = await db.query<{ retirementId: number }>(
    `select retirement_id as "retirementId" from archived_retirements where batch_id = $1::bigint
     order by retirement_id`,
    [batchId],
  );
  return rows.map(({ retirementId }) => retirementId);
}

export async function deleteFromBatch(
  db: Queryable,
  batchId: number,
  retirementIds: readonly number[],
): Promise<void> {
  await db.query(
    'delete from archived_retirements where batch_id = $1::bigint and retirement_id = any($2::bigint[])',
    [batchId, retirementIds],
  );
}

export async function deleteBatch(db: Queryable, batchId: number): Promise<void> {
  await db.query('delete from archive_batches where batch_id = $1::bigint', [batchId]);
}

export async function fixBatch(
  db: Queryable,
  batchId: number,
  file: {
    readonly plannedAt: Date;
    readonly key: string;
    readonly digest: string;
    readonly content: Uint8Array;
  },
): Promise<void> {
  await db.query(
    `update archive_batches set planned_at = $2, file_key = $3, digest = $4, content = $5
     where batch_id = $1::bigint and planned_at is null`,
    [batchId, file.plannedAt, file.key, file.digest, Buffer.from(file.content)],
  );
}

export async function findPlannedBatch(db: Queryable, batchId: number): Promise<PlannedBatch | undefined> {
  const { rows } = await db.query<PlannedBatch>(
    `select file_key as "fileKey", digest, content, destination from archive_batches
     where batch_id = $1::bigint and planned_at is not null`,
    [batchId],
  );
  return rows[0];
}

/** The newest retirement of a person whom the archive has and nobody else. */
export async function findArchived(
  db: Queryable,
  userId: number,
): Promise<{ readonly userId: number; readonly archivedAt: Date } | undefined> {
  const { rows } = await db.query<{ userId: number; archivedAt: Date }>(
    `select archived.user_id as "userId", batch.written_at as "archivedAt"
     from archived_retirements as archived join archive_batches as batch using (batch_id)
     where archived.user_id = $1::bigint and archived.forgotten_at is not null
     order by archived.retirement_id desc limit 1`,
    [userId],
  );
  return rows[0];
}

/** True once a batch of the archive has the learner: from then on nothing can be run again. */
export async function isClaimed(db: Queryable, retirementId: number): Promise<boolean> {
  const { rowCount } = await db.query('select from archived_retirements where retirement_id = $1::bigint', [
    retirementId,
  ]);
  return rowCount !== 0;
}
