import { setTimeout as delay } from 'node:timers/promises';
import type { NativeConnection, Worker } from '@temporalio/worker';

/** The server's API numbers: both kinds of tasks have their own pollers. */
const WORKFLOW_TASKS = 1;
const ACTIVITY_TASKS = 2;
const LOOK_EVERY_MS = 50;
const PATIENCE_MS = 30_000;

/**
 * Waits until the server has this worker among the pollers of its queue: from then on others see it, and work reaches it. A server
 * that goes away meanwhile is waited for like the rest, at most half a minute: the worker goes on by itself when it is back.
 */
export async function untilPolling(
  connection: NativeConnection,
  namespace: string,
  worker: Worker,
): Promise<void> {
  const { taskQueue, identity, workflowBundle, workflowsPath } = worker.options;
  const runsWorkflows = workflowBundle !== undefined || workflowsPath !== undefined;
  const taskQueueTypes = runsWorkflows ? [WORKFLOW_TASKS, ACTIVITY_TASKS] : [ACTIVITY_TASKS];
  const until = Date.now() + PATIENCE_MS;
  while (Date.now() < until && ['INITIALIZED', 'RUNNING'].includes(worker.getState())) {
    const answers = await Promise.all(
      taskQueueTypes.map((taskQueueType) =>
        connection.workflowService
          .describeTaskQueue({ namespace, taskQueue: { name: taskQueue }, taskQueueType })
          .catch(() => ({ pollers: [] })),
      ),
    );
    if (answers.every(({ pollers }) => pollers?.some((poller) => poller.identity === identity))) return;
    await delay(LOOK_EVERY_MS);
  }
}
