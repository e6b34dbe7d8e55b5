-- Up Migration

-- Which request for a fetch is being answered: a course may have ten thousands of slices, too many to be carried along by a
-- workflow. The mark is taken off where nobody asked anew since.
alter table course_wiki_timeslices add column fetch_planned_at timestamptz;
