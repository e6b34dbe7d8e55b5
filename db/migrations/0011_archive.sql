-- Up Migration

-- One file of the archive. Claimed with its learners first; planned when they, the file's key and its bytes are fixed; then
-- written, and read back; then the LMS gives its learners up, then we do.
create table archive_batches (
  batch_id bigint generated always as identity primary key,
  claimed_at timestamptz not null default now(),
  planned_at timestamptz,
  file_key text unique,
  -- SHA-256 of the file in hexadecimal.
  digest text,
  -- The file, until it lies where it belongs: it may name people.
  content bytea,
  written_at timestamptz,
  -- Where to, in the words of messages: `folder /srv/archive`, `s3://bucket/prefix`.
  destination text,
  -- Every learner of the file.
  cleaned_at timestamptz,
  forgotten_at timestamptz,
  check ((planned_at is null) = (file_key is null)),
  check ((planned_at is null) = (digest is null)),
  check ((content is not null) = (planned_at is not null and written_at is null)),
  check (written_at is null or planned_at is not null),
  check ((destination is null) = (written_at is null)),
  check (cleaned_at is null or written_at is not null),
  check (forgotten_at is null or cleaned_at is not null)
);
create index archive_batches_unfinished on archive_batches (batch_id) where forgotten_at is null;

-- Who is in which file. The key sees to it that nobody is archived twice. It stays for ever and names nobody.
create table archived_retirements (
  retirement_id bigint primary key,
  user_id bigint not null,
  batch_id bigint not null references archive_batches,
  lms_cleaned_at timestamptz,
  -- Why the LMS did not give the learner up, when it was last asked; without identity.
  refused_because text,
  forgotten_at timestamptz,
  check (forgotten_at is null or lms_cleaned_at is not null),
  check (refused_because is null or lms_cleaned_at is null)
);
create index archived_retirements_user on archived_retirements (user_id);
create index archived_retirements_batch on archived_retirements (batch_id, retirement_id);

-- Whoever lists the LMS's queue and takes people in may have listed it before the clean-up: nobody who was archived comes back so.
create function skip_archived_retirement() returns trigger language plpgsql as $$
begin
  if exists (select from archived_retirements where retirement_id = new.retirement_id) then
    return null;
  end if;
  return new;
end $$;
create trigger skip_archived_retirement before insert on user_retirement_status for each row
  when (new.current_state = 'COMPLETE') execute function skip_archived_retirement();
