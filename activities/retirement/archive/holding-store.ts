import type { Queryable } from '../../../db/database.ts';
import type { HeldLearners } from '../../../domain/retirement/archive.ts';

/** Whose rows an answer of the LMS that was lost would be made up from. */
export interface ReportDoubt {
  /** End states of the stages that put learners into the partners' queue. */
  readonly queueStates: readonly string[];
  /** Requests from before hold nobody; null: all that are not settled do. */
  readonly settlingBefore: Date | null;
}

/**
 * SQL: why the learner of the row `status` waits, or null. For a look at the erasure that is to come, and a day longer; for a
 * service that knew them when it was last asked, since without their rows nobody could erase them anew. For partner reports: their row of a report names them too; and as long as
 * the answer to a request may be lost, those who were in the partners' queue and not reported since may be in it: it is made
 * up from our rows. `queueStates` and `settlingBefore` are placeholders.
 */
export function heldBecause(queueStates: string, settlingBefore: string): string {
  return `
    case
      when status.probe_due_at > now() - interval '1 day'
        then 'the services are to be asked about the erasure once more'
      when (
          select strpos(receipt.body, '"result":"still-there"') + strpos(receipt.body, '"result":"came-back"') > 0
          from erasure_receipts as receipt
          where receipt.user_id = status.user_id and receipt.retirement_id = status.retirement_id
          order by receipt.sequence desc limit 1)
        then 'a service knew the learner when it was last asked: run the retirement again'
      when exists (select from partner_report_rows as reported where reported.user_id = status.user_id)
        then 'in a partner report under way'
      when exists (
          select from partner_report_requests as request
          where request.outcome in ('asked', 'lost') and not request.settled
            and request.asked_at >= coalesce(${settlingBefore}::timestamptz, '-infinity'))
        and exists (
          select from jsonb_each(status.stage_outcomes) as ended(state, outcome)
          where ended.state = any(${queueStates}::text[])
            and not exists (
              select from partner_reported_learners as told
              where told.user_id = status.user_id
                and told.reported_at >= (ended.outcome ->> 'at')::timestamptz))
        then 'maybe in an answer to a partner report that was lost'
    end`;
}

/**
 * Learners who are old enough for the archive and wait for partner reports: in no batch yet, or cleaned up in the LMS and not
 * forgotten here. Those of batches whom the LMS has yet to give up are refused.
 */
export async function countHeld(
  db: Queryable,
  { before, doubt }: { readonly before: Date; readonly doubt: ReportDoubt },
): Promise<readonly HeldLearners[]> {
  const { rows } = await db.query<HeldLearners>(
    `select because, count(*) as learners
     from (
       select ${heldBecause('$2', '$3')} as because
       from user_retirement_status as status left join archived_retirements as archived using (retirement_id)
       where status.current_state = 'COMPLETE' and status.requested_at < $1::timestamptz
         and (archived.batch_id is null or archived.lms_cleaned_at is not null)
     ) as waiting
     where because is not null
     group by because order by because`,
    [before, doubt.queueStates, doubt.settlingBefore],
  );
  return rows;
}

/** Writes down why learners of a batch whom the LMS has not given up wait; returns their retirement ids. */
export async function refuseHeld(
  db: Queryable,
  batchId: number,
  { queueStates, settlingBefore }: ReportDoubt,
): Promise<readonly number[]> {
  const { rows } = await db.query<{ retirementId: number }>(
    `with held as (
       select status.retirement_id, ${heldBecause('$2', '$3')} as because
       from archived_retirements as archived join user_retirement_status as status using (retirement_id)
       where archived.batch_id = $1::bigint and archived.lms_cleaned_at is null
     )
     update archived_retirements as archived set refused_because = held.because from held
     where archived.retirement_id = held.retirement_id and held.because is not null
     returning archived.retirement_id as "retirementId"`,
    [batchId, queueStates, settlingBefore],
  );
  return rows.map(({ retirementId }) => retirementId);
}
