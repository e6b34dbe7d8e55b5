import { RETIREMENT_TASK_QUEUE } from '../../workflows/retirement/contract.ts';
import { TIMESLICES_TASK_QUEUE, WIKI_TASK_QUEUE } from '../../workflows/timeslices/contract.ts';
import type { TemporalAccess } from '../temporal.ts';
import { listPollers, type Poller, type TaskType } from '../worker-presence.ts';

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

/** Workers of one build; undefined: workers without versioning. */
export interface Build {
  readonly deployment: string;
  readonly buildId: string;
}

/** A place, and the builds whose workers poll it. */
export interface PolledPlace {
  readonly place: Place;
  readonly job: (typeof polledFor)[number]['job'];
  readonly builds: readonly (Build | undefined)[];
}

/** The server's number for workers that ask for what their version is to get. */
const VERSIONED = 2;

/** Who polls for what at the moment, or did within the last minute or so. */
export async function listPolled(
  temporal: Pick<TemporalAccess, 'connection' | 'namespace'>,
): Promise<readonly PolledPlace[]> {
  return Promise.all(
    polledFor.map(async ({ job, taskQueue, type }) => {
      const pollers = await listPollers(temporal, taskQueue, type);
      return {
        place: `${taskQueue} (${type})`,
        job,
        builds: pollers.map(buildOf),
      };
    }),
  );
}

function buildOf({ deploymentOptions: options }: Poller): Build | undefined {
  if (options == null || options.workerVersioningMode !== VERSIONED) return undefined;
  return { deployment: options.deploymentName ?? '', buildId: options.buildId ?? '' };
}

/**
 * Places that no worker of the build polls: all of them, or those of jobs that some worker does. A job that nobody does, as where
 * there are no courses, would wait the same under any build; workers of the build that come for it later get its work.
 */
export function placesWithout(polled: readonly PolledPlace[], build: Build | undefined): readonly Place[] {
  const lacking = polled.filter(({ builds }) => !builds.some((other) => isSame(other, build)));
  const pollsNothing = lacking.length === polled.length;
  const done = new Set(polled.flatMap(({ job, builds }) => (builds.length > 0 ? [job] : [])));
  return lacking.filter(({ job }) => pollsNothing || done.has(job)).map(({ place }) => place);
}

/** Places as a message names them. */
export function placesText(some: readonly Place[]): string {
  return some.length === places.length ? 'any task queue' : some.join(', ');
}

function isSame(one: Build | undefined, other: Build | undefined): boolean {
  return one?.deployment === other?.deployment && one?.buildId === other?.buildId;
}
