-- Up Migration

-- Whose totals (articles_courses, courses_users) are to be summed anew, so that the roll-up of a course costs what changed
-- and not what there is. A row is written in the transaction of the change, and taken away by the one that sums; nobody
-- changes a row, so writers do not wait for each other: rebuilds of two wikis touch the same students.
create table stale_course_totals (
  id bigint generated always as identity primary key,
  course_id bigint not null references courses on delete cascade,
  -- Null: all of the course.
  article_ids bigint[],
  user_ids bigint[]
);
create index stale_course_totals_course on stale_course_totals (course_id);

-- Without the course nothing is stale: its rows below it go after its own.
create function totals_are_stale(in_course bigint, articles bigint[], users bigint[]) returns void language sql as $$
  insert into stale_course_totals (course_id, article_ids, user_ids)
  select id, articles, users from courses where id = in_course
$$;

-- By statement, for rows come by the ten thousand. Keys are never updated, so an update needs its new rows only.
create function article_slices_changed() returns trigger language plpgsql as $$
begin
  perform totals_are_stale(touched.course_id, touched.ids, '{}')
  from (select course_id, array_agg(distinct article_id) as ids from changed group by course_id) touched;
  return null;
end $$;

create trigger article_slices_inserted after insert on article_course_timeslices
  referencing new table as changed for each statement execute function article_slices_changed();
create trigger article_slices_updated after update on article_course_timeslices
  referencing new table as changed for each statement execute function article_slices_changed();
create trigger article_slices_deleted after delete on article_course_timeslices
  referencing old table as changed for each statement execute function article_slices_changed();

create function student_rows_changed() returns trigger language plpgsql as $$
begin
  perform totals_are_stale(touched.course_id, '{}', touched.ids)
  from (select course_id, array_agg(distinct user_id) as ids from changed group by course_id) touched;
  return null;
end $$;

create trigger student_slices_inserted after insert on course_user_wiki_timeslices
  referencing new table as changed for each statement execute function student_rows_changed();
create trigger student_slices_updated after update on course_user_wiki_timeslices
  referencing new table as changed for each statement execute function student_rows_changed();
create trigger student_slices_deleted after delete on course_user_wiki_timeslices
  referencing old table as changed for each statement execute function student_rows_changed();

-- A new row of somebody who has slices already, and a row that takes or loses the one role that counts.
create trigger enrolled after insert on courses_users
  referencing new table as changed for each statement execute function student_rows_changed();

create function role_changed() returns trigger language plpgsql as $$
begin
  perform totals_are_stale(new.course_id, '{}', array[new.user_id]);
  return null;
end $$;

create trigger role_changed after update of role on courses_users
  for each row when (old.role <> new.role) execute function role_changed();

-- An article leaves the course's articles, or joins them, although its slices are what they were.
create function article_moved() returns trigger language plpgsql as $$
begin
  perform totals_are_stale(touched.course_id, array[new.id], '{}')
  from (
    select distinct course_id from article_course_user_wiki_timeslices where article_id = new.id order by course_id) touched;
  return null;
end $$;

create trigger article_moved after update of deleted, namespace on articles
  for each row when (old.deleted <> new.deleted or old.namespace <> new.namespace)
  execute function article_moved();

create function tracking_changed() returns trigger language plpgsql as $$
begin
  perform totals_are_stale(case when tg_op = 'DELETE' then old.course_id else new.course_id end, null, '{}');
  return null;
end $$;

create trigger tracking_changed after insert or delete or update on course_wiki_namespaces
  for each row execute function tracking_changed();
create trigger tracking_changed after insert or delete on courses_wikis
  for each row execute function tracking_changed();

-- A full rebuild trusts nothing that is stored.
create function rebuild_asked() returns trigger language plpgsql as $$
begin
  perform totals_are_stale(new.id, null, null);
  return null;
end $$;

create trigger rebuild_asked after insert or update of needs_update on courses
  for each row when (new.needs_update) execute function rebuild_asked();

insert into stale_course_totals (course_id) select id from courses;

-- How ingest finds what it knows of a page, deleted or not; the unique index has only the live ones.
create index articles_page on articles (wiki_id, mw_page_id);
