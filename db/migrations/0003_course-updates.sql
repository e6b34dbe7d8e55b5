-- Up Migration

-- What an update needs to remember between two of its steps, and from one update to the next.

-- Wikis write "alice b" and "Alice_b" as one name, "Alice b": one person must not become two students.
create function wiki_username(username text) returns text language sql immutable strict parallel safe as $$
  select upper(left(plain, 1)) || substr(plain, 2)
  from (select btrim(regexp_replace(username, '[ _]+', ' ', 'g')) as plain) spaced
$$;
create unique index users_wiki_username on users (wiki_username(username));

alter table course_user_wiki_cursors
  -- When the update began that last fetched this student's news: it is not fetched twice in one update.
  add column fetched_at timestamptz,
  -- The wiki takes the username for malformed; the student is left out there until the next full rebuild.
  add column refused_at timestamptz;

-- What the last update did not get from this wiki, and why; null when it got everything.
alter table courses_wikis
  add column left_at timestamptz,
  add column left_because text,
  add check (num_nulls(left_at, left_because) in (0, 2));

-- A slice that is marked again while it is being fetched keeps its mark: the mark is taken off only as it was read.
alter table course_wiki_timeslices add column fetch_asked_at timestamptz;

create function fetch_asked() returns trigger language plpgsql as $$
begin
  new.fetch_asked_at := clock_timestamp();
  return new;
end $$;

create trigger fetch_asked before insert or update of needs_fetch on course_wiki_timeslices
  for each row when (new.needs_fetch)
  execute function fetch_asked();

-- One walk through a wiki's pages of results. What came is kept together with where the next page begins, so that a walk
-- which is interrupted goes on there; its rows go when their facts are in place.
create table wiki_fetches (
  id bigint generated always as identity primary key,
  course_id bigint not null references courses on delete cascade,
  wiki_id bigint not null references wikis,
  -- Ascending.
  user_ids bigint[] not null check (cardinality(user_ids) > 0),
  -- Both inclusive, as the wiki is asked.
  from_at timestamptz not null,
  to_at timestamptz not null,
  -- When the update began: a walk of an update before is not gone on with, its beginning is too old.
  began_at timestamptz not null,
  -- The wiki's own words for where the next page begins; they may hold a username. Null before the first page.
  continuation jsonb,
  pages integer not null default 0,
  revisions bigint not null default 0,
  is_complete boolean not null default false,
  -- Of the first failure since the last page that came.
  failing_since timestamptz,
  unique (course_id, wiki_id, from_at, user_ids),
  check (from_at <= to_at)
);

-- Partial facts: one row for each page of results, page of the wiki, user and slice.
create table wiki_fetched_facts (
  fetch_id bigint not null references wiki_fetches on delete cascade,
  mw_page_id bigint not null,
  namespace integer not null,
  -- Underscores, no namespace prefix.
  title text not null,
  user_id bigint not null,
  start_at timestamptz not null,
  end_at timestamptz not null,
  character_sum bigint not null,
  references_count bigint not null,
  revision_count bigint not null,
  new_article boolean not null,
  first_revision timestamptz,
  last_revision timestamptz
);
create index wiki_fetched_facts_fetch on wiki_fetched_facts (fetch_id);

-- How many references a revision has: its text never changes, so the counter is asked once for each that it knows.
create table revision_references (
  wiki_id bigint not null references wikis,
  mw_rev_id bigint not null,
  references_count bigint not null,
  primary key (wiki_id, mw_rev_id)
);
