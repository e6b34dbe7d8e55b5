-- Up Migration

-- Slices of a course's wiki never overlap. An exclusion constraint said so, and its GiST index lost entries when slices were
-- marked again and again (PostgreSQL 18.4): a look-up of slices that the planner sent through it then missed some, and with them
-- their numbers. The same rule, with the same error, over the B-tree of the primary key.
alter table course_wiki_timeslices drop constraint course_wiki_timeslices_course_id_wiki_id_tstzrange_excl;

create function refuse_overlap(refused_course_id bigint, refused_wiki_id bigint) returns void language plpgsql as $$
begin
  if exists (
    select from (
      select start_at, lag(end_at) over (order by start_at) as end_before
      from course_wiki_timeslices
      where course_id = refused_course_id and wiki_id = refused_wiki_id) as slice
    where end_before > start_at)
  then
    raise exclusion_violation using
      message = 'conflicting key value violates exclusion constraint "course_wiki_timeslices_course_id_wiki_id_tstzrange_excl"',
      table = 'course_wiki_timeslices',
      constraint = 'course_wiki_timeslices_course_id_wiki_id_tstzrange_excl';
  end if;
end $$;

create function refuse_overlaps_of_added() returns trigger language plpgsql as $$
begin
  perform refuse_overlap(course_id, wiki_id) from (select distinct course_id, wiki_id from added) as touched;
  return null;
end $$;

create trigger refuse_overlaps_of_added after insert on course_wiki_timeslices
  referencing new table as added for each statement execute function refuse_overlaps_of_added();

create function refuse_overlaps_of_moved() returns trigger language plpgsql as $$
begin
  perform refuse_overlap(new.course_id, new.wiki_id);
  return null;
end $$;

create trigger refuse_overlaps_of_moved
  after update of course_id, wiki_id, start_at, end_at on course_wiki_timeslices
  for each row execute function refuse_overlaps_of_moved();
