import type { Database } from '../../../db/database.ts';
import type { Service, ServiceOutcome } from '../../../platform/learner.ts';
import { forgetPerson } from './forgetting.ts';
import {
  beginErasure,
  findErasure,
  findPerson,
  leaveCourse,
  listCoursesToLeave,
  listDepartures,
} from './store.ts';
import { isRebuilt } from './updates.ts';
import { StillWaiting, updatesOf } from './waiting.ts';

/** The service of a pipeline row whose method is our own work. */
export const REGISTRAR = 'REGISTRAR';

/** The methods of {@link REGISTRAR}. They throw {@link StillWaiting} while something else has to end first. */
export function createOwnService(database: Database): Service {
  return {
    retirement_remove_course_user: ({ learner }) => removeCourseUser(database, learner.userId),
  };
}

/**
 * The learner leaves the statistics: out of every course, in every role; then an update of each of these courses rebuilds its
 * numbers without them, from the facts of the others; at last whatever still names them is deleted.
 *
 * Safe to run again after dying between any two calls: what was left is known by `course_departures`, and the person's row
 * goes last of all, together with these. Where it is gone, `statistics_erasures` says that this is our doing. Throws
 * {@link StillWaiting}.
 */
export async function removeCourseUser(database: Database, lmsUserId: number): Promise<ServiceOutcome> {
  const person = await findPerson(database, lmsUserId);
  if (person === undefined) return outcomeFor(database, lmsUserId);
  await beginErasure(database, lmsUserId);
  for (const courseId of await listCoursesToLeave(database, person)) {
    await database.transaction((transaction) => leaveCourse(transaction, courseId, person));
  }
  const unfinished: number[] = [];
  for (const departure of await listDepartures(database, lmsUserId)) {
    if (!(await isRebuilt(database, departure))) unfinished.push(departure.courseId);
  }
  if (unfinished.length > 0) throw new StillWaiting(updatesOf(unfinished));
  const isForgotten = await database.transaction((transaction) => forgetPerson(transaction, person));
  if (!isForgotten)
    throw new StillWaiting('another look at courses that have something of the learner again');
  return outcomeFor(database, lmsUserId);
}

async function outcomeFor(database: Database, lmsUserId: number): Promise<ServiceOutcome> {
  const erasure = await findErasure(database, lmsUserId);
  if (!erasure?.doneAt) {
    return { kind: 'nothing-to-erase', response: 'nobody in the statistics is linked to this LMS user' };
  }
  const { courses, doneAt } = erasure;
  const left =
    courses === 1 ? '1 course was left and rebuilt' : `${courses ?? 0} courses were left and rebuilt`;
  return { kind: 'erased', response: `${left} by ${doneAt.toISOString()}` };
}
