-- Up Migration

-- A page of results is one row of arrays: 500 revisions are one insert and one look at the key of its walk.
delete from wiki_fetches;
drop table wiki_fetched_facts;

-- Partial facts: element n of each array is one page of the wiki, user and slice.
create table wiki_fetched_pages (
  fetch_id bigint not null references wiki_fetches on delete cascade,
  page integer not null,
  mw_page_ids bigint[] not null,
  namespaces integer[] not null,
  -- Underscores, no namespace prefix.
  titles text[] not null,
  user_ids bigint[] not null,
  -- Instants are epoch seconds.
  starts_at bigint[] not null,
  ends_at bigint[] not null,
  character_sums bigint[] not null,
  -- Of one page of results, so small; and PostgreSQL sums integers without going through numeric.
  references_counts integer[] not null,
  revision_counts integer[] not null,
  new_articles boolean[] not null,
  first_revisions bigint[] not null,
  last_revisions bigint[] not null,
  primary key (fetch_id, page),
  check (
    cardinality(mw_page_ids) = all (array[
      cardinality(namespaces), cardinality(titles), cardinality(user_ids), cardinality(starts_at), cardinality(ends_at),
      cardinality(character_sums), cardinality(references_counts), cardinality(revision_counts), cardinality(new_articles),
      cardinality(first_revisions), cardinality(last_revisions)]))
);

-- To compress arrays of a few kilobytes cost as much as all the rest of keeping a page, and they are gone a minute later.
alter table wiki_fetched_pages
  alter column mw_page_ids set storage external,
  alter column namespaces set storage external,
  alter column titles set storage external,
  alter column user_ids set storage external,
  alter column starts_at set storage external,
  alter column ends_at set storage external,
  alter column character_sums set storage external,
  alter column references_counts set storage external,
  alter column revision_counts set storage external,
  alter column new_articles set storage external,
  alter column first_revisions set storage external,
  alter column last_revisions set storage external;

-- The foreign keys of facts and of the slices of articles and students are enforced by statement. PostgreSQL checks each row
-- and key by itself: for a first update of 100,000 revisions (28,000 facts, 41,000 slices of articles and students) that took
-- 1.5 s of CPU, as much as all the rest of the update. But rows come by the thousand and have few parents: the 2,800 facts of a
-- walk are of 120 slices, 50 students and 550 articles. Looking up and locking each parent of a statement once takes 0.08 s in all.
-- With PostgreSQL's own keys on facts alone it is 0.7 s more.
--
-- The meaning is the same. A parent is locked `for key share`, as PostgreSQL's own check does it: whoever deletes one
-- waits for the writer, and then finds its rows; a writer waits for whoever is deleting, and then misses the parent. Within a
-- statement triggers fire in the order of their names: articles, slices, users, each in the order of its keys. What is
-- refused has the code of a broken foreign key (23503) and the constraint's name. Like foreign keys, all this rests while
-- `session_replication_role` is `replica`.

create function refuse_missing(constraint_name text, child text, parent text) returns void language plpgsql as $$
begin
  raise foreign_key_violation using
    message = format('insert or update on table "%s" violates foreign key constraint "%s"', child, constraint_name),
    detail = format('A row is of %s that is not there.', parent), table = child, constraint = constraint_name;
end $$;

create function refuse_referenced(constraint_name text, parent text, child text) returns void language plpgsql as $$
begin
  raise foreign_key_violation using
    message = format('update or delete on table "%s" violates foreign key constraint "%s" on table "%s"',
      parent, constraint_name, child),
    detail = 'A row is still referenced.', table = child, constraint = constraint_name;
end $$;

create function articles_must_exist() returns trigger language plpgsql as $$
declare
  child record;
  known bigint;
begin
  for child in
    select wiki_id, array_agg(article_id) as ids from (select distinct wiki_id, article_id from written) named
    group by wiki_id order by wiki_id
  loop
    perform from articles where id = any(child.ids) and wiki_id = child.wiki_id order by id for key share;
    get diagnostics known = row_count;
    if known < cardinality(child.ids) then
      perform refuse_missing(tg_argv[0], tg_table_name, format('an article of wiki %s', child.wiki_id));
    end if;
  end loop;
  return null;
end $$;

create function slices_must_exist() returns trigger language plpgsql as $$
declare
  child record;
  known bigint;
begin
  for child in
    select course_id, wiki_id, array_agg(start_at) as starts, array_agg(end_at) as ends
    from (select distinct course_id, wiki_id, start_at, end_at from written) named
    group by course_id, wiki_id order by course_id, wiki_id
  loop
    perform from course_wiki_timeslices slice
    where slice.course_id = child.course_id and slice.wiki_id = child.wiki_id and slice.start_at = any(child.starts)
      and (slice.start_at, slice.end_at) in (select * from unnest(child.starts, child.ends))
    order by slice.start_at for key share of slice;
    get diagnostics known = row_count;
    if known < cardinality(child.starts) then
      perform refuse_missing(
        tg_argv[0], tg_table_name, format('a slice of course %s and wiki %s', child.course_id, child.wiki_id));
    end if;
  end loop;
  return null;
end $$;

create function users_must_exist() returns trigger language plpgsql as $$
declare
  ids bigint[] := array(select distinct user_id from written);
  known bigint;
begin
  perform from users where id = any(ids) order by id for key share;
  get diagnostics known = row_count;
  if known < cardinality(ids) then
    perform refuse_missing(tg_argv[0], tg_table_name, 'a user');
  end if;
  return null;
end $$;

-- The other side. What is deleted is locked until the transaction ends, so a look that follows sees all rows that were
-- written under its lock: at "read committed", where each statement has a snapshot of its own.
create function must_see_what_is_committed() returns void language plpgsql as $$
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise feature_not_supported using
      message = 'articles, users and slices are deleted, or get another key, at isolation level "read committed" only';
  end if;
end $$;

create function slices_deleted() returns trigger language plpgsql as $$
declare
  parent record;
begin
  perform must_see_what_is_committed();
  for parent in
    select course_id, wiki_id, array_agg(start_at order by start_at) as starts from gone
    group by course_id, wiki_id order by course_id, wiki_id
  loop
    delete from article_course_user_wiki_timeslices
    where course_id = parent.course_id and wiki_id = parent.wiki_id and start_at = any(parent.starts);
    delete from article_course_timeslices
    where course_id = parent.course_id and wiki_id = parent.wiki_id and start_at = any(parent.starts);
    delete from course_user_wiki_timeslices
    where course_id = parent.course_id and wiki_id = parent.wiki_id and start_at = any(parent.starts);
  end loop;
  return null;
end $$;

create trigger slices_deleted after delete on course_wiki_timeslices
  referencing old table as gone for each statement execute function slices_deleted();

create function slice_moved() returns trigger language plpgsql as $$
begin
  perform must_see_what_is_committed();
  perform refuse_referenced(child.fkey, tg_table_name, child.name)
  from (
    select 'article_course_user_wiki_timeslices_slice_fkey' as fkey, 'article_course_user_wiki_timeslices' as name
    from article_course_user_wiki_timeslices
    where course_id = old.course_id and wiki_id = old.wiki_id and start_at = old.start_at
    union all
    select 'article_course_timeslices_slice_fkey', 'article_course_timeslices' from article_course_timeslices
    where course_id = old.course_id and wiki_id = old.wiki_id and start_at = old.start_at
    union all
    select 'course_user_wiki_timeslices_slice_fkey', 'course_user_wiki_timeslices' from course_user_wiki_timeslices
    where course_id = old.course_id and wiki_id = old.wiki_id and start_at = old.start_at) child
  limit 1;
  return null;
end $$;

create trigger slice_moved after update of course_id, wiki_id, start_at, end_at on course_wiki_timeslices
  for each row when (
    (old.course_id, old.wiki_id, old.start_at, old.end_at) is distinct from (new.course_id, new.wiki_id, new.start_at, new.end_at))
  execute function slice_moved();

create function article_gone() returns trigger language plpgsql as $$
begin
  perform must_see_what_is_committed();
  if exists (select from article_course_user_wiki_timeslices where article_id = old.id) then
    perform refuse_referenced(
      'article_course_user_wiki_timeslices_article_fkey', tg_table_name, 'article_course_user_wiki_timeslices');
  elsif exists (select from article_course_timeslices where article_id = old.id) then
    perform refuse_referenced('article_course_timeslices_article_fkey', tg_table_name, 'article_course_timeslices');
  end if;
  return null;
end $$;

create trigger article_gone after delete on articles for each row execute function article_gone();
create trigger article_renumbered after update of id, wiki_id on articles
  for each row when ((old.id, old.wiki_id) is distinct from (new.id, new.wiki_id)) execute function article_gone();

create function user_gone() returns trigger language plpgsql as $$
begin
  perform must_see_what_is_committed();
  if exists (select from article_course_user_wiki_timeslices where user_id = old.id) then
    perform refuse_referenced(
      'article_course_user_wiki_timeslices_user_fkey', tg_table_name, 'article_course_user_wiki_timeslices');
  elsif exists (select from course_user_wiki_timeslices where user_id = old.id) then
    perform refuse_referenced('course_user_wiki_timeslices_user_fkey', tg_table_name, 'course_user_wiki_timeslices');
  end if;
  return null;
end $$;

create trigger user_gone after delete on users for each row execute function user_gone();
create trigger user_renumbered after update of id on users
  for each row when (old.id <> new.id) execute function user_gone();

alter table article_course_user_wiki_timeslices
  drop constraint article_course_user_wiki_time_course_id_wiki_id_start_at_e_fkey,
  drop constraint article_course_user_wiki_timeslices_article_id_wiki_id_fkey,
  drop constraint article_course_user_wiki_timeslices_user_id_fkey;
alter table article_course_timeslices
  drop constraint article_course_timeslices_course_id_wiki_id_start_at_end_a_fkey,
  drop constraint article_course_timeslices_article_id_wiki_id_fkey;
alter table course_user_wiki_timeslices
  drop constraint course_user_wiki_timeslices_course_id_wiki_id_start_at_end_fkey,
  drop constraint course_user_wiki_timeslices_user_id_fkey;

-- The catalogue is told of the keys where it can take them unenforced, so that tools draw them.
do $$
declare
  key record;
begin
  for key in
    select child, parent, child || '_' || parent || '_fkey' as name
    from (values
      ('article_course_user_wiki_timeslices', array['article', 'slice', 'user']),
      ('article_course_timeslices', array['article', 'slice']),
      ('course_user_wiki_timeslices', array['slice', 'user'])) has(child, parents), unnest(parents) parent
  loop
    execute format('create trigger %1$s_key_inserted after insert on %2$I referencing new table as written
      for each statement execute function %3$ss_must_exist(%4$L)', key.parent, key.child, key.parent, key.name);
    execute format('create trigger %1$s_key_updated after update on %2$I referencing new table as written
      for each statement execute function %3$ss_must_exist(%4$L)', key.parent, key.child, key.parent, key.name);
    continue when current_setting('server_version_num')::integer < 180000;
    execute format('alter table %I add constraint %I %s not enforced', key.child, key.name,
      case key.parent
        when 'article' then 'foreign key (article_id, wiki_id) references articles (id, wiki_id)'
        when 'user' then 'foreign key (user_id) references users'
        else 'foreign key (course_id, wiki_id, start_at, end_at)
          references course_wiki_timeslices (course_id, wiki_id, start_at, end_at) on delete cascade' end);
  end loop;
end $$;
