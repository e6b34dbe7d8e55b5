import { failed, type OperationError } from './operation-error.ts';
import type { TemporalAccess } from './temporal.ts';

/** The server's API numbers: both types of tasks have their own pollers. */
const taskTypes = { workflows: 1, activities: 2 } as const;

export type TaskType = keyof typeof taskTypes;

/** What a worker of a task queue takes: everything, or as that of `wiki` activities alone. */
export type TaskKinds = 'workflows and activities' | 'activities';

/** A worker that polls, in Temporal's words. */
export interface Poller {
  readonly deploymentOptions?: {
    readonly deploymentName?: string | null;
    readonly buildId?: string | null;
    readonly workerVersioningMode?: number | null;
  } | null;
}

/** A poll lasts up to 60 s, so a living worker was seen at most this long ago. */
const SEEN_WITHIN_MS = 75_000;

/** Who polls the task queue for such tasks, or did within the last minute or so. */
export async function listPollers(
  { connection, namespace }: Pick<TemporalAccess, 'connection' | 'namespace'>,
  taskQueue: string,
  type: TaskType,
): Promise<readonly Poller[]> {
  const { pollers } = await connection.workflowService.describeTaskQueue({
    namespace,
    taskQueue: { name: taskQueue },
    taskQueueType: taskTypes[type],
  });
  return (pollers ?? []).filter(
    ({ lastAccessTime }) => Date.now() - Number(lastAccessTime?.seconds ?? 0) * 1000 < SEEN_WITHIN_MS,
  );
}

/** True when workers have polled all these kinds of tasks of the queue within the last minute or so. */
export async function hasWorker(
  temporal: TemporalAccess,
  taskQueue: string,
  kinds: TaskKinds = 'workflows and activities',
): Promise<boolean> {
  const types = kinds === 'activities' ? (['activities'] as const) : (['workflows', 'activities'] as const);
  const seen = await Promise.all(types.map((type) => listPollers(temporal, taskQueue, type)));
  return seen.every((pollers) => pollers.length > 0);
}

/** Throws when nobody would take the work that is about to be asked for. */
export async function requireWorker(
  temporal: TemporalAccess,
  taskQueue: string,
  kinds?: TaskKinds,
): Promise<void> {
  if (!(await hasWorker(temporal, taskQueue, kinds))) throw noWorker(temporal, taskQueue);
}

export function noWorker(temporal: TemporalAccess, taskQueue: string): OperationError {
  return failed(
    `no worker polls the task queue ${taskQueue} in namespace ${temporal.namespace}: start one with \`registrar worker\` (or \`registrar up\`), then try again`,
  );
}
