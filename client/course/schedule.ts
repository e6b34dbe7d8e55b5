import type { ScheduleDescription, ScheduleHandle } from '@temporalio/client';
import { PAUSED_BY_UPDATE } from '../../workflows/timeslices/contract.ts';
import { wrongUsage } from '../operation-error.ts';
import { courseSchedule, cronSpec, ensureSchedule, findSchedule } from '../setup/schedules.ts';
import type { TemporalAccess } from '../temporal.ts';
import { instantText } from '../times.ts';
import type { CourseContext } from './context.ts';
import { comesTooOften, cronText } from './cron.ts';
import { oneCourse } from './one-course.ts';

/** A course's schedule as Temporal has it. */
export interface ScheduleView {
  readonly scheduleId: string;
  readonly cron: string;
  readonly paused: boolean;
  /** Why it is paused, or was resumed. */
  readonly note: string | null;
  /** Null: never, or not while it is paused. */
  readonly nextAt: Date | null;
}

export function viewOf({ scheduleId, spec, state, info }: ScheduleDescription): ScheduleView {
  const [next] = info.nextActionTimes;
  return {
    scheduleId,
    cron: cronText(spec),
    paused: state.paused,
    note: state.note || null,
    nextAt: state.paused ? null : (next ?? null),
  };
}

/** `course-update-7: 0 4 * * *, next 2026-11-23 04:01:12Z` */
export function scheduleText({ scheduleId, cron, paused, note, nextAt }: ScheduleView): string {
  const next = nextAt === null ? 'never comes' : `next ${instantText(nextAt)}`;
  return `${scheduleId}: ${cron}, ${paused ? `paused${note === null ? '' : ` (${note})`}` : next}`;
}

/** What became of a schedule beside another change. */
export interface ScheduleUpkeep {
  readonly scheduleId: string;
  readonly outcome: 'created' | 'updated' | 'unchanged';
  /** It had been paused by an update because the course was over, and there is work again. */
  readonly resumed: boolean;
  readonly paused: boolean;
}

const RESUMED_BY_CHANGE = 'Resumed: the course was changed';

/** Sees to it that a course has its schedule, and that an update's own pause ends when there is work. An operator's pause is kept. */
export async function keepScheduled(
  temporal: TemporalAccess,
  courseId: number,
  hasWork: boolean,
): Promise<ScheduleUpkeep> {
  const kept = await ensureSchedule(temporal, courseSchedule(courseId));
  if (!kept.paused || !hasWork) return { ...kept, resumed: false };
  const found = await findSchedule(temporal.client, kept.scheduleId);
  if (found?.state.note?.startsWith(PAUSED_BY_UPDATE) !== true) return { ...kept, resumed: false };
  await handleOf(temporal, courseId).unpause(RESUMED_BY_CHANGE);
  return { ...kept, paused: false, resumed: true };
}

/** What people are told of it; nothing when it was right already. */
export function upkeepLines({ scheduleId, outcome, resumed, paused }: ScheduleUpkeep): readonly string[] {
  return [
    ...(outcome === 'created' ? [`schedule ${scheduleId} created: hourly`] : []),
    ...(resumed ? [`schedule ${scheduleId} resumed: there is work again`] : []),
    ...(paused
      ? [`schedule ${scheduleId} is paused: numbers follow when it is resumed, or \`course update\` is asked`]
      : []),
  ];
}

export type ScheduleChange =
  { readonly kind: 'cron'; readonly cron: string } | { readonly kind: 'pause' } | { readonly kind: 'resume' };

const PAUSED_BY_OPERATOR = 'Paused by an operator';
const RESUMED_BY_OPERATOR = 'Resumed by an operator';

/** Changes when a course is updated, or pauses and resumes that. Throws for more than once a minute, and with the server's reason for what is no cron spec. */
export async function changeSchedule(
  context: CourseContext,
  slug: string,
  change: ScheduleChange,
): Promise<ScheduleView> {
  const { courseId } = await oneCourse(context.database, slug);
  const temporal = await context.temporal();
  await ensureSchedule(temporal, courseSchedule(courseId));
  const handle = handleOf(temporal, courseId);
  switch (change.kind) {
    case 'cron':
      await setCron(handle, change.cron);
      break;
    case 'pause':
      await handle.pause(PAUSED_BY_OPERATOR);
      break;
    case 'resume':
      await handle.unpause(RESUMED_BY_OPERATOR);
      break;
  }
  return viewOf(await handle.describe());
}

async function setCron(handle: ScheduleHandle, cron: string): Promise<void> {
  if (comesTooOften(cron)) {
    throw wrongUsage(
      `"${cron}" comes more than once a minute: write minute, hour, day, month and weekday, such as "*/10 * * * *"`,
    );
  }
  try {
    await handle.update(({ action, policies, state }) => ({ action, policies, state, spec: cronSpec(cron) }));
  } catch (error) {
    // How the client says that the server refused the spec.
    if (!(error instanceof TypeError)) throw error;
    throw wrongUsage(
      `"${cron}" is no cron spec: ${error.message.replace(/\s+/g, ' ')}; write minute, hour, day, month and weekday, such as "0 4 * * *"`,
    );
  }
}

export function handleOf({ client }: TemporalAccess, courseId: number): ScheduleHandle {
  return client.schedule.getHandle(courseSchedule(courseId).scheduleId);
}
