import type { PoolClient } from 'pg';
import type { OwnedSchema } from '../shell/owned-schema.ts';
import { retirementStates } from './states.ts';

/**
 * `current_state` and `last_state` have no foreign key on purpose: each move would lock the one row of the state that
 * every learner passes. The ids come from the constant table in `states.ts`, which `retirement_states` shows.
 */
const tables = `
create table retirement_states (
  id integer primary key,
  state_name varchar(30) not null unique,
  state_execution_order smallint not null unique,
  is_dead_end_state boolean not null,
  required boolean not null
);
create table users (
  id bigserial primary key,
  known_as varchar(150) not null unique,
  username varchar(150) not null,
  email varchar(254) not null,
  usable_password boolean not null default true,
  is_active boolean not null default true,
  first_name text not null default '',
  last_name text not null default '',
  profile_name varchar(255) not null default '',
  country text,
  year_of_birth integer,
  secondary_email text
) with (fillfactor = 80);
comment on column users.known_as is 'the username before the erasure: the sandbox''s own, so that effects can be asked for afterwards';
create index users_username on users (lower(username));
alter sequence users_id_seq restart with 1001;
create table retirements (
  id bigserial primary key,
  user_id bigint not null unique references users on delete cascade,
  original_username varchar(150) not null,
  original_email varchar(254) not null,
  original_name varchar(255) not null,
  retired_username varchar(150) not null,
  retired_email varchar(254) not null,
  current_state integer not null,
  last_state integer not null,
  responses text not null,
  created timestamptz not null,
  modified timestamptz not null
) with (fillfactor = 50);
create index retirements_original_username on retirements (lower(original_username));
create table retirement_requests (
  user_id bigint primary key references users on delete cascade,
  created timestamptz not null
);
create table enrolments (
  user_id bigint not null references users on delete cascade,
  course_key text not null,
  org text not null,
  is_active boolean not null default true,
  primary key (user_id, course_key)
);
create table forum_users (
  user_id bigint primary key references users on delete cascade,
  username varchar(150) not null,
  posts integer not null,
  is_retired boolean not null default false
);
create table notes (
  user_id bigint not null references users on delete cascade,
  note text not null,
  primary key (user_id, note)
);
create table proctoring_attempts (
  user_id bigint not null references users on delete cascade,
  backend text not null,
  student_name text,
  held_by_backend boolean not null default true,
  primary key (user_id, backend)
);
create table misc_records (
  user_id bigint primary key references users on delete cascade,
  revision_ip text,
  pending_name text,
  audit_email text not null,
  access_reason text not null
);
create table partner_reports (
  id bigserial primary key,
  user_id bigint not null unique references users on delete cascade,
  original_username varchar(150) not null,
  original_email varchar(254) not null,
  original_name varchar(255) not null,
  is_being_processed boolean not null default false,
  created timestamptz not null default now()
);
create table partner_columns (
  user_id bigint primary key references users on delete cascade,
  orgs_config json not null,
  student_id text
);
create table effects (
  user_id bigint not null,
  action text not null,
  called integer not null,
  effective integer not null,
  primary key (user_id, action)
) with (fillfactor = 70);
create sequence invented_people;
create view retirement_statuses as
  select r.id, r.user_id, r.current_state, r.created, json_build_object(
    'id', r.id,
    'user', json_build_object('id', u.id, 'username', u.username, 'email', u.email,
      'profile', json_build_object('id', u.id + 500000, 'name', u.profile_name)),
    'current_state', json_build_object('id', c.id, 'state_name', c.state_name,
      'state_execution_order', c.state_execution_order),
    'last_state', json_build_object('id', l.id, 'state_name', l.state_name,
      'state_execution_order', l.state_execution_order),
    'original_username', r.original_username,
    'original_email', r.original_email,
    'original_name', r.original_name,
    'retired_username', r.retired_username,
    'retired_email', r.retired_email,
    'created', to_char(r.created at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'modified', to_char(r.modified at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
  ) as status
  from retirements r
  join users u on u.id = r.user_id
  join retirement_states c on c.id = r.current_state
  join retirement_states l on l.id = r.last_state;
`;

export const lmsSchema: OwnedSchema = {
  owner: 'sandbox LMS',
  mark: { table: 'sandbox_version', maker: 'sandbox' },
  version: 2,
  tables,
  fill: insertStates,
};

async function insertStates(client: PoolClient): Promise<void> {
  await client.query(
    `insert into retirement_states (id, state_name, state_execution_order, is_dead_end_state, required)
     select s.id, s.name, s."order", s."isDeadEnd", s.required
     from jsonb_to_recordset($1::jsonb) as s(id integer, name text, "order" smallint, "isDeadEnd" boolean, required boolean)`,
    [JSON.stringify(retirementStates)],
  );
}
