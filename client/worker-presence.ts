import { failed, type OperationError } from './operation-error.ts';
import type { TemporalAccess } from './temporal.ts';

/** The server's API numbers: both types of tasks have their own pollers. */
const taskTypes = { workflows: 1, activities: 2 } as const;

export type TaskType = keyof typeof taskTypes;

/** What a worker of a task queue takes: everything, or as that of `wiki` activities alone. */
export type TaskKinds = 'workflows and activities' | 'activities';

/** Workers of one build; undefined: workers without versioning. */
export interface Build {
  readonly deployment: string;
  readonly buildId: string;
}

/** A task queue as Temporal has it at the moment. */
export interface QueueLook {
  /** The build of each worker that polls, or did within the last minute or so. */
  readonly builds: readonly (Build | undefined)[];
  /** Whose workers get what begins now: the current build, and behind it one that is ramped up. */
  readonly getWork: readonly (Build | undefined)[];
}

export type LookAtQueue = (taskQueue: string, type: TaskType) => Promise<QueueLook>;

type Asked = Pick<TemporalAccess, 'connection' | 'namespace'>;

/** Looks at each task queue once, however many questions there are about it: for a moment, not for waiting. */
export function lookingOnce(temporal: Asked): LookAtQueue {
  const looks = new Map<string, Promise<QueueLook>>();
  return (taskQueue, type) => {
    const key = `${taskQueue} (${type})`;
    const look = looks.get(key) ?? lookAtQueue(temporal, taskQueue, type);
    looks.set(key, look);
    return look;
  };
}

/** A poll lasts up to 60 s, so a living worker was seen at most this long ago. */
const SEEN_WITHIN_MS = 75_000;

/** The server's number for workers that ask for what their version is to get. */
const VERSIONED = 2;

async function lookAtQueue(
  { connection, namespace }: Asked,
  taskQueue: string,
  type: TaskType,
): Promise<QueueLook> {
  const { pollers, versioningInfo } = await connection.workflowService.describeTaskQueue({
    namespace,
    taskQueue: { name: taskQueue },
    taskQueueType: taskTypes[type],
  });
  const living = (pollers ?? []).filter(
    ({ lastAccessTime }) => Date.now() - Number(lastAccessTime?.seconds ?? 0) * 1000 < SEEN_WITHIN_MS,
  );
  const ramping = buildOf(versioningInfo?.rampingDeploymentVersion);
  return {
    builds: living.map(({ deploymentOptions: options }) =>
      Number(options?.workerVersioningMode) === VERSIONED ? buildOf(options) : undefined,
    ),
    getWork: [buildOf(versioningInfo?.currentDeploymentVersion), ...(ramping === undefined ? [] : [ramping])],
  };
}

interface NamedBuild {
  readonly deploymentName?: string | null;
  readonly buildId?: string | null;
}

function buildOf(named: NamedBuild | null | undefined): Build | undefined {
  if (!named?.buildId) return undefined;
  return { deployment: named.deploymentName ?? '', buildId: named.buildId };
}

export function isSameBuild(one: Build | undefined, other: Build | undefined): boolean {
  return one?.deployment === other?.deployment && one?.buildId === other?.buildId;
}

/** Where the work is about to be asked for. */
export interface WantedWorker {
  readonly taskQueue: string;
  /** Default: both. */
  readonly kinds?: TaskKinds | undefined;
  readonly look?: LookAtQueue;
}

/** Why nobody would take what is asked for now; undefined when workers that get the work poll for all these kinds of tasks. */
export async function whyNoWorker(
  temporal: TemporalAccess,
  { taskQueue, kinds = 'workflows and activities', look = lookingOnce(temporal) }: WantedWorker,
): Promise<OperationError | undefined> {
  const types = kinds === 'activities' ? (['activities'] as const) : (['workflows', 'activities'] as const);
  const looks = await Promise.all(types.map((type) => look(taskQueue, type)));
  const lacking = looks.find(
    ({ builds, getWork }) => !builds.some((build) => getWork.some((wanted) => isSameBuild(build, wanted))),
  );
  return lacking && noWorker(lacking, `the task queue ${taskQueue} in namespace ${temporal.namespace}`);
}

function noWorker({ builds, getWork: [current] }: QueueLook, place: string): OperationError {
  if (current !== undefined) {
    return failed(
      `no worker of build ${current.buildId} of ${current.deployment}, which is to get the work, polls ${place}: start its workers, or name another build with \`registrar deployment promote\`, then try again`,
    );
  }
  const waiting = builds.find((build) => build !== undefined);
  if (waiting !== undefined) {
    return failed(
      `only workers of builds that get no work poll ${place}: run \`registrar deployment promote --deployment ${waiting.deployment} --build-id ${waiting.buildId}\`, then try again`,
    );
  }
  return failed(
    `no worker polls ${place}: start one with \`registrar worker\` (or \`registrar up\`), then try again`,
  );
}

/** Whether {@link whyNoWorker} has nothing to say. */
export async function hasWorker(temporal: TemporalAccess, taskQueue: string): Promise<boolean> {
  return (await whyNoWorker(temporal, { taskQueue })) === undefined;
}

/** Throws when nobody would take the work that is about to be asked for. */
export async function requireWorker(
  temporal: TemporalAccess,
  taskQueue: string,
  kinds?: TaskKinds,
): Promise<void> {
  const why = await whyNoWorker(temporal, { taskQueue, kinds });
  if (why !== undefined) throw why;
}
