import type { Queryable } from '../../../db/database.ts';

/** A learner of ours whose row the LMS may have given away. */
export interface Candidate {
  readonly userId: number;
  readonly originalUsername: string;
  readonly originalEmail: string;
  readonly originalName: string;
  readonly organisations: readonly string[];
  /** When the stage that puts learners into the partners' queue ended; null while it has not. */
  readonly queuedAt: string | null;
}

const queuedAt = `(
  select max(o.value ->> 'at') from jsonb_each(u.stage_outcomes) as o(key, value) where o.key = any($1::text[]))`;

/** Whose stages have begun, and who neither is kept nor was reported since anything about them changed. */
export async function listCandidates(
  db: Queryable,
  queueStates: readonly string[],
): Promise<readonly Candidate[]> {
  const { rows } = await db.query<Candidate>(
    `select u.user_id as "userId", u.original_username as "originalUsername", u.original_email as "originalEmail",
       u.original_name as "originalName", u.organisations, ${queuedAt} as "queuedAt"
     from user_retirement_status u
     where u.first_stage_at is not null
       and not exists (select from partner_report_rows r where r.user_id = u.user_id)
       and not exists (
         select from partner_reported_learners p where p.user_id = u.user_id and p.reported_at >= u.modified_at)
     order by u.user_id`,
    [queueStates],
  );
  return rows;
}

/** Organisations of learners who are in the partners' queue by our own rows and were not reported since. */
export async function listWaitingOrganisations(
  db: Queryable,
  queueStates: readonly string[],
): Promise<readonly string[]> {
  const { rows } = await db.query<{ organisation: string }>(
    `select distinct o.organisation
     from user_retirement_status u cross join lateral unnest(u.organisations) as o(organisation)
     where ${queuedAt} is not null and not exists (
       select from partner_reported_learners p
       where p.user_id = u.user_id and p.reported_at >= (${queuedAt})::timestamptz)
     order by o.organisation`,
    [queueStates],
  );
  return rows.map((row) => row.organisation);
}
