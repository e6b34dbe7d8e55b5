import type { ApplicationFailure } from '@temporalio/common';
import type { Queryable } from '../../db/database.ts';
import { permanent } from '../failures.ts';
import { hasCourse, listCourseWikis, type CourseWiki } from './course-store.ts';

/** Throws a permanent `UnknownCourse` when it was deleted. */
export async function requireCourse(db: Queryable, courseId: number): Promise<void> {
  if (await hasCourse(db, courseId)) return;
  throw permanent(
    'UnknownCourse',
    `there is no course ${courseId} in the database: delete the schedule course-update-${courseId}, or restore the course`,
  );
}

/** A wiki that is to be called. Throws {@link wikiTakenOut}. */
export async function requireCourseWiki(
  db: Queryable,
  { courseId, wikiId }: { readonly courseId: number; readonly wikiId: number },
): Promise<CourseWiki> {
  const wiki = (await listCourseWikis(db, courseId)).find((one) => one.wikiId === wikiId);
  if (wiki) return wiki;
  throw wikiTakenOut();
}

/** Somebody changed the course behind the plan: the next update makes another. */
export function wikiTakenOut(): ApplicationFailure {
  return permanent('WikiUnavailable', 'the wiki was taken out of the course during the update');
}
