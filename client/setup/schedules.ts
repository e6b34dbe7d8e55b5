import {
  ScheduleNotFoundError,
  ScheduleOverlapPolicy,
  type ScheduleDescription,
  type ScheduleOptions,
  type ScheduleUpdateOptions,
} from '@temporalio/client';
import {
  COLLECT_RETIREMENTS,
  COLLECT_SCHEDULE_ID,
  RETIREMENT_TASK_QUEUE,
} from '../../workflows/retirement/contract.ts';
import type { TemporalAccess } from '../temporal.ts';

/** A schedule that starts a workflow without arguments at an interval. */
export interface WantedSchedule {
  readonly scheduleId: string;
  readonly workflowType: string;
  readonly taskQueue: string;
  readonly everyMs: number;
}

export interface ScheduleOutcome {
  readonly scheduleId: string;
  readonly outcome: 'created' | 'updated' | 'unchanged';
  readonly everyMs: number;
  /** An operator's pause is kept. */
  readonly paused: boolean;
}

export function collectSchedule(everyMs: number): WantedSchedule {
  return {
    scheduleId: COLLECT_SCHEDULE_ID,
    workflowType: COLLECT_RETIREMENTS,
    taskQueue: RETIREMENT_TASK_QUEUE,
    everyMs,
  };
}

/** Creates the schedule or brings it up to date, keeping its pause. Safe to repeat. */
export async function ensureSchedule(
  { client }: TemporalAccess,
  wanted: WantedSchedule,
): Promise<ScheduleOutcome> {
  const { scheduleId, everyMs } = wanted;
  const handle = client.schedule.getHandle(scheduleId);
  const found = await findSchedule(client, scheduleId);
  if (found === undefined) {
    await client.schedule.create({ scheduleId, ...optionsOf(wanted) });
    return { scheduleId, outcome: 'created', everyMs, paused: false };
  }
  const { paused } = found.state;
  if (isAsWanted(found, wanted)) return { scheduleId, outcome: 'unchanged', everyMs, paused };
  await handle.update((previous): ScheduleUpdateOptions => ({ ...optionsOf(wanted), state: previous.state }));
  return { scheduleId, outcome: 'updated', everyMs, paused };
}

export async function findSchedule(
  client: TemporalAccess['client'],
  scheduleId: string,
): Promise<ScheduleDescription | undefined> {
  try {
    return await client.schedule.getHandle(scheduleId).describe();
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return undefined;
    throw error;
  }
}

const MOST_JITTER_MS = 30_000;

/** Several installations do not ask their LMS in the same second. */
function jitterMs(everyMs: number): number {
  return Math.min(MOST_JITTER_MS, Math.floor(everyMs / 20));
}

/** The server's least. */
const LEAST_CATCHUP_MS = 10_000;

function optionsOf({
  scheduleId,
  workflowType,
  taskQueue,
  everyMs,
}: WantedSchedule): Omit<ScheduleOptions, 'scheduleId'> {
  return {
    spec: { intervals: [{ every: everyMs }], jitter: jitterMs(everyMs) },
    action: { type: 'startWorkflow', workflowType, taskQueue, workflowId: scheduleId, args: [] },
    policies: {
      overlap: ScheduleOverlapPolicy.SKIP,
      // After an outage one pass is enough: it finds everybody.
      catchupWindow: Math.max(everyMs, LEAST_CATCHUP_MS),
    },
  };
}

function isAsWanted({ spec, action, policies }: ScheduleDescription, wanted: WantedSchedule): boolean {
  const [interval, ...more] = spec.intervals ?? [];
  return (
    more.length === 0 &&
    interval?.every === wanted.everyMs &&
    (spec.calendars ?? []).length === 0 &&
    spec.jitter === jitterMs(wanted.everyMs) &&
    action.workflowType === wanted.workflowType &&
    action.taskQueue === wanted.taskQueue &&
    policies.overlap === ScheduleOverlapPolicy.SKIP &&
    policies.catchupWindow === Math.max(wanted.everyMs, LEAST_CATCHUP_MS)
  );
}
