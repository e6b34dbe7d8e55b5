import { WorkflowFailedError, type Client, type WorkflowHandle } from '@temporalio/client';
import { createLimiter } from '../../../domain/concurrency.ts';
import { RETIRE_USER } from '../../../workflows/retirement/contract.ts';
import type { Invariant } from './scene.ts';

const AT_ONCE = 8;
/** More attempts than this, with nothing wrong any more, and an activity does not get anywhere. */
const MOST_ATTEMPTS = 5;
/**
 * Runs that somebody asks for and that say so when a service refuses them: the next one does what this one could not. All others
 * never fail, whatever happens around them.
 */
const mayFail = ['collectRetirements', 'rerunRetirements', 'partnerReport', 'archiveRetirements'];

interface Found {
  readonly workflowId: string;
  readonly runId: string;
  readonly type: string;
  readonly status: string;
}

/** No workflow failed, was lost or hangs, and no workflow task ever failed for a reason of ours. */
export const workflowsSound: Invariant = async ({ client }) => {
  const found: Found[] = [];
  for await (const { workflowId, runId, type, status } of client.workflow.list()) {
    found.push({ workflowId, runId, type, status: status.name });
  }
  const limited = createLimiter(AT_ONCE);
  const troubles = await Promise.all(found.map((run) => limited(() => troubleOf(client, run))));
  return troubles.flat();
};

async function troubleOf(client: Client, run: Found): Promise<readonly string[]> {
  const who = `${run.type} ${run.workflowId}`;
  const bad = await failedTasks(client, run);
  switch (run.status) {
    case 'COMPLETED':
    case 'CONTINUED_AS_NEW':
      return bad.map((why) => `${who}: a workflow task failed: ${why}`);
    case 'RUNNING':
      return [...bad, ...(await pendingTrouble(client, run))].map((why) => `${who}: ${why}`);
    default:
      return run.status === 'FAILED' && mayFail.includes(run.type) ? [] : [`${who} is ${run.status}`];
  }
}

/**
 * The server's numbers for: nothing in particular, a message that came meanwhile (with or without an update), a worker that is gone,
 * and what servers do to each other.
 */
const excused: ReadonlySet<number> = new Set([0, 1, 13, 17, 18, 31]);

async function failedTasks(client: Client, { workflowId, runId }: Found): Promise<readonly string[]> {
  const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory();
  return (events ?? []).flatMap(({ workflowTaskFailedEventAttributes: failed }) => {
    if (failed == null || excused.has(failed.cause ?? 0)) return [];
    return [`cause ${failed.cause ?? 0} ${failed.failure?.message ?? ''}`.trim()];
  });
}

const ENDS_WITHIN_MS = 15_000;

/** True also when it failed. */
async function isOverBy(client: Client, handle: WorkflowHandle, deadlineMs: number): Promise<boolean> {
  return client
    .withDeadline(deadlineMs, () => handle.result())
    .then(
      () => true,
      (error: unknown) => error instanceof WorkflowFailedError,
    );
}

async function pendingTrouble(
  client: Client,
  { workflowId, runId, type }: Found,
): Promise<readonly string[]> {
  const handle = client.workflow.getHandle(workflowId, runId);
  // One that a schedule began a moment ago has an end too.
  const over = type !== RETIRE_USER && (await isOverBy(client, handle, Date.now() + ENDS_WITHIN_MS));
  const { raw, status } = await handle.describe();
  if (over) return status.name === 'COMPLETED' ? [] : [`is ${status.name}`];
  const stuck = (raw.pendingActivities ?? []).filter(({ attempt }) => (attempt ?? 0) > MOST_ATTEMPTS);
  const task = raw.pendingWorkflowTask?.attempt ?? 0;
  return [
    // A parked retirement waits for its operator; all others have an end.
    ...(type === RETIRE_USER ? [] : ['still runs']),
    ...stuck.map(
      ({ activityType, attempt }) => `${activityType?.name ?? 'an activity'} is at attempt ${attempt}`,
    ),
    ...(task > 2 ? [`its workflow task is at attempt ${task}`] : []),
  ];
}
