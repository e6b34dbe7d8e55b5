import os from 'node:os';
import { connectTemporal, type TemporalAccess } from '../client/temporal.ts';
import { RETIREMENT_TASK_QUEUE } from '../workflows/retirement/contract.ts';

// The container's health check: exit 0 when the worker of this very container takes tasks, 1 and a line why otherwise.
// Only Temporal is asked: an LMS or a wiki that is down is no reason to call the worker unhealthy.

/** A poll lasts up to 60 s, so a living worker was seen at most this long ago. */
const SEEN_WITHIN_MS = 75_000;
/** The server's API numbers: workflow tasks and activity tasks have their own pollers. */
const TASK_KINDS = [1, 2];

try {
  const temporal = await connectTemporal(process.env);
  const polls = await Promise.all(TASK_KINDS.map((kind) => isPolledFromHere(temporal, kind)));
  await temporal.close();
  if (!polls.every(Boolean)) throw new Error(`no worker on ${os.hostname()} polls ${RETIREMENT_TASK_QUEUE}`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

/** The SDK's identity of a worker is `pid@host`, and a container's host name is its own. */
async function isPolledFromHere({ connection, namespace }: TemporalAccess, kind: number): Promise<boolean> {
  const { pollers } = await connection.workflowService.describeTaskQueue({
    namespace,
    taskQueue: { name: RETIREMENT_TASK_QUEUE },
    taskQueueType: kind,
  });
  return (pollers ?? []).some(
    ({ identity, lastAccessTime }) =>
      identity?.endsWith(`@${os.hostname()}`) === true &&
      Date.now() - Number(lastAccessTime?.seconds ?? 0) * 1000 < SEEN_WITHIN_MS,
  );
}
