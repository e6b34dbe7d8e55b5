import type { Pool } from 'pg';
import type { LearnerTraces } from '../control/learner-traces.ts';
import { findRow, listRows, type Statement } from '../shell/statements.ts';
import type { LearnerToBe } from './invented-people.ts';
import { retiredEmail, retiredUsername } from './retired-names.ts';
import { oneState, stateText } from './states.ts';

export interface MadeLearner {
  /** The LMS user id; the same as `user_id`. */
  readonly id: number;
  readonly user_id: number;
  /** Null for somebody who has not asked for deletion. */
  readonly retirement_id: number | null;
  readonly username: string;
  readonly email: string;
  readonly name: string;
}

const insertion: Statement = {
  name: 'insert-learners',
  text: `
    with given as materialized (
      select g.n, g.username, g.email, g.name, g.orgs, g.forum, g.requested_at, u.id as old_id,
        coalesce(u.id, nextval('users_id_seq')) as user_id,
        case when g.requested_at is not null then nextval('retirements_id_seq') end as retirement_id,
        coalesce(
          (select r.retired_username from retirements r where lower(r.original_username) = lower(g.username)
           order by r.modified desc limit 1),
          g.retired_username) as retired_username,
        g.retired_email
      from jsonb_to_recordset($1::jsonb) as g(
        n integer, username text, email text, name text, orgs text[], forum boolean, requested_at timestamptz,
        retired_username text, retired_email text)
      left join users u on u.known_as = g.username
      order by g.n),
    again as (
      update users u set email = g.retired_email, usable_password = false, profile_name = g.name
      from given g where u.id = g.old_id),
    made as (
      insert into users (id, known_as, username, email, usable_password, first_name, last_name, profile_name, country,
        year_of_birth, secondary_email)
      select g.user_id, g.username, g.username, case when g.requested_at is null then g.email else g.retired_email end,
        g.requested_at is null, split_part(g.name, ' ', 1), substr(g.name, length(split_part(g.name, ' ', 1)) + 2),
        g.name, 'EE', 1990 + g.user_id % 15, 'second.' || g.email
      from given g where g.old_id is null),
    retirement as (
      insert into retirements (id, user_id, original_username, original_email, original_name, retired_username,
        retired_email, current_state, last_state, responses, created, modified)
      select g.retirement_id, g.user_id, g.username, g.email, g.name, g.retired_username, g.retired_email,
        $2::integer, $2::integer, $3::text, g.requested_at, g.requested_at
      from given g where g.requested_at is not null),
    request as (
      insert into retirement_requests (user_id, created)
      select g.user_id, g.requested_at from given g where g.requested_at is not null on conflict do nothing),
    enrolment as (
      insert into enrolments (user_id, course_key, org)
      select g.user_id, 'course-v1:' || o.org || '+CS' || (100 + o.n) || '+2026', o.org
      from given g cross join lateral unnest(g.orgs) with ordinality as o(org, n)
      on conflict (user_id, course_key) do update set is_active = true),
    forum as (
      insert into forum_users (user_id, username, posts)
      select g.user_id, g.username, 3 from given g where g.forum on conflict do nothing),
    note as (
      insert into notes (user_id, note) select g.user_id, 'remember this' from given g on conflict do nothing),
    proctoring as (
      insert into proctoring_attempts (user_id, backend, student_name)
      select g.user_id, 'software_secure', g.name from given g on conflict do nothing),
    misc as (
      insert into misc_records (user_id, revision_ip, pending_name, audit_email, access_reason)
      select g.user_id, '192.0.2.7', g.name, g.email, 'for ' || g.name from given g on conflict do nothing)
    select g.user_id::integer as id, g.user_id::integer, g.retirement_id::integer, g.username, g.email, g.name
    from given g order by g.n`,
};

/** Makes all these learners, with something to erase everywhere, or none; answers in the order given. */
export async function insertLearners(
  pool: Pool,
  learners: readonly LearnerToBe[],
): Promise<readonly MadeLearner[]> {
  const rows = learners.map((learner, n) => ({
    n,
    username: learner.username,
    email: learner.email,
    name: learner.name,
    orgs: learner.orgs,
    forum: learner.forum,
    requested_at: learner.requestedAt,
    retired_username: retiredUsername(learner.username),
    retired_email: retiredEmail(learner.email),
  }));
  const pending = oneState('PENDING');
  const created = `Created in state ${stateText(pending)} by create_retirement`;
  return listRows<MadeLearner>(pool, insertion, [JSON.stringify(rows), pending.id, created]);
}

const taken: Statement = {
  name: 'taken-usernames',
  text: `
    select u.known_as as username
    from users u left join retirements r on r.user_id = u.id
    where u.known_as = any($1::text[]) and (r.id is not null or u.username <> u.known_as or not $2::boolean)
    order by u.id`,
};

/** Those of the names that cannot be given again; somebody whose retirement was cancelled may ask again (`asks`). */
export async function listTakenUsernames(
  pool: Pool,
  usernames: readonly string[],
  asks: boolean,
): Promise<readonly string[]> {
  const rows = await listRows<{ username: string }>(pool, taken, [usernames, asks]);
  return rows.map((row) => row.username);
}

const reserve: Statement = {
  name: 'reserve-people',
  text: `select nextval('invented_people')::integer as n from generate_series(1, $1::integer)`,
};

/** Numbers for so many people who have not been invented yet. */
export async function reservePeople(pool: Pool, count: number): Promise<readonly number[]> {
  const rows = await listRows<{ n: number }>(pool, reserve, [count]);
  return rows.map((row) => row.n);
}

const account: Statement = {
  name: 'account',
  text: `
    select u.id::integer, u.email, u.profile_name as name
    from users u
    where u.known_as = $1::text and u.username = u.known_as
      and not exists (select from retirements r where r.user_id = u.id)
      and not exists (select from retirement_requests q where q.user_id = u.id)`,
};

/** Somebody who has an account and may ask for deletion. */
export async function findAccount(
  pool: Pool,
  username: string,
): Promise<{ readonly id: number; readonly email: string; readonly name: string } | undefined> {
  return findRow(pool, account, [username]);
}

const details: Statement = {
  name: 'learner-details',
  text: `
    select json_build_object(
      'id', u.id, 'user_id', u.id, 'retirement_id', r.id,
      'username', u.username, 'original_username', u.known_as,
      'email', u.email, 'usable_password', u.usable_password, 'is_active', u.is_active,
      'name', u.profile_name, 'first_name', u.first_name, 'last_name', u.last_name,
      'country', u.country, 'year_of_birth', u.year_of_birth, 'secondary_email', u.secondary_email,
      'current_state', c.state_name, 'last_state', l.state_name, 'responses', r.responses,
      'requested_at', r.created, 'modified', r.modified,
      'original_email', r.original_email, 'original_name', r.original_name,
      'retired_username', r.retired_username, 'retired_email', r.retired_email,
      'deletion_requested_once', exists (select from retirement_requests q where q.user_id = u.id),
      'enrolments', (
        select coalesce(json_agg(json_build_object('course_key', e.course_key, 'org', e.org, 'is_active', e.is_active)
          order by e.course_key), '[]') from enrolments e where e.user_id = u.id),
      'forum', (
        select json_build_object('username', f.username, 'posts', f.posts) from forum_users f where f.user_id = u.id),
      'notes', (select count(*) from notes n where n.user_id = u.id),
      'proctoring', (
        select coalesce(json_agg(json_build_object('backend', p.backend, 'student_name', p.student_name,
          'held_by_backend', p.held_by_backend) order by p.backend), '[]')
        from proctoring_attempts p where p.user_id = u.id),
      'misc', (
        select json_build_object('revision_ip', m.revision_ip, 'pending_name', m.pending_name,
          'audit_email', m.audit_email, 'access_reason', m.access_reason) from misc_records m where m.user_id = u.id),
      'partner_report', (
        select json_build_object('is_being_processed', p.is_being_processed, 'created', p.created)
        from partner_reports p where p.user_id = u.id)
    )::text as learner
    from users u
    left join retirements r on r.user_id = u.id
    left join retirement_states c on c.id = r.current_state
    left join retirement_states l on l.id = r.last_state
    where u.known_as = $1::text or (lower(u.username) = lower($1::text) and u.username = $1::text)
    order by (u.known_as = $1::text) desc, u.id
    limit 1`,
};

/** Everything that the LMS holds about a learner, as JSON text; by original or current username. */
export async function findLearner(pool: Pool, username: string): Promise<string | undefined> {
  return (await findRow<{ learner: string }>(pool, details, [username]))?.learner;
}

const traces: Statement = {
  name: 'learner-traces',
  text: `
    select u.id::integer as user_id, r.id::integer as retirement_id, u.username
    from users u left join retirements r on r.user_id = u.id
    where u.known_as = $1::text`,
};

/** By what a request may carry this learner. */
export async function findTraces(pool: Pool, username: string): Promise<LearnerTraces | undefined> {
  const row = await findRow<{ user_id: number; retirement_id: number | null; username: string }>(
    pool,
    traces,
    [username],
  );
  if (row === undefined) return undefined;
  return {
    names: [username, row.username],
    pathSegments: [String(row.user_id)],
    bodyFields: {
      user_id: row.user_id,
      lms_user_id: row.user_id,
      ...(row.retirement_id === null ? {} : { retirement_id: row.retirement_id }),
    },
  };
}
