import type { Queryable } from '../../../db/database.ts';

export interface LostRequest {
  readonly id: number;
  readonly askedAt: Date;
}

/** Requests whose answer never came, as long as something of them may still turn up. */
export async function listLostRequests(db: Queryable): Promise<readonly LostRequest[]> {
  const { rows } = await db.query<LostRequest>(
    `select id, asked_at as "askedAt" from partner_report_requests
     where outcome in ('asked', 'lost') and not settled order by id`,
  );
  return rows;
}

export async function findLatestRequest(db: Queryable): Promise<number | undefined> {
  const { rows } = await db.query<{ id: number | null }>('select max(id) as id from partner_report_requests');
  return rows[0]?.id ?? undefined;
}

/** Written after a look into lost requests; those asked before `settledBefore` are done with. */
export async function recordLost(
  db: Queryable,
  lost: {
    readonly requestIds: readonly number[];
    readonly settledBefore: Date;
    readonly leftUserIds: readonly number[];
    readonly runId: string;
  },
): Promise<void> {
  await db.query(
    `update partner_report_requests
     set outcome = 'lost', settled = asked_at < $2::timestamptz, left_user_ids = $3::bigint[], looked_by = $4,
       run_id = case outcome when 'asked' then $4 else run_id end
     where id = any($1::bigint[]) and outcome in ('asked', 'lost')`,
    [lost.requestIds, lost.settledBefore, lost.leftUserIds, lost.runId],
  );
}
