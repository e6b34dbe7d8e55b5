import { getClient } from '@temporalio/activity';
import { ScheduleNotFoundError } from '@temporalio/client';
import { courseUpdateId, PAUSED_BY_UPDATE } from '../../workflows/timeslices/contract.ts';
import type { Database } from '../../db/database.ts';
import { beating } from '../heartbeat.ts';
import { requireCourse } from './courses.ts';
import type { CourseActivityDependencies } from './dependencies.ts';
import { findLongOver } from './pre-update/long-over.ts';

/** A course is looked after for this long behind its end. */
const DAYS_AFTER_END = 30;

export interface PauseInput {
  readonly courseId: number;
  /** When the update began, ISO 8601. */
  readonly now: string;
}

/**
 * Pauses the schedule of a course that ended a month ago and has nothing left to be worked; true when it is paused then. Safe to
 * run twice.
 */
export function createPauseIfLongOver({
  database,
}: CourseActivityDependencies): (input: PauseInput) => Promise<boolean> {
  return ({ courseId, now }) => beating(() => pauseIfLongOver(database, { courseId, now }));
}

async function pauseIfLongOver(database: Database, { courseId, now }: PauseInput): Promise<boolean> {
  await requireCourse(database, courseId);
  const isLongOver = (): Promise<boolean> =>
    findLongOver(database, { courseId, now: new Date(now), days: DAYS_AFTER_END });
  if (!(await isLongOver())) return false;
  const schedule = getClient().schedule.getHandle(courseUpdateId(courseId));
  try {
    const { state } = await schedule.describe();
    if (!state.paused) {
      await schedule.pause(
        `${PAUSED_BY_UPDATE}the course ended more than ${DAYS_AFTER_END} days ago and nothing is left to do`,
      );
    }
    // Whoever changed the course in between found nothing to resume.
    if (state.paused || (await isLongOver())) return true;
    await schedule.unpause('Resumed by the update: the course was changed');
    return false;
  } catch (error) {
    // An update that somebody started by hand, without a schedule.
    if (error instanceof ScheduleNotFoundError) return false;
    throw error;
  }
}
