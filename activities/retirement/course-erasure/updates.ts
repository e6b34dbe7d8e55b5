import { getClient } from '@temporalio/activity';
import {
  ScheduleNotFoundError,
  ScheduleOverlapPolicy,
  type Client,
  type ScheduleDescription,
  type ScheduleHandle,
} from '@temporalio/client';
import { WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError } from '@temporalio/common';
import type { Database } from '../../../db/database.ts';
import {
  COURSE_UPDATE,
  courseAttributes,
  courseUpdateId,
  TIMESLICES_TASK_QUEUE,
} from '../../../workflows/timeslices/contract.ts';
import { forgetRun, noteLaterRun, noteRebuilt, type Departure, type UpdateRun } from './store.ts';

/**
 * Whether the course was rebuilt by an update that began after the learner left; where none has begun, one is asked for. A course
 * has one update at a time and a later one sees everything that this one needs, so it does not matter who asked for it.
 *
 * Safe to run twice: while an update runs that the course's row does not name yet, or one is buffered, none is asked for.
 */
export async function isRebuilt(database: Database, departure: Departure): Promise<boolean> {
  const client = getClient();
  const { later } = departure;
  if (later === null) {
    await askForUpdate(client, departure);
    return false;
  }
  // By the time that it is looked at next the course may have begun another, and so on for ever.
  await noteLaterRun(database, departure, later);
  switch (await statusOf(client, later)) {
    case 'open':
      return false;
    case 'completed':
      await noteRebuilt(database, departure, later);
      return true;
    case 'broken-off':
      await forgetRun(database, departure, later);
      await askForUpdate(client, { ...departure, before: later });
      return false;
  }
}

type RunStatus = 'open' | 'completed' | 'broken-off';

/** A run that Temporal has forgotten may have ended in any way. */
async function statusOf(client: Client, { workflowId, runId }: UpdateRun): Promise<RunStatus> {
  try {
    const { status } = await client.workflow.getHandle(workflowId, runId).describe();
    if (status.name === 'RUNNING') return 'open';
    return status.name === 'COMPLETED' ? 'completed' : 'broken-off';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return 'broken-off';
    throw error;
  }
}

async function askForUpdate(client: Client, { courseId, before }: Departure): Promise<void> {
  const schedule = client.schedule.getHandle(courseUpdateId(courseId));
  const found = await describe(schedule);
  const running = runsOf(found);
  if (found !== undefined && (isBuffered(found) || (await hasOther(client, running, before)))) return;
  // An update that somebody started by hand makes any other fail: its end is waited for.
  const isHandMade = before !== null && running.every(({ runId }) => runId !== before.runId);
  if (isHandMade && (await statusOf(client, before)) === 'open') return;
  if (found === undefined) await startUpdate(client, courseId);
  // Also when it is paused, and behind the update that is under way.
  else await schedule.trigger(ScheduleOverlapPolicy.BUFFER_ONE);
}

async function describe(schedule: ScheduleHandle): Promise<ScheduleDescription | undefined> {
  try {
    return await schedule.describe();
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return undefined;
    throw error;
  }
}

function runsOf(found: ScheduleDescription | undefined): readonly UpdateRun[] {
  return (found?.info.runningActions ?? []).map(({ workflow }) => ({
    workflowId: workflow.workflowId,
    runId: workflow.firstExecutionRunId,
  }));
}

function isBuffered({ raw }: ScheduleDescription): boolean {
  return Number(raw.info?.bufferSize ?? 0) > 0;
}

/** True when an update has been started that has not claimed the course yet: it begins after the learner left. */
async function hasOther(
  client: Client,
  running: readonly UpdateRun[],
  before: UpdateRun | null,
): Promise<boolean> {
  for (const run of running) {
    if (run.runId !== before?.runId && (await statusOf(client, run)) === 'open') return true;
  }
  return false;
}

/** Without a schedule: an operator has deleted it. The id lets only one attempt start the update. */
async function startUpdate(client: Client, courseId: number): Promise<void> {
  try {
    await client.workflow.start(COURSE_UPDATE, {
      workflowId: courseUpdateId(courseId),
      taskQueue: TIMESLICES_TASK_QUEUE,
      args: [{ courseId }],
      typedSearchAttributes: courseAttributes(courseId, 'pre-update'),
      staticSummary: `Update of the statistics of course ${courseId}`,
      workflowIdConflictPolicy: 'FAIL',
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}
