import { isGrpcServiceError, ServiceError, type WorkflowHandle } from '@temporalio/client';
import type { TemporalAccess } from './temporal.ts';
import { requireWorker } from './worker-presence.ts';

const LOOK_FOR_WORKER_MS = 20_000;
const DEADLINE_EXCEEDED = 4;

export interface AskedRun {
  readonly workflowId: string;
  readonly taskQueue: string;
  readonly args?: readonly unknown[];
  /** For the list of workflows. */
  readonly summary: string;
}

/**
 * Starts a workflow for somebody who waits for it; one with this id that is under way already is joined. Throws when no worker would
 * take it.
 */
export async function startNow(
  temporal: TemporalAccess,
  workflowType: string,
  { workflowId, taskQueue, args = [], summary }: AskedRun,
): Promise<WorkflowHandle> {
  await requireWorker(temporal, taskQueue);
  await temporal.client.workflow.start(workflowType, {
    workflowId,
    taskQueue,
    args: [...args],
    workflowIdConflictPolicy: 'USE_EXISTING',
    staticSummary: summary,
  });
  return temporal.client.workflow.getHandle(workflowId);
}

/** As {@link startNow}, and waits for the end. Throws what the workflow failed with. */
export async function runNow<Result>(
  temporal: TemporalAccess,
  workflowType: string,
  run: AskedRun,
): Promise<Result> {
  const handle = await startNow(temporal, workflowType, run);
  return resultOf<Result>(temporal, { handle, taskQueue: run.taskQueue });
}

/** Waits for a workflow's result for as long as some worker polls its task queue. Throws what the workflow failed with. */
export async function resultOf<Result>(
  temporal: TemporalAccess,
  { handle, taskQueue }: { readonly handle: WorkflowHandle; readonly taskQueue: string },
): Promise<Result> {
  for (;;) {
    try {
      return (await temporal.client.withDeadline(Date.now() + LOOK_FOR_WORKER_MS, () =>
        handle.result(),
      )) as Result;
    } catch (error) {
      if (!isDeadline(error)) throw error;
      await requireWorker(temporal, taskQueue);
    }
  }
}

function isDeadline(error: unknown): boolean {
  const cause = error instanceof ServiceError ? error.cause : error;
  return isGrpcServiceError(cause) && Number(cause.code) === DEADLINE_EXCEEDED;
}
