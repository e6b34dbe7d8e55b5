import os from 'node:os';
import { connectTemporal } from '../client/temporal.ts';
import { hasWorker } from '../client/worker-presence.ts';
import { RETIREMENT_TASK_QUEUE } from '../workflows/retirement/contract.ts';

// The container's health check: exit 0 when the worker of this very container takes tasks, 1 and a line why otherwise.
// Only Temporal is asked: an LMS or a wiki that is down is no reason to call the worker unhealthy.

/** The SDK's identity of a worker is `pid@host`, and a container's host name is its own. */
const here = `@${os.hostname()}`;

try {
  const temporal = await connectTemporal(process.env);
  const polled = await hasWorker(temporal, RETIREMENT_TASK_QUEUE, (identity) => identity.endsWith(here));
  await temporal.close();
  if (!polled) throw new Error(`no worker on ${os.hostname()} polls ${RETIREMENT_TASK_QUEUE}`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
