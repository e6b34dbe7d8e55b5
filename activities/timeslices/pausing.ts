import { getClient } from '@temporalio/activity';
import { ScheduleNotFoundError } from '@temporalio/client';
import { courseUpdateId, PAUSED_BY_UPDATE } from '../../workflows/timeslices/contract.ts';
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
  return async ({ courseId, now }) => {
    await requireCourse(database, courseId);
    if (!(await findLongOver(database, { courseId, now: new Date(now), days: DAYS_AFTER_END }))) return false;
    const schedule = getClient().schedule.getHandle(courseUpdateId(courseId));
    try {
      const { state } = await schedule.describe();
      if (!state.paused) {
        await schedule.pause(
          `${PAUSED_BY_UPDATE}the course ended more than ${DAYS_AFTER_END} days ago and nothing is left to do`,
        );
      }
      return true;
    } catch (error) {
      // An update that somebody started by hand, without a schedule.
      if (error instanceof ScheduleNotFoundError) return false;
      throw error;
    }
  };
}
