import type { NativeConnection, Worker } from '@temporalio/worker';
import { COLLECT_RETIREMENTS } from '../../workflows/retirement/contract.ts';
import type { QueueSeen } from './metrics.ts';

/** The server's API numbers. */
const KINDS = { workflow: 1, activity: 2 } as const;

type Kind = keyof typeof KINDS;

export interface QueueLook {
  readonly queues: readonly QueueSeen[];
  /** Task queues of workers here that Temporal does not know as pollers. */
  readonly unpolled: readonly string[];
}

/**
 * Asks Temporal about the task queues of these workers: what waits in them, and whether these very workers poll. A poller is
 * known for some minutes after its last poll, but not to a server that was started since. Throws when Temporal does not answer.
 */
export async function lookAtQueues(
  connection: NativeConnection,
  namespace: string,
  workers: readonly Worker[],
): Promise<QueueLook> {
  const looks = await Promise.all(
    workers.flatMap((worker) =>
      kindsOf(worker).map(async (kind) => {
        const { taskQueue, identity } = worker.options;
        const answer = await connection.workflowService.describeTaskQueue({
          namespace,
          taskQueue: { name: taskQueue },
          taskQueueType: KINDS[kind],
          reportStats: true,
        });
        return {
          taskQueue,
          isPolled: answer.pollers?.some((poller) => poller.identity === identity) ?? false,
          seen: {
            taskQueue,
            kind,
            backlog: Number(answer.stats?.approximateBacklogCount ?? 0),
            backlogAgeSeconds: Number(answer.stats?.approximateBacklogAge?.seconds ?? 0),
          },
        };
      }),
    ),
  );
  const unpolled = looks.filter(({ isPolled }) => !isPolled).map(({ taskQueue }) => taskQueue);
  return { queues: looks.map(({ seen }) => seen), unpolled: [...new Set(unpolled)] };
}

function kindsOf({ options: { workflowBundle, workflowsPath } }: Worker): readonly Kind[] {
  const runsWorkflows = workflowBundle !== undefined || workflowsPath !== undefined;
  return runsWorkflows ? ['workflow', 'activity'] : ['activity'];
}

/** When the last collection ended well, in seconds since 1970; undefined while Temporal keeps none. */
export async function findLastCollection(
  connection: NativeConnection,
  namespace: string,
): Promise<number | undefined> {
  const { executions } = await connection.workflowService.listWorkflowExecutions({
    namespace,
    pageSize: 1,
    // The server lists what closed last first.
    query: `WorkflowType = '${COLLECT_RETIREMENTS}' and ExecutionStatus = 'Completed'`,
  });
  const seconds = executions?.[0]?.closeTime?.seconds;
  return seconds === undefined || seconds === null ? undefined : Number(seconds);
}
