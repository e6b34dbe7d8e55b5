import type { Pool } from 'pg';
import { findRow, listRows, oneRow, type Statement } from '../shell/statements.ts';
import { possibleRetiredUsernames } from './retired-names.ts';
import { allStateIds, idsBefore, oneState, stateText, type RetirementState } from './states.ts';

/** The row of exactly this original username, found through the index that ignores case. */
export const EXACT_ROW = 'lower(r.original_username) = lower($1::text) and r.original_username = $1::text';

/** Counts a call of `$action` for the user in `target`, and whether the rows in `done` show that it changed something. */
export function countedBy(actionParameter: string): string {
  return `counted as (
    insert into effects as e (user_id, action, called, effective)
    select user_id, ${actionParameter}::text, 1, least(1, (select count(*) from done)) from target
    on conflict (user_id, action)
    do update set called = e.called + 1, effective = e.effective + excluded.effective)`;
}

const candidates: Statement = {
  name: 'status-candidates',
  text: `
    select u.username, r.original_username, s.status::text as status
    from users u
    left join retirements r on r.user_id = u.id
    left join retirement_statuses s on s.user_id = u.id
    where u.id in (
      select id from users where lower(username) = lower($1::text)
      union
      select id from users where lower(username) = any($2::text[])
      union
      select user_id from retirements where lower(original_username) = lower($1::text))
    order by u.id`,
};

interface Candidate {
  readonly username: string;
  readonly original_username: string | null;
  readonly status: string | null;
}

/**
 * The status object, as JSON text, of the learner with this original or current username. Of two that differ only by
 * case the exact one is meant, or else the retired one; three are too many for the LMS, which throws.
 */
export async function findStatus(pool: Pool, username: string): Promise<string | undefined> {
  const found = await listRows<Candidate>(pool, candidates, [username, possibleRetiredUsernames(username)]);
  if (found.length > 2) throw new Error('more than two users differ only by case');
  const exact =
    found.find((user) => user.original_username === username) ??
    found.find((user) => user.username === username);
  const retired = found.find((user) => user.username.startsWith('retired__user_'));
  const chosen = exact ?? (found.length === 1 ? found[0] : retired);
  return chosen?.status ?? undefined;
}

const move: Statement = {
  name: 'move',
  text: `
    with target as (select r.user_id from retirements r where ${EXACT_ROW}),
    done as (
      update retirements r
      set last_state = r.current_state,
          current_state = $2::integer,
          modified = now(),
          responses = r.responses || E'\\n Moved from ' || (
            select s.state_name || ' (step ' || s.state_execution_order || ')'
            from retirement_states s where s.id = r.current_state
          ) || ' to ' || $4::text || E':\\n' || $5::text || E'\\n'
      where ${EXACT_ROW} and r.current_state = any($3::integer[])
      returning 1),
    ${countedBy('$6')}
    select exists (select from target) as found, exists (select from done) as moved`,
};

export interface Move {
  readonly username: string;
  readonly to: RetirementState;
  readonly response: string;
  readonly force: boolean;
  readonly action: string;
}

/** Moves a learner forward, or anywhere with force; logs it in `responses`. */
export async function moveRetirement(pool: Pool, wanted: Move): Promise<'moved' | 'refused' | 'missing'> {
  const from = wanted.force ? allStateIds : idsBefore(wanted.to);
  const values = [wanted.username, wanted.to.id, from, stateText(wanted.to), wanted.response, wanted.action];
  const row = await oneRow<{ found: boolean; moved: boolean }>(pool, move, values);
  if (!row.found) return 'missing';
  return row.moved ? 'moved' : 'refused';
}

const currentState: Statement = {
  name: 'current-state',
  text: `select r.current_state as id from retirements r where ${EXACT_ROW}`,
};

export async function findCurrentState(pool: Pool, username: string): Promise<RetirementState | undefined> {
  const row = await findRow<{ id: number }>(pool, currentState, [username]);
  return row && oneState(row.id);
}

const queue: Statement = {
  name: 'queue',
  text: `
    select coalesce(json_agg(q.status order by q.id), '[]')::text as statuses
    from (
      select s.id, s.status from retirement_statuses s
      where s.current_state = any($1::integer[]) and s.created < now() - make_interval(days => $2::integer)
      order by s.id
      limit $3::bigint) q`,
};

/** Status objects, as a JSON array, created strictly before so many days ago. */
export async function listQueue(
  pool: Pool,
  asked: {
    readonly states: readonly RetirementState[];
    readonly coolOffDays: number;
    readonly limit: number | null;
  },
): Promise<string> {
  const ids = asked.states.map((state) => state.id);
  const row = await oneRow<{ statuses: string }>(pool, queue, [ids, asked.coolOffDays, asked.limit]);
  return row.statuses;
}

const byDate: Statement = {
  name: 'by-date',
  text: `
    select coalesce(json_agg(s.status order by s.id), '[]')::text as statuses
    from retirement_statuses s
    where s.current_state = $1::integer
      and s.created >= ($2::date)::timestamp at time zone 'utc'
      and s.created < ($3::date + 1)::timestamp at time zone 'utc'`,
};

/** Status objects, as a JSON array, created from `startDate` to the end of `endDate`, in UTC; both YYYY-MM-DD. */
export async function listByDate(
  pool: Pool,
  asked: { readonly state: RetirementState; readonly startDate: string; readonly endDate: string },
): Promise<string> {
  const row = await oneRow<{ statuses: string }>(pool, byDate, [
    asked.state.id,
    asked.startDate,
    asked.endDate,
  ]);
  return row.statuses;
}

const cleanUp: Statement = {
  name: 'clean-up',
  text: `
    with complete as (
      select r.id, r.user_id from retirements r
      where r.original_username = any($1::text[]) and r.current_state = $2::integer
      for update),
    target as (select user_id from complete where (select count(*) from complete) = cardinality($1::text[])),
    done as (delete from retirements r using target t where r.user_id = t.user_id returning r.user_id),
    counted as (
      insert into effects as e (user_id, action, called, effective)
      select user_id, $3::text, 1, 1 from done
      on conflict (user_id, action) do update set called = e.called + 1, effective = e.effective + 1)
    select count(*)::integer as complete from complete`,
};

/** Deletes the COMPLETE rows of all these learners, or none; returns how many of them are COMPLETE. */
export async function cleanUpRetirements(
  pool: Pool,
  usernames: readonly string[],
  action: string,
): Promise<number> {
  const row = await oneRow<{ complete: number }>(pool, cleanUp, [usernames, oneState('COMPLETE').id, action]);
  return row.complete;
}

const cancel: Statement = {
  name: 'cancel',
  text: `
    with target as (select r.user_id from retirements r where r.id = $1::bigint),
    done as (
      delete from retirements r where r.id = $1::bigint and r.current_state = $2::integer
      returning r.user_id, r.original_email),
    restored as (
      update users u set email = d.original_email, usable_password = true from done d where u.id = d.user_id),
    forgotten as (delete from retirement_requests q using done d where q.user_id = d.user_id),
    ${countedBy('$3')}
    select exists (select from target) as found, exists (select from done) as cancelled`,
};

/** Restores the e-mail address and a usable password, and deletes the row, if it is PENDING. */
export async function cancelRetirement(
  pool: Pool,
  retirementId: number,
  action: string,
): Promise<'cancelled' | 'refused' | 'missing'> {
  const values = [retirementId, oneState('PENDING').id, action];
  const row = await oneRow<{ found: boolean; cancelled: boolean }>(pool, cancel, values);
  if (!row.found) return 'missing';
  return row.cancelled ? 'cancelled' : 'refused';
}
