import { getClient } from '@temporalio/activity';
import { ScheduleNotFoundError, type ScheduleDescription, type ScheduleHandle } from '@temporalio/client';
import type { Database } from '../../db/database.ts';
import { courseUpdateId, PAUSED_BY_UPDATE } from '../../workflows/timeslices/contract.ts';
import { beating } from '../heartbeat.ts';
import { requireCourse } from './courses.ts';
import type { CourseActivityDependencies } from './dependencies.ts';
import { findLongOver } from './pre-update/long-over.ts';

/** A course is looked after for this long behind its end. */
const DAYS_AFTER_END = 30;

export interface TendInput {
  readonly courseId: number;
  /** When the update began, ISO 8601. */
  readonly now: string;
}

/**
 * Pauses the schedule of a course that ended a month ago and has nothing left to be worked; true when it is paused then.
 * Resumes those of other such courses which have something to be worked again, because a page that they share was deleted, moved
 * or restored. Safe to run twice.
 */
export function createTendSchedules({
  database,
}: CourseActivityDependencies): (input: TendInput) => Promise<boolean> {
  return (input) =>
    beating(async () => {
      await requireCourse(database, input.courseId);
      await wakeMarked(database, input);
      return pauseIfLongOver(database, input);
    });
}

async function pauseIfLongOver(database: Database, { courseId, now }: TendInput): Promise<boolean> {
  const isLongOver = (): Promise<boolean> =>
    findLongOver(database, { courseId, now: new Date(now), days: DAYS_AFTER_END });
  if (!(await isLongOver())) return false;
  const found = await findSchedule(courseId);
  // An update that somebody started by hand, without a schedule.
  if (!found) return false;
  const { schedule, state } = found;
  if (state.paused) return true;
  await schedule.pause(
    `${PAUSED_BY_UPDATE}the course ended more than ${DAYS_AFTER_END} days ago and nothing is left to do`,
  );
  // Whoever changed the course in between found nothing to resume.
  if (await isLongOver()) return true;
  await schedule.unpause('Resumed by the update: the course was changed');
  return false;
}

async function wakeMarked(database: Database, { courseId, now }: TendInput): Promise<void> {
  const { rows } = await database.query<{ courseId: number }>(
    `select distinct slice.course_id as "courseId"
     from course_wiki_timeslices slice join courses on courses.id = slice.course_id
     where slice.needs_update and slice.course_id <> $1::bigint
       and courses.ends_at < $2::timestamptz - make_interval(days => $3::integer)
     order by 1`,
    [courseId, now, DAYS_AFTER_END],
  );
  for (const marked of rows) {
    const found = await findSchedule(marked.courseId);
    if (found?.state.paused !== true || found.state.note?.startsWith(PAUSED_BY_UPDATE) !== true) continue;
    await found.schedule.unpause(`Resumed by the update of course ${courseId}: a page of both has changed`);
  }
}

async function findSchedule(
  courseId: number,
): Promise<{ readonly schedule: ScheduleHandle; readonly state: ScheduleDescription['state'] } | undefined> {
  const schedule = getClient().schedule.getHandle(courseUpdateId(courseId));
  try {
    const { state } = await schedule.describe();
    return { schedule, state };
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return undefined;
    throw error;
  }
}
