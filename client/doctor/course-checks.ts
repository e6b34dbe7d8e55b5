import type { Queryable } from '../../db/database.ts';
import { TIMESLICES_TASK_QUEUE, WIKI_TASK_QUEUE } from '../../workflows/timeslices/contract.ts';
import { listCourseIds } from '../course/store.ts';
import { courseSchedule, findSchedule } from '../setup/schedules.ts';
import type { TemporalAccess } from '../temporal.ts';
import { toOperationError } from '../translate-error.ts';
import { lookingOnce, type LookAtQueue } from '../worker-presence.ts';
import { bad, ok, type Check } from './check.ts';
import { checkWorker } from './worker-checks.ts';

/** Whether somebody updates the courses: their schedules, and workers for their task queues. Nothing when there are no courses. */
export async function checkCourses(
  database: Queryable,
  temporal: TemporalAccess,
  look: LookAtQueue = lookingOnce(temporal),
): Promise<readonly Check[]> {
  const courseIds = await listCourseIds(database);
  if (courseIds.length === 0) return [];
  try {
    return [await checkSchedules(temporal, courseIds), ...(await checkWorkers(temporal, look))];
  } catch (error) {
    return [bad('course schedules', toOperationError(error).message)];
  }
}

async function checkSchedules(temporal: TemporalAccess, courseIds: readonly number[]): Promise<Check> {
  const paused = new Map<string, boolean>();
  // One request for a thousand; the list may be a moment behind, so whoever is not in it is looked up.
  for await (const { scheduleId, state } of temporal.client.schedule.list({ pageSize: 1_000 })) {
    paused.set(scheduleId, state.paused);
  }
  const missing: string[] = [];
  for (const scheduleId of courseIds.map((courseId) => courseSchedule(courseId).scheduleId)) {
    if (paused.has(scheduleId)) continue;
    const found = await findSchedule(temporal.client, scheduleId);
    if (found === undefined) missing.push(scheduleId);
    else paused.set(scheduleId, found.state.paused);
  }
  if (missing.length > 0) {
    return bad('course schedules', `missing: ${missing.join(', ')}: run \`registrar setup\``);
  }
  const pausedCount = courseIds.filter((courseId) => paused.get(courseSchedule(courseId).scheduleId)).length;
  return ok('course schedules', `all ${courseIds.length} are there, ${pausedCount} paused`);
}

async function checkWorkers(temporal: TemporalAccess, look: LookAtQueue): Promise<readonly Check[]> {
  return Promise.all([
    checkWorker(temporal, { taskQueue: TIMESLICES_TASK_QUEUE, look }),
    checkWorker(temporal, { taskQueue: WIKI_TASK_QUEUE, kinds: 'activities', look }),
  ]);
}
