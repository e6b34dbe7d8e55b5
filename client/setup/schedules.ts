import {
  ScheduleAlreadyRunning,
  ScheduleNotFoundError,
  ScheduleOverlapPolicy,
  type ScheduleDescription,
  type ScheduleOptions,
  type ScheduleUpdateOptions,
} from '@temporalio/client';
import type { RegistrarSettings } from '../../config/configuration.ts';
import {
  ARCHIVE_RETIREMENTS,
  ARCHIVE_SCHEDULE_ID,
  CANARY,
  CANARY_SCHEDULE_ID,
  COLLECT_RETIREMENTS,
  COLLECT_SCHEDULE_ID,
  PARTNER_REPORT,
  PARTNER_REPORT_SCHEDULE_ID,
  RETIREMENT_TASK_QUEUE,
} from '../../workflows/retirement/contract.ts';
import {
  COURSE_UPDATE,
  courseAttributes,
  courseUpdateId,
  TIMESLICES_TASK_QUEUE,
} from '../../workflows/timeslices/contract.ts';
import type { TemporalAccess } from '../temporal.ts';

/** When a schedule starts its workflow. */
type Timing =
  /** As the configuration says: a schedule that says otherwise is changed. */
  | { readonly kind: 'every'; readonly everyMs: number; readonly mayOverlap: boolean }
  /** At first; afterwards it is the operators' to change. */
  | { readonly kind: 'cron'; readonly cron: string };

/** A schedule that starts one workflow at a time. */
export interface WantedSchedule {
  readonly scheduleId: string;
  readonly timing: Timing;
  readonly action: ScheduleOptions['action'];
}

export interface EnsuredSchedule {
  readonly scheduleId: string;
  readonly outcome: 'created' | 'updated' | 'unchanged';
  /** An operator's pause is kept. */
  readonly paused: boolean;
}

export type ScheduleOutcome = Omit<EnsuredSchedule, 'outcome'> & {
  /** `removed`: the configuration does not ask for it any more. */
  readonly outcome: EnsuredSchedule['outcome'] | 'removed';
} & ({ readonly everyMs: number } | { readonly courseId: number });

/** A schedule of the retirement job: its workflow has the schedule's id, and takes nothing. */
export interface RetirementSchedule {
  readonly scheduleId: string;
  readonly workflowType: string;
  readonly everyMs: number;
  /** One may begin while an earlier one still runs. */
  readonly mayOverlap?: boolean;
}

const DEFAULT_COLLECT_EVERY_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** The schedules that a configuration asks for; without one the collector's alone. */
export function retirementSchedules(registrar?: RegistrarSettings): readonly RetirementSchedule[] {
  const { archive, partnerReports } = registrar ?? {};
  const schedule = (scheduleId: string, workflowType: string, everyMs: number): RetirementSchedule => ({
    scheduleId,
    workflowType,
    everyMs,
  });
  return [
    schedule(COLLECT_SCHEDULE_ID, COLLECT_RETIREMENTS, registrar?.collectEveryMs ?? DEFAULT_COLLECT_EVERY_MS),
    ...(partnerReports === undefined
      ? []
      : [schedule(PARTNER_REPORT_SCHEDULE_ID, PARTNER_REPORT, partnerReports.everyMs)]),
    ...(archive === undefined ? [] : [schedule(ARCHIVE_SCHEDULE_ID, ARCHIVE_RETIREMENTS, archive.everyMs)]),
    // On a platform with a cooling-off of days, one canary still waits when the next begins.
    ...(registrar?.canary ? [{ ...schedule(CANARY_SCHEDULE_ID, CANARY, DAY_MS), mayOverlap: true }] : []),
  ];
}

/** Every schedule that {@link retirementSchedules} may name. */
export const retirementScheduleIds: readonly string[] = [
  COLLECT_SCHEDULE_ID,
  PARTNER_REPORT_SCHEDULE_ID,
  ARCHIVE_SCHEDULE_ID,
  CANARY_SCHEDULE_ID,
];

export function wantedRetirementSchedule({
  scheduleId,
  workflowType,
  everyMs,
  mayOverlap = false,
}: RetirementSchedule): WantedSchedule {
  return {
    scheduleId,
    timing: { kind: 'every', everyMs, mayOverlap },
    action: {
      type: 'startWorkflow',
      workflowType,
      taskQueue: RETIREMENT_TASK_QUEUE,
      workflowId: scheduleId,
      args: [],
    },
  };
}

/** Deletes a schedule; false when there was none. */
export async function removeSchedule({ client }: TemporalAccess, scheduleId: string): Promise<boolean> {
  try {
    await client.schedule.getHandle(scheduleId).delete();
    return true;
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return false;
    throw error;
  }
}

/** Each course has a minute of its own, so that those of a thousand do not begin together. */
function hourly(courseId: number): string {
  return `${courseId % 60} * * * *`;
}

/** The schedule of a course's updates; nothing in it names a person. */
export function courseSchedule(courseId: number): WantedSchedule {
  return {
    scheduleId: courseUpdateId(courseId),
    timing: { kind: 'cron', cron: hourly(courseId) },
    action: {
      type: 'startWorkflow',
      workflowType: COURSE_UPDATE,
      taskQueue: TIMESLICES_TASK_QUEUE,
      workflowId: courseUpdateId(courseId),
      args: [{ courseId }],
      typedSearchAttributes: courseAttributes(courseId, 'pre-update'),
      staticSummary: `Update of the statistics of course ${courseId}`,
    },
  };
}

/** Creates the schedule or brings it up to date, keeping its pause. Safe to repeat. */
export async function ensureSchedule(
  { client }: TemporalAccess,
  wanted: WantedSchedule,
): Promise<EnsuredSchedule> {
  const { scheduleId, action } = wanted;
  const found = await findSchedule(client, scheduleId);
  if (found === undefined) {
    try {
      await client.schedule.create({
        scheduleId,
        action,
        spec: specOf(wanted.timing),
        policies: policiesOf(wanted.timing),
      });
      return { scheduleId, outcome: 'created', paused: false };
    } catch (error) {
      // Somebody else creates it at the same moment, from the same wish.
      if (!(error instanceof ScheduleAlreadyRunning)) throw error;
      return { scheduleId, outcome: 'unchanged', paused: false };
    }
  }
  const { paused } = found.state;
  if (isAsWanted(found, wanted)) return { scheduleId, outcome: 'unchanged', paused };
  await client.schedule.getHandle(scheduleId).update((previous): ScheduleUpdateOptions => ({
    action,
    spec: wanted.timing.kind === 'every' ? specOf(wanted.timing) : previous.spec,
    policies: policiesOf(wanted.timing),
    state: previous.state,
  }));
  return { scheduleId, outcome: 'updated', paused };
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

/** A thousand courses do not call their wikis in the same second; the server makes each course's wait from its schedule's id. */
const CRON_JITTER_MS = 300_000;

/** A time by cron, as a course's schedule has it. The server refuses what is no cron spec. */
export function cronSpec(cron: string): ScheduleOptions['spec'] {
  return { cronExpressions: [cron], jitter: CRON_JITTER_MS };
}

function specOf(timing: Timing): ScheduleOptions['spec'] {
  if (timing.kind === 'cron') return cronSpec(timing.cron);
  return { intervals: [{ every: timing.everyMs }], jitter: jitterMs(timing.everyMs) };
}

/** The server's least. */
const LEAST_CATCHUP_MS = 10_000;
/** The server's default. */
const YEAR_MS = 365 * 86_400_000;

function policiesOf(timing: Timing): { overlap: ScheduleOverlapPolicy; catchupWindow: number } {
  return {
    overlap:
      timing.kind === 'every' && timing.mayOverlap
        ? ScheduleOverlapPolicy.ALLOW_ALL
        : ScheduleOverlapPolicy.SKIP,
    // After an outage one pass is enough: it finds everybody. For a course the overlap policy sees to that, and a short window
    // would also forget an update which was asked for while a long one runs.
    catchupWindow: timing.kind === 'every' ? Math.max(timing.everyMs, LEAST_CATCHUP_MS) : YEAR_MS,
  };
}

function isAsWanted(
  { spec, action, policies }: ScheduleDescription,
  { timing, action: wanted }: WantedSchedule,
): boolean {
  const { overlap, catchupWindow } = policiesOf(timing);
  return (
    (timing.kind === 'cron' || isEvery(spec, timing.everyMs)) &&
    action.workflowType === wanted.workflowType &&
    action.taskQueue === wanted.taskQueue &&
    action.workflowId === wanted.workflowId &&
    action.staticSummary === wanted.staticSummary &&
    JSON.stringify(action.args ?? []) === JSON.stringify(wanted.args ?? []) &&
    policies.overlap === overlap &&
    policies.catchupWindow === catchupWindow
  );
}

function isEvery(spec: ScheduleDescription['spec'], everyMs: number): boolean {
  const [interval, ...more] = spec.intervals ?? [];
  return (
    more.length === 0 &&
    interval?.every === everyMs &&
    (spec.calendars ?? []).length === 0 &&
    spec.jitter === jitterMs(everyMs)
  );
}
