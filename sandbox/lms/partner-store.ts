import type { Pool } from 'pg';
import { listRows, oneRow, type Statement } from '../shell/statements.ts';

const take: Statement = {
  name: 'take-partner-reports',
  text: `
    with taken as (
      update partner_reports set is_being_processed = true where not is_being_processed
      returning id, user_id, original_username, original_email, original_name, created)
    select coalesce(json_agg(jsonb_strip_nulls(jsonb_build_object(
      'student_id', c.student_id,
      'orgs_config', c.orgs_config))
      || jsonb_build_object(
      'user_id', t.user_id,
      'original_username', t.original_username,
      'original_email', t.original_email,
      'original_name', t.original_name,
      'orgs', (
        select coalesce(json_agg(distinct e.org), '[]') from enrolments e
        where e.user_id = t.user_id and e.org not in ('', 'outdated_entry')),
      'created', to_char(t.created at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    ) order by t.id), '[]')::text as reports
    from taken t left join partner_columns c on c.user_id = t.user_id`,
};

/** The rows that nobody processes yet, as a JSON array, each marked as being processed by this very call. */
export async function takePartnerReports(pool: Pool): Promise<string> {
  return (await oneRow<{ reports: string }>(pool, take, [])).reports;
}

const finish: Statement = {
  name: 'finish-partner-reports',
  text: `
    with found as (
      select id, user_id, original_username from partner_reports
      where original_username = any($1::text[]) and is_being_processed for update),
    gone as (
      delete from partner_reports p using found f
      where p.id = f.id and (select count(*) from found) = cardinality($1::text[])
      returning p.user_id),
    counted as (
      insert into effects as e (user_id, action, called, effective)
      select user_id, $2::text, 1, 1 from gone
      on conflict (user_id, action) do update set called = e.called + 1, effective = e.effective + 1)
    select original_username from found order by id`,
};

/** Deletes the rows being processed of all these learners, or none; returns the names that were found. */
export async function finishPartnerReports(
  pool: Pool,
  usernames: readonly string[],
  path: string,
): Promise<readonly string[]> {
  const rows = await listRows<{ original_username: string }>(pool, finish, [usernames, path]);
  return rows.map((row) => row.original_username);
}

const keepColumns: Statement = {
  name: 'keep-partner-columns',
  text: `
    insert into partner_columns (user_id, orgs_config, student_id)
    select u.id, $2::json, $3::text from users u where u.known_as = $1::text
    on conflict (user_id) do update set orgs_config = excluded.orgs_config, student_id = excluded.student_id
    returning user_id`,
};

/** Gives a learner organisations that want columns of their own; false when there is no such learner. */
export async function keepPartnerColumns(
  pool: Pool,
  given: { readonly username: string; readonly orgsConfig: unknown; readonly studentId: string | undefined },
): Promise<boolean> {
  const rows = await listRows(pool, keepColumns, [
    given.username,
    JSON.stringify(given.orgsConfig),
    given.studentId ?? null,
  ]);
  return rows.length > 0;
}
