import { failed, type OperationError } from './operation-error.ts';
import type { TemporalAccess } from './temporal.ts';

/** The server's API numbers: both kinds of tasks have their own pollers. */
const WORKFLOW_TASKS = 1;
const ACTIVITY_TASKS = 2;

/** What a worker of a task queue takes: everything, or as that of `wiki` activities alone. */
export type TaskKinds = 'workflows and activities' | 'activities';

/** A poll lasts up to 60 s, so a living worker was seen at most this long ago. */
const SEEN_WITHIN_MS = 75_000;

/**
 * True when a worker has polled all kinds of tasks of the queue within the last minute or so. `isMeant` tells by its
 * identity which workers count; all of them do unless it is given.
 */
export async function hasWorker(
  temporal: TemporalAccess,
  taskQueue: string,
  isMeant: (identity: string) => boolean = () => true,
  kinds: TaskKinds = 'workflows and activities',
): Promise<boolean> {
  const types = kinds === 'activities' ? [ACTIVITY_TASKS] : [WORKFLOW_TASKS, ACTIVITY_TASKS];
  const seen = await Promise.all(
    types.map(async (taskQueueType) => {
      const { pollers } = await temporal.connection.workflowService.describeTaskQueue({
        namespace: temporal.namespace,
        taskQueue: { name: taskQueue },
        taskQueueType,
      });
      return (pollers ?? []).some(
        ({ identity, lastAccessTime }) =>
          isMeant(identity ?? '') &&
          Date.now() - Number(lastAccessTime?.seconds ?? 0) * 1000 < SEEN_WITHIN_MS,
      );
    }),
  );
  return seen.every(Boolean);
}

/** Throws when nobody would take the work that is about to be asked for. */
export async function requireWorker(
  temporal: TemporalAccess,
  taskQueue: string,
  kinds?: TaskKinds,
): Promise<void> {
  if (!(await hasWorker(temporal, taskQueue, undefined, kinds))) throw noWorker(temporal, taskQueue);
}

export function noWorker(temporal: TemporalAccess, taskQueue: string): OperationError {
  return failed(
    `no worker polls the task queue ${taskQueue} in namespace ${temporal.namespace}: start one with \`registrar worker\` (or \`registrar up\`), then try again`,
  );
}
