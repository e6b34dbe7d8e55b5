import { ScheduleOverlapPolicy } from '@temporalio/client';
import {
  TIMESLICES_TASK_QUEUE,
  WIKI_TASK_QUEUE,
  type CourseStatusView,
  type CourseUpdateResult,
} from '../../workflows/timeslices/contract.ts';
import { workflowUrl, type TemporalAccess } from '../temporal.ts';
import { requireWorker } from '../worker-presence.ts';
import type { CourseContext } from './context.ts';
import { awaitUpdate, nextUpdate } from './follow-update.ts';
import { oneCourse } from './one-course.ts';
import { handleOf, keepScheduled } from './schedule.ts';
import { askFullRebuild } from './store.ts';

export interface UpdateAsked {
  /** Fetches and builds everything anew. */
  readonly full?: boolean;
}

export interface UpdateRequested {
  readonly courseId: number;
  readonly slug: string;
  readonly full: boolean;
  /** True when another update runs, which this one follows. */
  readonly waits: boolean;
}

export interface UpdateEnded extends UpdateRequested {
  readonly workflowId: string;
  readonly runId: string;
  readonly url: string;
  readonly result: CourseUpdateResult;
}

/** Asks for an update now, or for one more behind the one that runs. Throws when no worker would do it. */
export async function requestUpdate(
  context: CourseContext,
  slug: string,
  asked: UpdateAsked,
): Promise<UpdateRequested> {
  const { requested } = await trigger(context, slug, asked);
  return requested;
}

/**
 * Asks for an update and waits for the end of one that began after the request. Throws what the update failed with. `watch` hears
 * how far it is.
 */
export async function requestAndAwaitUpdate(
  context: CourseContext,
  slug: string,
  asked: UpdateAsked,
  watch?: (view: CourseStatusView) => void,
): Promise<UpdateEnded> {
  const { requested, temporal, place } = await trigger(context, slug, asked);
  const run = await nextUpdate(temporal, requested.courseId, place);
  const result = await awaitUpdate(temporal, run, watch);
  return {
    ...requested,
    ...run,
    url: workflowUrl(context.uiUrl, temporal.namespace, run.workflowId),
    result,
  };
}

interface Triggered {
  readonly requested: UpdateRequested;
  readonly temporal: TemporalAccess;
  /** The first update that began after the request, counted from the schedule's beginning. */
  readonly place: number;
}

async function trigger(
  context: CourseContext,
  slug: string,
  { full = false }: UpdateAsked,
): Promise<Triggered> {
  const { courseId } = await oneCourse(context.database, slug);
  const temporal = await context.temporal();
  await requireCourseWorkers(temporal);
  await keepScheduled(temporal, courseId, full);
  if (full) await askFullRebuild(context.database, courseId);
  const schedule = handleOf(temporal, courseId);
  await schedule.trigger(ScheduleOverlapPolicy.BUFFER_ONE);
  // The server answers with the trigger worked in: if anything is buffered now, it is this request or one before it that has not
  // begun; if nothing is, the newest update was begun by the trigger or after it.
  const { info, raw } = await schedule.describe();
  const waits = Number(raw.info?.bufferSize ?? 0) > 0;
  return {
    requested: { courseId, slug, full, waits },
    temporal,
    place: info.numActionsTaken + (waits ? 1 : 0),
  };
}

/** Throws when nobody would take the tasks of an update. */
async function requireCourseWorkers(temporal: TemporalAccess): Promise<void> {
  await requireWorker(temporal, TIMESLICES_TASK_QUEUE);
  await requireWorker(temporal, WIKI_TASK_QUEUE, 'activities');
}
