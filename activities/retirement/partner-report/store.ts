import type { Queryable } from '../../../db/database.ts';

/** Every function takes a {@link Queryable} first. Rows of learners are JSON as the LMS sent them. */

/** Written before the LMS is asked; returns the request's id. */
export async function insertRequest(
  db: Queryable,
  asked: { readonly reportDate: string; readonly runId: string },
): Promise<number> {
  const { rows } = await db.query<{ id: number }>({
    name: 'insert-partner-request',
    text: `insert into partner_report_requests (report_date, run_id) values ($1::date, $2) returning id`,
    values: [asked.reportDate, asked.runId],
  });
  const [row] = rows;
  if (row === undefined) throw new Error('the request was not written');
  return row.id;
}

/** The LMS did nothing. */
export async function recordRefusal(db: Queryable, requestId: number): Promise<void> {
  await db.query(
    `update partner_report_requests set outcome = 'refused', settled = true where id = $1::bigint and outcome = 'asked'`,
    [requestId],
  );
}

export interface KeptRow {
  readonly userId: number;
  readonly content: string;
}

/**
 * Keeps rows as a batch of their own. Left out are learners who are kept already, and those who were reported since the LMS was
 * asked: an answer that comes late tells of nobody twice. Returns how many were kept; no batch is made for none.
 */
export async function insertBatch(
  db: Queryable,
  batch: {
    readonly requestId: number;
    readonly rows: readonly KeptRow[];
    readonly recovered: boolean;
  },
): Promise<number> {
  const { rows } = await db.query<{ count: number }>({
    name: 'insert-partner-batch',
    text: `
      with given as (
        select distinct on (g.user_id) g.user_id, g.content
        from unnest($2::bigint[], $3::text[]) as g(user_id, content)
        where not exists (select from partner_report_rows r where r.user_id = g.user_id)
          and not exists (
            select from partner_reported_learners p join partner_report_requests q on q.id = $1::bigint
            where p.user_id = g.user_id and p.reported_at > q.asked_at)
        order by g.user_id),
      batch as (
        insert into partner_report_batches (request_id, learners, recovered)
        select $1::bigint, count(*), $4::boolean from given having count(*) > 0
        returning id),
      kept as (
        insert into partner_report_rows (batch_id, user_id, content)
        select batch.id, given.user_id, given.content::json from batch, given
        returning 1)
      select count(*) from kept`,
    values: [
      batch.requestId,
      batch.rows.map((row) => row.userId),
      batch.rows.map((row) => row.content),
      batch.recovered,
    ],
  });
  return rows[0]?.count ?? 0;
}

export async function recordAnswer(
  db: Queryable,
  answered: { readonly requestId: number; readonly unreadable: number },
): Promise<void> {
  await db.query(
    `update partner_report_requests set outcome = 'answered', settled = true, unreadable = $2 where id = $1::bigint`,
    [answered.requestId, answered.unreadable],
  );
}

/** Content of every row that is kept and not delivered. */
export async function listUndeliveredContent(db: Queryable): Promise<readonly unknown[]> {
  const { rows } = await db.query<{ content: unknown }>(
    `select r.content from partner_report_rows r join partner_report_batches b on b.id = r.batch_id
     where b.delivered_at is null order by r.batch_id, r.user_id`,
  );
  return rows.map((row) => row.content);
}

export interface OpenBatch {
  readonly id: number;
  readonly isDelivered: boolean;
}

export async function listOpenBatches(db: Queryable): Promise<readonly OpenBatch[]> {
  const { rows } = await db.query<OpenBatch>(
    `select id, delivered_at is not null as "isDelivered" from partner_report_batches
     where finished_at is null order by id`,
  );
  return rows;
}

export interface LockedBatch {
  /** YYYY-MM-DD */
  readonly reportDate: string;
  readonly isDelivered: boolean;
  readonly isFinished: boolean;
}

/** In a transaction: nobody else delivers or finishes the batch meanwhile. */
export async function lockBatch(db: Queryable, batchId: number): Promise<LockedBatch> {
  const { rows } = await db.query<LockedBatch>(
    `select to_char(q.report_date, 'YYYY-MM-DD') as "reportDate", b.delivered_at is not null as "isDelivered",
       b.finished_at is not null as "isFinished"
     from partner_report_batches b join partner_report_requests q on q.id = b.request_id
     where b.id = $1::bigint for update of b`,
    [batchId],
  );
  const [batch] = rows;
  if (batch === undefined) throw new Error(`no batch ${batchId}`);
  return batch;
}

export async function listContent(db: Queryable, batchId: number): Promise<readonly unknown[]> {
  const { rows } = await db.query<{ content: unknown }>(
    `select content from partner_report_rows where batch_id = $1::bigint order by user_id`,
    [batchId],
  );
  return rows.map((row) => row.content);
}

/** The rows are with every partner. */
export async function recordDelivery(db: Queryable, batchId: number): Promise<void> {
  await db.query(
    `update partner_report_batches set delivered_at = now() where id = $1::bigint and delivered_at is null`,
    [batchId],
  );
}

/** In a transaction: forgets the rows of a batch whose clean-up the LMS has confirmed; what stays is counts and LMS user ids. */
export async function finishBatch(
  db: Queryable,
  finished: { readonly batchId: number; readonly missing: number; readonly runId: string },
): Promise<void> {
  await db.query(
    `insert into partner_reported_learners (user_id)
     select user_id from partner_report_rows where batch_id = $1::bigint
     on conflict (user_id) do update set reported_at = excluded.reported_at`,
    [finished.batchId],
  );
  await db.query(`delete from partner_report_rows where batch_id = $1::bigint`, [finished.batchId]);
  await db.query(
    `update partner_report_batches set finished_at = now(), missing = $2, run_id = $3 where id = $1::bigint`,
    [finished.batchId, finished.missing, finished.runId],
  );
}

export interface DeliveredFile {
  readonly partner: string;
  readonly name: string;
  readonly learners: number;
}

export async function listDeliveredFiles(
  db: Queryable,
  batchIds: readonly number[],
): Promise<readonly DeliveredFile[]> {
  const { rows } = await db.query<DeliveredFile>(
    `select partner, name, learners from partner_report_files
     where batch_id = any($1::bigint[]) and delivered_at is not null order by partner, name`,
    [batchIds],
  );
  return rows;
}
