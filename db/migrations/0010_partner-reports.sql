-- Up Migration

-- Each time the LMS is asked for its partner report. The LMS gives every row away once: what becomes of a question whose answer
-- never came must be known.
create table partner_report_requests (
  id bigint generated always as identity primary key,
  -- Written before the LMS is asked.
  asked_at timestamptz not null default now(),
  -- The worker's local date then, which the names of the files carry.
  report_date date not null,
  -- `asked`: no answer yet, or none any more. `refused`: the LMS did nothing. `lost`: no answer, and looked into.
  outcome text not null default 'asked' check (outcome in ('asked', 'answered', 'refused', 'lost')),
  -- A lost request is looked into once more when nothing of it can be under way any longer.
  settled boolean not null default false,
  -- Learners of the answer without an id or a name.
  unreadable integer not null default 0,
  -- LMS user ids whose rows were given away with a lost answer and cannot be reported.
  left_user_ids bigint[] not null default '{}',
  -- The run that asked, or found that the answer was lost.
  run_id text not null,
  -- The run that looked into it last.
  looked_by text
);
create index partner_report_requests_open on partner_report_requests (id) where outcome in ('asked', 'lost') and not settled;

-- Rows that the LMS gave away together: delivered together, then cleaned up together.
create table partner_report_batches (
  id bigint generated always as identity primary key,
  request_id bigint not null references partner_report_requests,
  learners integer not null,
  -- Put together from our own rows, because the answer was lost.
  recovered boolean not null default false,
  -- Every file is where it belongs.
  delivered_at timestamptz,
  -- The LMS has forgotten the rows, and so have we.
  finished_at timestamptz check (finished_at is null or delivered_at is not null),
  -- Rows that the LMS had forgotten before it was told to.
  missing integer not null default 0,
  -- The run that finished it.
  run_id text
);
create index partner_report_batches_open on partner_report_batches (id) where finished_at is null;

-- The only rows here that name people; gone once the LMS has confirmed its clean-up.
create table partner_report_rows (
  batch_id bigint not null references partner_report_batches,
  -- A learner is in one batch at a time.
  user_id bigint primary key,
  -- As the LMS sent it, to the letter.
  content json not null
);
create index partner_report_rows_batch on partner_report_rows (batch_id, user_id);

create table partner_report_files (
  batch_id bigint not null references partner_report_batches,
  partner text not null,
  -- JSON; a partner may want several sets of columns.
  headings text not null,
  name text not null unique,
  learners integer not null,
  delivered_at timestamptz,
  primary key (batch_id, partner, headings)
);

-- Who has been reported, for whoever looks for those who were not.
create table partner_reported_learners (
  user_id bigint primary key,
  reported_at timestamptz not null default now()
);

-- The one run that may do a work, as long as it is open.
create table retirement_claims (
  work text primary key check (work in ('partner-report', 'archive')),
  workflow_id text not null,
  run_id text not null
);
