import type { Pool } from 'pg';
import { findRow, oneRow, type Statement } from '../shell/statements.ts';
import { countedBy, EXACT_ROW } from './retirement-store.ts';
import { oneState, workingStateIds, type RetirementState } from './states.ts';

/** One of the endpoints that erase something: acts in a working state only, and counts itself, in one statement. */
export interface Action {
  readonly statement: Statement;
}

export type ActionResult =
  | { readonly kind: 'missing' }
  | { readonly kind: 'wrong-state'; readonly state: RetirementState }
  /** `orgs`: those of enrolments that just ended; `known`: the forum has heard of the learner. */
  | { readonly kind: 'done'; readonly orgs: readonly string[]; readonly known: boolean };

/** `done` is a data-modifying statement over `target t` that returns a row, with `org`, for each thing it changed. */
function action(name: string, done: string): Action {
  return {
    statement: {
      name,
      text: `
        with target as (
          select r.user_id, r.original_username, r.original_email, r.original_name, r.retired_username, r.retired_email,
            r.current_state, r.current_state = any($2::integer[]) as working
          from retirements r where ${EXACT_ROW}),
        done as (${done}),
        ${countedBy('$3')}
        select t.working, t.current_state,
          (select coalesce(json_agg(distinct d.org), '[]') from done d where d.org is not null) as orgs,
          exists (select from forum_users f where f.user_id = t.user_id) as known
        from target t`,
    },
  };
}

export const unenroll = action(
  'unenroll',
  `update enrolments e set is_active = false from target t
   where e.user_id = t.user_id and t.working and e.is_active returning e.org`,
);

export const retireForum = action(
  'retire-forum',
  `update forum_users f set username = t.retired_username, posts = 0, is_retired = true from target t
   where f.user_id = t.user_id and t.working and not f.is_retired returning null::text as org`,
);

export const retireNotes = action(
  'retire-notes',
  `delete from notes n using target t where n.user_id = t.user_id and t.working returning null::text as org`,
);

export const queueForPartners = action(
  'queue-for-partners',
  `insert into partner_reports (user_id, original_username, original_email, original_name)
   select t.user_id, t.original_username, t.original_email, t.original_name from target t
   where t.working and exists (
     select from enrolments e where e.user_id = t.user_id and e.org not in ('', 'outdated_entry'))
   on conflict (user_id) do nothing returning null::text as org`,
);

export const retireMisc = action(
  'retire-misc',
  `update misc_records m
   set revision_ip = null, pending_name = null, audit_email = t.retired_email, access_reason = ''
   from target t
   where m.user_id = t.user_id and t.working
     and (m.revision_ip, m.pending_name, m.audit_email, m.access_reason)
       is distinct from (null, null, t.retired_email, '')
   returning null::text as org`,
);

export const retireAccount = action(
  'retire-account',
  `update users u
   set username = t.retired_username, email = t.retired_email, is_active = false, first_name = '', last_name = '',
     profile_name = '', country = null, year_of_birth = null, secondary_email = null
   from target t
   where u.id = t.user_id and t.working and (u.is_active or u.username <> t.retired_username)
   returning null::text as org`,
);

interface ActionRow {
  readonly working: boolean;
  readonly current_state: number;
  readonly orgs: readonly string[];
  readonly known: boolean;
}

/** `path` names the action in the effects. */
export async function runAction(
  pool: Pool,
  what: Action,
  username: string,
  path: string,
): Promise<ActionResult> {
  const row = await findRow<ActionRow>(pool, what.statement, [username, workingStateIds, path]);
  if (row === undefined) return { kind: 'missing' };
  if (!row.working) return { kind: 'wrong-state', state: oneState(row.current_state) };
  return { kind: 'done', orgs: row.orgs, known: row.known };
}

const retireProctoring: Statement = {
  name: 'retire-proctoring',
  text: `
    with target as (select id as user_id from users where id = $1::bigint),
    done as (
      update proctoring_attempts set student_name = null
      where user_id = $1::bigint and student_name is not null returning 1),
    ${countedBy('$2')}
    select count(*) from done`,
};

/** Takes the names off the learner's attempts. Not guarded by a state, and an unknown user has no attempts. */
export async function retireProctoringAttempts(pool: Pool, userId: number, path: string): Promise<void> {
  await oneRow(pool, retireProctoring, [userId, path]);
}

const retireBackends: Statement = {
  name: 'retire-proctoring-backends',
  text: `
    with target as (select id as user_id from users where id = $1::bigint),
    done as (
      update proctoring_attempts set held_by_backend = false
      where user_id = $1::bigint and held_by_backend returning 1),
    ${countedBy('$2')}
    select coalesce(json_object_agg(p.backend, true), '{}')::text as backends
    from proctoring_attempts p where p.user_id = $1::bigint`,
};

/** Returns a JSON object, backend → true. */
export async function retireProctoringBackends(pool: Pool, userId: number, path: string): Promise<string> {
  const row = await oneRow<{ backends: string }>(pool, retireBackends, [userId, path]);
  return row.backends;
}
