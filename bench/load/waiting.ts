import { setTimeout as delay } from 'node:timers/promises';
import { readCpu } from './cost.ts';
import type { LoadStage } from './stage.ts';

const LOOK_EVERY_MS = 500;
/** Nothing has changed for so long: it will not. */
const STUCK_AFTER_MS = 300_000;

/** Waits until `count` answers `wanted` or more. Throws when it has stayed the same for five minutes. */
export async function untilCount(what: string, wanted: number, count: () => Promise<number>): Promise<void> {
  let last = Number.NaN;
  let changedAt = performance.now();
  for (;;) {
    const now = await count();
    if (now >= wanted) return;
    if (now !== last) changedAt = performance.now();
    if (performance.now() - changedAt > STUCK_AFTER_MS) {
      throw new Error(`${what}: ${now} of ${wanted}, and no more for ${STUCK_AFTER_MS / 1000} s`);
    }
    last = now;
    await delay(LOOK_EVERY_MS);
  }
}

const QUIET_WINDOW_MS = 2_000;
/** A worker that only polls uses a hundredth of a processor. */
const QUIET_SHARE = 0.08;
const QUIET_PATIENCE_MS = 300_000;

/** Waits until the worker has nothing more to do, at most five minutes. */
export async function untilQuiet(stage: LoadStage): Promise<void> {
  const until = performance.now() + QUIET_PATIENCE_MS;
  while (performance.now() < until) {
    const before = readCpu(stage.pids).worker;
    await delay(QUIET_WINDOW_MS);
    if (!(readCpu(stage.pids).worker - before > QUIET_WINDOW_MS * QUIET_SHARE)) return;
  }
  stage.log('the worker did not come to rest within five minutes');
}

/** Workflows that are under way, as the list of workflows knows. */
export async function countOpen({ temporal }: LoadStage, workflowType: string): Promise<number> {
  const { count } = await temporal.connection.workflowService.countWorkflowExecutions({
    namespace: temporal.namespace,
    query: `WorkflowType = '${workflowType}' and ExecutionStatus = 'Running'`,
  });
  return Number(count);
}

export async function untilNoneOpen(stage: LoadStage, workflowType: string): Promise<void> {
  await untilCount(`${workflowType} to end`, 0, async () => -(await countOpen(stage, workflowType)));
}
