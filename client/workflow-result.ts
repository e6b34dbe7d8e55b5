import { isGrpcServiceError, ServiceError, type WorkflowHandle } from '@temporalio/client';
import type { TemporalAccess } from './temporal.ts';
import { requireWorker } from './worker-presence.ts';

const LOOK_FOR_WORKER_MS = 20_000;
const DEADLINE_EXCEEDED = 4;

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
