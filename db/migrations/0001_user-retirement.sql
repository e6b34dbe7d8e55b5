-- Up Migration

create table user_retirement_status (
  user_id bigint primary key,
  retirement_id bigint not null,
  original_username text not null,
  original_email text not null,
  original_name text not null default '',
  retired_username text not null,
  retired_email text not null,
  current_state text not null default 'PENDING' check (length(current_state) between 1 and 30),
  last_state text not null default 'PENDING' check (length(last_state) between 1 and 30),
  responses text not null default '',
  completed_stages text[] not null default '{}',
  -- What the last failed attempt met, identity included; never leaves this table but for the LMS's own log.
  last_failure jsonb,
  -- Set when the first stage begins, and never taken back: from here on nothing can be cancelled.
  first_stage_at timestamptz,
  requested_at timestamptz not null,
  cool_off_until timestamptz not null,
  due_at timestamptz not null,
  created_at timestamptz not null default now(),
  modified_at timestamptz not null default now(),
  check (cool_off_until >= requested_at),
  check (due_at >= requested_at)
);

-- `list --state`, `rerun --all`
create index user_retirement_status_current_state on user_retirement_status (current_state, user_id);
-- WHO as an e-mail address or a username, as the LMS compares them: case-insensitively first, exactly second
create index user_retirement_status_email on user_retirement_status (lower(original_email));
create index user_retirement_status_username on user_retirement_status (lower(original_username));
-- `list --overdue`
create index user_retirement_status_due on user_retirement_status (due_at)
  where current_state not in ('COMPLETE', 'ABORTED');

-- Positions of the LMS's states as its answers showed them: the only way to learn its order without changing anything.
create table lms_states (
  state_name text primary key,
  execution_order integer not null,
  seen_at timestamptz not null default now()
);
