import { RETIREMENT_TASK_QUEUE } from '../../workflows/retirement/contract.ts';
import { TIMESLICES_TASK_QUEUE, WIKI_TASK_QUEUE } from '../../workflows/timeslices/contract.ts';
import type { TemporalAccess } from '../temporal.ts';
import {
  isSameBuild,
  lookingOnce,
  type Build,
  type LookAtQueue,
  type QueueLook,
  type TaskType,
} from '../worker-presence.ts';

/** What there is to be polled for. Whoever has no use for a job has no worker for any task queue of it. */
const polledFor = [
  { job: 'retirement', taskQueue: RETIREMENT_TASK_QUEUE, type: 'workflows' },
  { job: 'retirement', taskQueue: RETIREMENT_TASK_QUEUE, type: 'activities' },
  { job: 'courses', taskQueue: TIMESLICES_TASK_QUEUE, type: 'workflows' },
  { job: 'courses', taskQueue: TIMESLICES_TASK_QUEUE, type: 'activities' },
  { job: 'courses', taskQueue: WIKI_TASK_QUEUE, type: 'activities' },
] as const satisfies readonly { job: string; taskQueue: string; type: TaskType }[];

/** `timeslices (workflows)` */
export type Place = string;

export const places: readonly Place[] = polledFor.map(({ taskQueue, type }) => `${taskQueue} (${type})`);

/** A place, the builds whose workers poll it, and those that get its work. */
export interface PolledPlace extends QueueLook {
  readonly place: Place;
  readonly job: (typeof polledFor)[number]['job'];
}

/** Who polls for what at the moment, or did within the last minute or so. */
export async function listPolled(
  temporal: Pick<TemporalAccess, 'connection' | 'namespace'>,
  look: LookAtQueue = lookingOnce(temporal),
): Promise<readonly PolledPlace[]> {
  return Promise.all(
    polledFor.map(async ({ job, taskQueue, type }) => ({
      place: `${taskQueue} (${type})`,
      job,
      ...(await look(taskQueue, type)),
    })),
  );
}

/**
 * Places that no worker of the build polls: all of them, or those of jobs that some worker does. A job that nobody does, as where
 * there are no courses, would wait the same under any build; workers of the build that come for it later get its work.
 */
export function placesWithout(polled: readonly PolledPlace[], build: Build | undefined): readonly Place[] {
  const lacking = polled.filter(({ builds }) => !builds.some((other) => isSameBuild(other, build)));
  const pollsNothing = lacking.length === polled.length;
  const done = new Set(polled.flatMap(({ job, builds }) => (builds.length > 0 ? [job] : [])));
  return lacking.filter(({ job }) => pollsNothing || done.has(job)).map(({ place }) => place);
}

/** Places as a message names them. */
export function placesText(some: readonly Place[]): string {
  return some.length === places.length ? 'any task queue' : some.join(', ');
}
