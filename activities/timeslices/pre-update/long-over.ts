import type { Queryable } from '../../../db/database.ts';

export interface LongOver {
  readonly courseId: number;
  readonly now: Date;
  /** Of 24 hours. */
  readonly days: number;
}

/** Everything that an update would still do. Students whom a wiki refuses wait for a full rebuild, not for an update. */
const nothingToDo = `
  not course.needs_update
  and not exists (select from course_wiki_timeslices slice where slice.course_id = course.id and slice.needs_update)
  and not exists (
    select from courses_wikis mine
    where mine.course_id = course.id
      and (mine.left_at is not null
        or (mine.sliced_from, mine.sliced_until) is distinct from (course.starts_at, course.ends_at)))
  and not exists (
    select from courses_wikis mine
    join courses_users student on student.course_id = mine.course_id and student.role = 0
    left join course_user_wiki_cursors known
      on (known.course_id, known.wiki_id, known.user_id) = (mine.course_id, mine.wiki_id, student.user_id)
    where mine.course_id = course.id
      and known.refused_at is null
      and (known.ingested_until is null or known.ingested_until < course.ends_at))
  and not exists (
    select from course_wiki_timeslices slice
    left join courses_wikis mine using (course_id, wiki_id)
    where slice.course_id = course.id and mine.course_id is null)
  and not exists (
    select from course_user_wiki_cursors known
    left join courses_users student
      on student.course_id = known.course_id and student.user_id = known.user_id and student.role = 0
    where known.course_id = course.id and student.course_id is null)`;

/**
 * True when the course ended more than `days` before `now` and an update has nothing left to do: no mark, no request for a full
 * rebuild, nothing left over by a wiki, no dates, roster or wikis to follow, and nobody who waits to be fetched up to its end.
 */
export async function findLongOver(db: Queryable, { courseId, now, days }: LongOver): Promise<boolean> {
  const { rows } = await db.query<{ isOver: boolean }>(
    `select exists (
       select from courses course
       where course.id = $1::bigint and course.ends_at < $2::timestamptz - make_interval(hours => 24 * $3::integer)
         and ${nothingToDo}) as "isOver"`,
    [courseId, now, days],
  );
  return rows[0]?.isOver ?? false;
}
