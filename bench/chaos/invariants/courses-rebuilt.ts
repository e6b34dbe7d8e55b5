import { listDifferences } from '../../../activities/timeslices/rebuild.ts';
import { listCourseIds } from '../../../client/course/store.ts';
import type { Invariant } from './scene.ts';

/** Every number of every course is what a rebuild from its facts gives. */
export const coursesRebuilt: Invariant = async ({ database }) => {
  const violations: string[] = [];
  for (const courseId of await listCourseIds(database)) {
    for (const { table, key, stored, rebuilt } of await listDifferences(database, { courseId, limit: 20 })) {
      violations.push(
        `course ${courseId}, ${table} ${JSON.stringify(key)}: ${JSON.stringify(stored)} is stored, a rebuild gives ${JSON.stringify(rebuilt)}`,
      );
    }
  }
  return violations;
};
