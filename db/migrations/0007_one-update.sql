-- Up Migration

-- Which workflow is updating the course, or did so last. Temporal knows whether it still runs, so nobody has to give it back.
alter table courses
  add column update_workflow_id text,
  add column update_run_id text,
  add check (num_nulls(update_workflow_id, update_run_id) in (0, 2));

-- A walk whose facts are in place is kept until the next update: an attempt that is repeated sees that it was done, and one
-- whose walk is gone sees that it was not.
alter table wiki_fetches add column is_stored boolean not null default false;
