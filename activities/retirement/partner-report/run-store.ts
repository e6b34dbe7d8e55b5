import type { Queryable } from '../../../db/database.ts';
import type { PartnerReportResult } from '../../../workflows/retirement/contract.ts';

/** LMS user ids that a result names. */
const MOST_LEFT = 200;

/** What a run did, by its rows: the same however often its steps were repeated. */
export async function summariseRun(
  db: Queryable,
  runId: string,
): Promise<Omit<PartnerReportResult, 'deleted'>> {
  const { rows } = await db.query<Omit<PartnerReportResult, 'deleted'>>(
    `with finished as (select * from partner_report_batches where run_id = $1),
       asked as (select * from partner_report_requests where run_id = $1),
       left_over as (
         select distinct l.user_id from partner_report_requests q cross join lateral unnest(q.left_user_ids) as l(user_id)
         where q.looked_by = $1)
     select
       (select coalesce(json_agg(id order by id), '[]') from finished) as batches,
       (select coalesce(sum(learners), 0)::bigint from finished) as learners,
       (select count(*) from partner_report_files f join finished b on b.id = f.batch_id) as files,
       (select coalesce(sum(missing), 0)::bigint from finished) as missing,
       (select coalesce(sum(unreadable), 0)::bigint from asked) as unreadable,
       (select count(*) from asked where outcome = 'lost') as lost,
       (select coalesce(sum(learners), 0)::bigint from finished where recovered) as recovered,
       (select count(*) from left_over) as "left",
       (select coalesce(json_agg(user_id order by user_id), '[]')
        from (select user_id from left_over order by user_id limit $2) as first) as "leftUserIds"`,
    [runId, MOST_LEFT],
  );
  const [summary] = rows;
  if (summary === undefined) throw new Error('the summary is empty');
  return summary;
}
