import type { Database, Queryable } from '../../db/database.ts';
import { beating } from '../heartbeat.ts';
import { listWikisToCheck } from './checking-pages.ts';
import { listCourseWikis, listMarkedWikis } from './course-store.ts';
import { requireCourse } from './courses.ts';
import type { CourseActivityDependencies } from './dependencies.ts';
import type { NamedWiki } from './planning.ts';
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
  return ({ courseId }) => beating(() => adjustEach(database, courseId));
}

async function adjustEach(database: Database, courseId: number): Promise<AdjustedSlices> {
  let [slicesAdded, slicesRemoved] = [0, 0];
  for (const { wikiId } of await listCourseWikis(database, courseId)) {
    const adjusted = await database.transaction((transaction) =>
      adjustSlices(transaction, { courseId, wikiId }),
    );
    slicesAdded += adjusted.slicesAdded;
    slicesRemoved += adjusted.slicesRemoved;
  }
  return { slicesAdded, slicesRemoved };
}

export interface PrepareInput extends CourseOnly {
  /** When the update began, ISO 8601. */
  readonly now: string;
}

/** The counts are of this attempt: what an earlier one did before it broke off is not in them. */
export interface PreparedCourse extends AdjustedSlices {
  readonly studentsRemoved: number;
  /** Wikis of which some page has not been asked for since a day. */
  readonly toCheck: readonly NamedWiki[];
  /** Absent where pages are to be checked: that may mark more. */
  readonly slicesMarked?: number;
}

/**
 * Makes slices, roster and marks agree with the course as it is now; each step is a transaction of its own, as by the activities
 * above. Most updates find nothing to change, and as activities the steps would cost them several times what they do.
 */
export function createPrepareCourse({
  database,
}: CourseActivityDependencies): (input: PrepareInput) => Promise<PreparedCourse> {
  return (input) =>
    beating(async () => {
      const { courseId } = input;
      await requireCourse(database, courseId);
      const lost = await database.transaction((tx) => removeLostWikis(tx, { courseId }));
      const { studentsRemoved } = await database.transaction((tx) =>
        removeDepartedStudents(tx, { courseId }),
      );
      const adjusted = await adjustEach(database, courseId);
      await database.transaction((tx) => markFullRebuild(tx, { courseId }));
      const toCheck = await listWikisToCheck(database, input);
      const prepared = {
        slicesAdded: adjusted.slicesAdded,
        slicesRemoved: lost.slicesRemoved + adjusted.slicesRemoved,
        studentsRemoved,
        toCheck,
      };
      if (toCheck.length > 0) return prepared;
      const marked = await listMarkedWikis(database, courseId);
      return { ...prepared, slicesMarked: marked.reduce((sum, { slices }) => sum + slices, 0) };
    });
}
