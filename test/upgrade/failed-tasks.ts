import type { Client } from '@temporalio/client';

/** The server's API number of a task whose answer came too late because something else happened: it is simply made anew. */
const UNHANDLED_COMMAND = 1;

/** Workflow tasks that failed, in all runs that Temporal still has: a change that old runs cannot follow shows here. */
export async function listFailedTasks(client: Client): Promise<readonly string[]> {
  const failed: string[] = [];
  for await (const { workflowId, runId } of client.workflow.list()) {
    const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    for (const { workflowTaskFailedEventAttributes: attributes } of events ?? []) {
      if (attributes == null || Number(attributes.cause) === UNHANDLED_COMMAND) continue;
      failed.push(`${workflowId}: ${attributes.failure?.message ?? 'no message'}`);
    }
  }
  return failed;
}
