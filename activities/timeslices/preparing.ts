import type { Queryable } from '../../db/database.ts';
import { beating } from '../heartbeat.ts';
import { listCourseWikis } from './course-store.ts';
import { requireCourse } from './courses.ts';
import type { CourseActivityDependencies } from './dependencies.ts';
import { adjustSlices } from './pre-update/slices.ts';
import { removeDepartedStudents } from './pre-update/students.ts';
import { markFullRebuild } from './pre-update/full-rebuild.ts';
import { removeLostWikis } from './pre-update/wikis.ts';

interface CourseOnly {
  readonly courseId: number;
}

type Step<Result> = (input: CourseOnly) => Promise<Result>;

/** A step of `preUpdate` as an activity: one transaction, safe to run twice because a second run finds nothing to change. */
function inOneTransaction<Result>(
  { database }: CourseActivityDependencies,
  step: (transaction: Queryable, input: CourseOnly) => Promise<Result>,
): Step<Result> {
  return (input) =>
    beating(async () => {
      await requireCourse(database, input.courseId);
      return database.transaction((transaction) => step(transaction, input));
    });
}

/** Deletes what belongs to wikis that the course has no more. Throws `UnknownCourse`, as all of these do. */
export function createRemoveLostWikis(
  dependencies: CourseActivityDependencies,
): Step<{ readonly slicesRemoved: number }> {
  return inOneTransaction(dependencies, removeLostWikis);
}

/** Takes out who is a student no more, and marks the slices that they touched. Causes no request to any wiki. */
export function createRemoveDepartedStudents(
  dependencies: CourseActivityDependencies,
): Step<{ readonly studentsRemoved: number }> {
  return inOneTransaction(dependencies, removeDepartedStudents);
}

/** A full rebuild that was asked for becomes marks on every slice. */
export function createMarkFullRebuild(dependencies: CourseActivityDependencies): Step<boolean> {
  return inOneTransaction(dependencies, markFullRebuild);
}

export interface AdjustedSlices {
  readonly slicesAdded: number;
  readonly slicesRemoved: number;
}

/** Makes the slices of every wiki those of the course's dates; a transaction a wiki. Safe to run twice. */
export function createAdjustSlices({ database }: CourseActivityDependencies): Step<AdjustedSlices> {
  return ({ courseId }) =>
    beating(async () => {
      let [slicesAdded, slicesRemoved] = [0, 0];
      for (const { wikiId } of await listCourseWikis(database, courseId)) {
        const adjusted = await database.transaction((transaction) =>
          adjustSlices(transaction, { courseId, wikiId }),
        );
        slicesAdded += adjusted.slicesAdded;
        slicesRemoved += adjusted.slicesRemoved;
      }
      return { slicesAdded, slicesRemoved };
    });
}
