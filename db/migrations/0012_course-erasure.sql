-- Up Migration

-- Learners who leave the statistics for ever, because their account is erased. Nobody is named: what stays is the LMS's user
-- id, by which an erasure that is asked for again is known to be done.
create table statistics_erasures (
  lms_user_id bigint primary key,
  begun_at timestamptz not null default now(),
  -- When the attempt was due that came after the last one which had to wait for an update. Waiting is not failing: the retry
  -- budget of what fails later begins here.
  waited_until timestamptz,
  -- Courses that were left.
  courses bigint,
  done_at timestamptz,
  check (num_nulls(courses, done_at) in (0, 2))
);

-- Courses that such a learner has left, until their numbers are rebuilt. The first update takes away everything else that would
-- tell which these are.
create table course_departures (
  course_id bigint not null references courses on delete cascade,
  lms_user_id bigint not null references statistics_erasures on delete cascade,
  -- The course's update at that moment, or the last one; null before the first. One that begins later sees the learner no more.
  run_before text,
  -- The first that began later.
  workflow_id text,
  run_id text,
  is_rebuilt boolean not null default false,
  -- What the learner edited in the course: pages that nobody else edited go with them.
  article_ids bigint[] not null default '{}',
  primary key (course_id, lms_user_id),
  check (num_nulls(workflow_id, run_id) in (0, 2))
);
