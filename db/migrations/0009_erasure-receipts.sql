-- Up Migration

alter table user_retirement_status
  -- End state → {"outcome", "at"}: how the stage last ended, for the receipt.
  add column stage_outcomes jsonb not null default '{}',
  -- Organisations of the learner's courses, as far as the LMS named them while the learner was unenrolled.
  add column organisations text[] not null default '{}',
  -- When services are asked once more about a completed erasure; null when nothing is to come.
  add column probe_due_at timestamptz;

-- What proves an erasure after everything else about the person is gone. No person is named: only tokens, made with a key.
create table erasure_receipts (
  -- Place in the chain, without gaps.
  sequence bigint primary key check (sequence > 0),
  kind text not null check (kind in ('erasure', 'probe')),
  user_id bigint not null,
  retirement_id bigint not null,
  username_token text not null,
  email_token text not null,
  -- Which key made the tokens.
  token_key_id text not null,
  -- Canonical JSON; what the hash is of. The other columns repeat what it says, for queries.
  body text not null,
  previous_hash text not null,
  hash text not null unique,
  -- Which key signed the hash.
  signing_key_id text not null,
  signature text not null,
  issued_at timestamptz not null
);
create index erasure_receipts_user on erasure_receipts (user_id, sequence);
create index erasure_receipts_username on erasure_receipts (username_token);
create index erasure_receipts_email on erasure_receipts (email_token);

-- The chain's end. Locked by whoever appends, and compared when the chain is verified.
create table erasure_receipt_chain (
  is_only boolean primary key default true check (is_only),
  last_sequence bigint not null default 0,
  last_hash text not null default ''
);
insert into erasure_receipt_chain default values;

-- Keys that were ever used. `secret` is null where the configuration has the key.
create table erasure_keys (
  purpose text not null check (purpose in ('signing', 'token')),
  key_id text not null,
  secret bytea,
  -- Of a signing key, 32 bytes.
  public_key bytea,
  created_at timestamptz not null default now(),
  primary key (purpose, key_id)
);
