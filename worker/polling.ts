import { setTimeout as delay } from 'node:timers/promises';
import type { NativeConnection, Worker } from '@temporalio/worker';
import { lookAtQueues } from './observability/temporal-watch.ts';

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
  const until = Date.now() + PATIENCE_MS;
  while (Date.now() < until && ['INITIALIZED', 'RUNNING'].includes(worker.getState())) {
    const look = await lookAtQueues(connection, namespace, [worker]).catch(() => undefined);
    if (look?.unpolled.length === 0) return;
    await delay(LOOK_EVERY_MS);
  }
}
