import type { Queryable } from '../../db/database.ts';
import { permanent } from '../failures.ts';
import { hasCourse } from './course-store.ts';

/** Throws a permanent `UnknownCourse` when it was deleted. */
export async function requireCourse(db: Queryable, courseId: number): Promise<void> {
  if (await hasCourse(db, courseId)) return;
  throw permanent(
    'UnknownCourse',
    `there is no course ${courseId} in the database: delete the schedule course-update-${courseId}, or restore the course`,
  );
}
