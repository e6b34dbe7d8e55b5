import os from 'node:os';
import { connectTemporal } from '../client/temporal.ts';
import { hasWorker } from '../client/worker-presence.ts';
import { RETIREMENT_TASK_QUEUE } from '../workflows/retirement/contract.ts';

// The container's health check: exit 0 when the worker of this very container takes tasks, 1 and the lines why otherwise. An LMS or
// a wiki that is down is no reason to call the worker unhealthy. Where the worker serves its readiness, that is asked: cheaper, and it
// knows of the database too. Otherwise only Temporal is.

/** The SDK's identity of a worker is `pid@host`, and a container's host name is its own. */
const here = `@${os.hostname()}`;

const ANSWER_WITHIN_MS = 5_000;

try {
  const address = process.env['REGISTRAR_HTTP_ADDRESS'];
  if (address) await askWorker(address);
  else await askTemporal();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

async function askWorker(address: string): Promise<void> {
  // What listens on all addresses of the container is asked at its loopback.
  const url = `http://${address.replace(/^(?:0\.0\.0\.0|\[::\]):/, '127.0.0.1:')}/readyz`;
  const signal = AbortSignal.timeout(ANSWER_WITHIN_MS);
  const answer = await fetch(url, { signal }).catch((cause: unknown) => {
    throw new Error(`the worker does not answer at ${address}`, { cause });
  });
  if (!answer.ok) throw new Error((await answer.text()).trim());
}

async function askTemporal(): Promise<void> {
  const temporal = await connectTemporal(process.env);
  const polled = await hasWorker(temporal, RETIREMENT_TASK_QUEUE, (identity) => identity.endsWith(here));
  await temporal.close();
  if (!polled) throw new Error(`no worker on ${os.hostname()} polls ${RETIREMENT_TASK_QUEUE}`);
}
