import { setTimeout as delay } from 'node:timers/promises';
import type { ScheduleDescription, WorkflowHandle } from '@temporalio/client';
import {
  STATUS,
  TIMESLICES_TASK_QUEUE,
  type CourseStatusView,
  type CourseUpdateResult,
} from '../../workflows/timeslices/contract.ts';
import type { TemporalAccess } from '../temporal.ts';
import { requireWorker } from '../worker-presence.ts';
import { resultOf } from '../workflow-result.ts';
import { handleOf } from './schedule.ts';

/** One update of a course. */
export interface UpdateRun {
  readonly workflowId: string;
  readonly runId: string;
}

const LOOK_AGAIN_MS = 200;
/** As often somebody is looked for who works. */
const LOOK_FOR_WORKER_MS = 20_000;

/** Waits until the schedule has begun as many updates as `place` says, and answers that one. */
export async function nextUpdate(
  temporal: TemporalAccess,
  courseId: number,
  place: number,
): Promise<UpdateRun> {
  const schedule = handleOf(temporal, courseId);
  let lookedAt = Date.now();
  for (;;) {
    const run = updateAt(await schedule.describe(), place);
    if (run !== undefined) return run;
    if (Date.now() - lookedAt > LOOK_FOR_WORKER_MS) {
      await requireWorker(temporal, TIMESLICES_TASK_QUEUE);
      lookedAt = Date.now();
    }
    await delay(LOOK_AGAIN_MS);
  }
}

/** The update in that place of all that the schedule began; where it keeps it no more, the oldest that it knows. */
function updateAt({ info }: ScheduleDescription, place: number): UpdateRun | undefined {
  const { recentActions, numActionsTaken } = info;
  const begun = recentActions[Math.max(0, recentActions.length - 1 - (numActionsTaken - place))];
  if (numActionsTaken < place || begun === undefined) return undefined;
  const { workflowId, firstExecutionRunId } = begun.action.workflow;
  return { workflowId, runId: firstExecutionRunId };
}

/** Waits for the result for as long as some worker polls. */
export async function awaitUpdate(
  temporal: TemporalAccess,
  { workflowId, runId }: UpdateRun,
  watch?: (view: CourseStatusView) => void,
): Promise<CourseUpdateResult> {
  const { client } = temporal;
  const handle = client.workflow.getHandle(workflowId, runId);
  const over = new AbortController();
  if (watch !== undefined) void follow(temporal, handle, { watch, signal: over.signal });
  try {
    return await resultOf<CourseUpdateResult>(temporal, { handle, taskQueue: TIMESLICES_TASK_QUEUE });
  } finally {
    over.abort();
  }
}

const ASK_EVERY_MS = 500;
const ANSWER_WITHIN_MS = 2_000;

/** Tells `watch` how far the update is. Nobody waits for it, and a worker that is too busy to answer is asked again. */
async function follow(
  { client }: TemporalAccess,
  handle: WorkflowHandle,
  { watch, signal }: { readonly watch: (view: CourseStatusView) => void; readonly signal: AbortSignal },
): Promise<void> {
  while (!signal.aborted) {
    const view = await client
      .withDeadline(Date.now() + ANSWER_WITHIN_MS, () => handle.query<CourseStatusView>(STATUS))
      .catch(() => undefined);
    if (view !== undefined && !signal.aborted) watch(view);
    await delay(ASK_EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
}
