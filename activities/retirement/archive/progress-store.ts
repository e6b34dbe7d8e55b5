import type { Queryable } from '../../../db/database.ts';
import { heldBecause, type ReportDoubt } from './holding-store.ts';

export interface BatchStanding {
  readonly learners: number;
  readonly cleaned: number;
  readonly forgotten: number;
}

/** The file lies where it belongs and was read back: its bytes need not be here any longer. */
export async function recordWritten(db: Queryable, batchId: number, destination: string): Promise<void> {
  await db.query(
    `update archive_batches set written_at = now(), content = null, destination = $2
     where batch_id = $1::bigint and planned_at is not null and written_at is null`,
    [batchId, destination],
  );
}

/** The LMS has no row of these learners any more. Nothing is recorded before the batch's file is written. */
export async function recordCleaned(
  db: Queryable,
  batchId: number,
  retirementIds: readonly number[],
): Promise<void> {
  await db.query(
    `update archived_retirements as archived set lms_cleaned_at = now(), refused_because = null
     from archive_batches as batch
     where batch.batch_id = $1::bigint and batch.written_at is not null
       and archived.batch_id = batch.batch_id and archived.retirement_id = any($2::bigint[])
       and archived.lms_cleaned_at is null`,
    [batchId, retirementIds],
  );
}

export async function recordRefused(
  db: Queryable,
  retirementId: number,
  because: string | null,
): Promise<void> {
  await db.query(
    `update archived_retirements set refused_because = $2
     where retirement_id = $1::bigint and lms_cleaned_at is null`,
    [retirementId, because],
  );
}

/** Learners whom nobody can name to the LMS any more, because somebody else removed our row of them. */
export async function refuseMissing(db: Queryable, batchId: number, because: string): Promise<void> {
  await db.query(
    `update archived_retirements as archived set refused_because = $2
     where archived.batch_id = $1::bigint and archived.lms_cleaned_at is null
       and not exists (
         select from user_retirement_status as status
         where status.user_id = archived.user_id and status.retirement_id = archived.retirement_id)`,
    [batchId, because],
  );
}

export async function listRefused(
  db: Queryable,
  batchId: number,
): Promise<readonly { readonly userId: number; readonly because: string }[]> {
  const { rows } = await db.query<{ userId: number; because: string }>(
    `select user_id as "userId", refused_because as because from archived_retirements
     where batch_id = $1::bigint and refused_because is not null
     order by retirement_id`,
    [batchId],
  );
  return rows;
}

/**
 * Deletes our rows of the learners whom the LMS has given up and no partner report needs, and notes when the whole batch is done.
 */
export async function deleteForgotten(
  db: Queryable,
  batchId: number,
  { queueStates, settlingBefore }: ReportDoubt,
): Promise<void> {
  await db.query(
    `with due as (
       select retirement_id, user_id from archived_retirements as archived
       where batch_id = $1::bigint and lms_cleaned_at is not null and forgotten_at is null
         and not exists (select from partner_report_rows as reported where reported.user_id = archived.user_id)
         and not exists (
           select from user_retirement_status as status
           where status.user_id = archived.user_id and status.retirement_id = archived.retirement_id
             and (${heldBecause('$2', '$3')}) is not null)
     ), deleted as (
       delete from user_retirement_status as status using due
       where status.user_id = due.user_id and status.retirement_id = due.retirement_id
     )
     update archived_retirements as archived set forgotten_at = now() from due
     where archived.retirement_id = due.retirement_id`,
    [batchId, queueStates, settlingBefore],
  );
  await db.query(
    `update archive_batches as batch
     set forgotten_at = now(), cleaned_at = (
       select max(lms_cleaned_at) from archived_retirements as archived where archived.batch_id = batch.batch_id)
     where batch.batch_id = $1::bigint and batch.forgotten_at is null
       and not exists (
         select from archived_retirements as archived
         where archived.batch_id = batch.batch_id and archived.forgotten_at is null)`,
    [batchId],
  );
}

export async function oneStanding(db: Queryable, batchId: number): Promise<BatchStanding> {
  const { rows } = await db.query<BatchStanding>(
    `select count(*) as learners, count(lms_cleaned_at) as cleaned, count(forgotten_at) as forgotten
     from archived_retirements where batch_id = $1::bigint`,
    [batchId],
  );
  const [standing] = rows;
  if (standing === undefined) throw new Error('a count has one row');
  return standing;
}
