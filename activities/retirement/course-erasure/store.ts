import type { Queryable } from '../../../db/database.ts';

/** Somebody in the statistics who is a learner of the LMS. */
export interface LinkedPerson {
  /** `users.id` */
  readonly userId: number;
  readonly lmsUserId: number;
}

export interface CourseErasure {
  /** How many were left; null while it is under way. */
  readonly courses: number | null;
  readonly doneAt: Date | null;
  /** When the attempt was due that came after the last one which had to wait. */
  readonly waitedUntil: Date | null;
}

/** An update of a course, as it claimed the course. */
export interface UpdateRun {
  readonly workflowId: string;
  readonly runId: string;
}

/** A course that was left and whose numbers wait to be rebuilt. */
export interface Departure {
  readonly courseId: number;
  readonly lmsUserId: number;
  /** The course's update when the learner left. */
  readonly before: UpdateRun | null;
  /** The first one that is known to have begun later. */
  readonly later: UpdateRun | null;
}

export async function findPerson(db: Queryable, lmsUserId: number): Promise<LinkedPerson | undefined> {
  const { rows } = await db.query<LinkedPerson>(
    'select id as "userId", lms_user_id as "lmsUserId" from users where lms_user_id = $1::bigint',
    [lmsUserId],
  );
  return rows[0];
}

export async function findErasure(db: Queryable, lmsUserId: number): Promise<CourseErasure | undefined> {
  const { rows } = await db.query<CourseErasure>(
    `select courses, done_at as "doneAt", waited_until as "waitedUntil" from statistics_erasures
     where lms_user_id = $1::bigint`,
    [lmsUserId],
  );
  return rows[0];
}

/** Begins an erasure, or goes on with it. A person who was linked after an earlier one is erased like any other. */
export async function beginErasure(db: Queryable, lmsUserId: number): Promise<void> {
  await db.query(
    `insert into statistics_erasures as known (lms_user_id) values ($1::bigint)
     on conflict (lms_user_id) do update set begun_at = now(), waited_until = null, courses = null, done_at = null
     where known.done_at is not null`,
    [lmsUserId],
  );
}

/** The attempt ends and waits: the next one is due in `delayMs`. */
export async function noteWaiting(db: Queryable, lmsUserId: number, delayMs: number): Promise<void> {
  await db.query(
    `update statistics_erasures set waited_until = clock_timestamp() + make_interval(secs => $2::float8 / 1000)
     where lms_user_id = $1::bigint`,
    [lmsUserId, delayMs],
  );
}

/**
 * Courses whose articles may list the person although no slice of theirs does: their totals are to be summed anew, which is written
 * down in the transaction that takes the slices away; or the person has left them.
 */
const staleCourses = `
  select course_id from stale_course_totals
  union
  select course_id from course_departures where lms_user_id = $2::bigint`;

/**
 * Courses with anything of the person: in each table that can name a user, by itself or in a list. `$1` is the person, `$2` their
 * LMS user id. Student slices and articles of courses have no index by user alone, so courses are asked one by one, by keys that
 * begin with the course; `offset 0` keeps the planner from reading the whole table instead. Articles only where {@link staleCourses}
 * says: elsewhere they list whom the slices list. Pages of results name users of their walks only.
 */
const coursesWithTraces = `
  select course_id from courses_users where user_id = $1::bigint
  union
  select course_id from article_course_user_wiki_timeslices where user_id = $1::bigint
  union
  select courses.id from courses cross join lateral (
    select from course_user_wiki_timeslices slice
    where slice.course_id = courses.id and slice.user_id = $1::bigint offset 0) held
  union
  select course_id from course_user_wiki_cursors where user_id = $1::bigint
  union
  select course_id from article_course_timeslices where user_ids @> array[$1::bigint]
  union
  select stale.course_id from (${staleCourses}) stale cross join lateral (
    select from articles_courses mine
    where mine.course_id = stale.course_id and $1::bigint = any(mine.user_ids) offset 0) held
  union
  select course_id from wiki_fetches where $1::bigint = any(user_ids)
  union
  select course_id from stale_course_totals where $1::bigint = any(user_ids)`;

/**
 * Courses to take the person out of: those with anything of theirs that were not left yet, those that somebody has enrolled
 * them in since, and those that have something of theirs although they were rebuilt.
 */
export async function listCoursesToLeave(
  db: Queryable,
  { userId, lmsUserId }: LinkedPerson,
): Promise<readonly number[]> {
  const { rows } = await db.query<{ courseId: number }>(
    `select theirs.course_id as "courseId"
     from (${coursesWithTraces}) theirs
     left join course_departures departure
       on departure.course_id = theirs.course_id and departure.lms_user_id = $2::bigint
     where coalesce(departure.is_rebuilt, true) or exists (
       select from courses_users enrolled where enrolled.course_id = theirs.course_id and enrolled.user_id = $1::bigint)
     order by 1`,
    [userId, lmsUserId],
  );
  return rows.map(({ courseId }) => courseId);
}

/** False: no table of any course has anything of the person. */
export async function hasTraces(db: Queryable, { userId, lmsUserId }: LinkedPerson): Promise<boolean> {
  const { rows } = await db.query(`select 1 from (${coursesWithTraces}) theirs limit 1`, [userId, lmsUserId]);
  return rows.length > 0;
}

/** What is known of an earlier departure from the course does not count any more. */
const isAnew = '(known.is_rebuilt or $4::boolean)';

const recordDeparture = `
  insert into course_departures as known (course_id, lms_user_id, run_before, article_ids)
  select id, $3::bigint, update_run_id, array(
    select distinct article_id from article_course_user_wiki_timeslices
    where course_id = $1::bigint and user_id = $2::bigint)
  from courses where id = $1::bigint
  on conflict (course_id, lms_user_id) do update set
    run_before = case when ${isAnew} then excluded.run_before else known.run_before end,
    workflow_id = case when not ${isAnew} then known.workflow_id end,
    run_id = case when not ${isAnew} then known.run_id end,
    is_rebuilt = false,
    article_ids = array(select unnest(known.article_ids) union select unnest(excluded.article_ids))`;

/**
 * Takes the person out of a course, in every role, and notes which update the course had then: one that begins later finds
 * somebody who is no student, takes their edits out and rebuilds what they were in. Triggers mark the slices. `db` must be a
 * transaction. Safe to run twice.
 *
 * The course's row is locked first, as everybody does who locks more of a course; a trigger locks the slices, in their order.
 */
export async function leaveCourse(
  db: Queryable,
  courseId: number,
  { userId, lmsUserId }: LinkedPerson,
): Promise<void> {
  await db.query('select id from courses where id = $1::bigint for no key update', [courseId]);
  const { rowCount } = await db.query(
    'delete from courses_users where course_id = $1::bigint and user_id = $2::bigint',
    [courseId, userId],
  );
  await db.query(recordDeparture, [courseId, userId, lmsUserId, (rowCount ?? 0) > 0]);
}

/** Courses whose numbers wait to be rebuilt, with the update that has begun since where there is one. */
export async function listDepartures(db: Queryable, lmsUserId: number): Promise<readonly Departure[]> {
  const run = (row: string, workflowId: string, runId: string): string =>
    `jsonb_build_object('workflowId', ${row}.${workflowId}, 'runId', ${row}.${runId})`;
  const { rows } = await db.query<Departure>(
    `select course_id as "courseId", lms_user_id as "lmsUserId",
       case when run_before = update_run_id then ${run('courses', 'update_workflow_id', 'update_run_id')} end as before,
       case
         when run_id is not null then ${run('departure', 'workflow_id', 'run_id')}
         when update_run_id is distinct from run_before then ${run('courses', 'update_workflow_id', 'update_run_id')}
       end as later
     from course_departures departure join courses on courses.id = course_id
     where lms_user_id = $1::bigint and not is_rebuilt
     order by course_id`,
    [lmsUserId],
  );
  return rows;
}

type Course = Pick<Departure, 'courseId' | 'lmsUserId'>;

/** Keeps which update is waited for: the course may have begun another when it is looked at next. */
export async function noteLaterRun(
  db: Queryable,
  { courseId, lmsUserId }: Course,
  { workflowId, runId }: UpdateRun,
): Promise<void> {
  await db.query(
    `update course_departures set workflow_id = $3, run_id = $4
     where course_id = $1::bigint and lms_user_id = $2::bigint and run_id is null and run_before is distinct from $4`,
    [courseId, lmsUserId, workflowId, runId],
  );
}

/** The update that was waited for has ended well. Not where the person has left anew since. */
export async function noteRebuilt(
  db: Queryable,
  { courseId, lmsUserId }: Course,
  { runId }: UpdateRun,
): Promise<void> {
  await db.query(
    `update course_departures set is_rebuilt = true
     where course_id = $1::bigint and lms_user_id = $2::bigint and run_id = $3`,
    [courseId, lmsUserId, runId],
  );
}

/** An update that did not end well rebuilt nothing for sure: one that begins after it is waited for. */
export async function forgetRun(
  db: Queryable,
  { courseId, lmsUserId }: Course,
  { runId }: UpdateRun,
): Promise<void> {
  await db.query(
    `update course_departures set run_before = $3, workflow_id = null, run_id = null
     where course_id = $1::bigint and lms_user_id = $2::bigint and run_id = $3`,
    [courseId, lmsUserId, runId],
  );
}
