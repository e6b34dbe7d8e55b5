import { RETIREMENT_TASK_QUEUE } from '../../workflows/retirement/contract.ts';
import { TIMESLICES_TASK_QUEUE, WIKI_TASK_QUEUE } from '../../workflows/timeslices/contract.ts';
import type { TemporalAccess } from '../temporal.ts';

/** What must be polled for, with the server's number for the kind of tasks. */
const polledFor = [
  { taskQueue: RETIREMENT_TASK_QUEUE, tasks: 'workflows', type: 1 },
  { taskQueue: RETIREMENT_TASK_QUEUE, tasks: 'activities', type: 2 },
  { taskQueue: TIMESLICES_TASK_QUEUE, tasks: 'workflows', type: 1 },
  { taskQueue: TIMESLICES_TASK_QUEUE, tasks: 'activities', type: 2 },
  { taskQueue: WIKI_TASK_QUEUE, tasks: 'activities', type: 2 },
] as const;

/** `timeslices (workflows)` */
export type Place = string;

export const places: readonly Place[] = polledFor.map(({ taskQueue, tasks }) => `${taskQueue} (${tasks})`);

/** Workers of one build; undefined: workers without versioning. */
export interface Build {
  readonly deployment: string;
  readonly buildId: string;
}

/** A place, and the builds whose workers poll it. */
export interface PolledPlace {
  readonly place: Place;
  readonly builds: readonly (Build | undefined)[];
}

/** A poll lasts up to 60 s, so a living worker was seen at most this long ago. */
const SEEN_WITHIN_MS = 75_000;

/** The server's number for workers that ask for what their version is to get. */
const VERSIONED = 2;

/** Who polls for what at the moment, or did within the last minute or so. */
export async function listPolled({
  connection,
  namespace,
}: Pick<TemporalAccess, 'connection' | 'namespace'>): Promise<readonly PolledPlace[]> {
  return Promise.all(
    polledFor.map(async ({ taskQueue, tasks, type }) => {
      const { pollers } = await connection.workflowService.describeTaskQueue({
        namespace,
        taskQueue: { name: taskQueue },
        taskQueueType: type,
      });
      const alive = (pollers ?? []).filter(
        ({ lastAccessTime }) => Date.now() - Number(lastAccessTime?.seconds ?? 0) * 1000 < SEEN_WITHIN_MS,
      );
      return {
        place: `${taskQueue} (${tasks})`,
        builds: alive.map(({ deploymentOptions }) => buildOf(deploymentOptions)),
      };
    }),
  );
}

interface PollerOptions {
  readonly deploymentName?: string | null;
  readonly buildId?: string | null;
  readonly workerVersioningMode?: number | null;
}

function buildOf(options: PollerOptions | null | undefined): Build | undefined {
  if (options == null || options.workerVersioningMode !== VERSIONED) return undefined;
  return { deployment: options.deploymentName ?? '', buildId: options.buildId ?? '' };
}

/** Places that no worker of the build polls. */
export function placesWithout(polled: readonly PolledPlace[], build: Build | undefined): readonly Place[] {
  return polled
    .filter(({ builds }) => !builds.some((other) => isSame(other, build)))
    .map(({ place }) => place);
}

function isSame(one: Build | undefined, other: Build | undefined): boolean {
  return one?.deployment === other?.deployment && one?.buildId === other?.buildId;
}
