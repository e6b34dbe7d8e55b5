import { STATUS, type CourseStatusView } from '../../workflows/timeslices/contract.ts';
import { findSchedule, courseSchedule } from '../setup/schedules.ts';
import { workflowUrl } from '../temporal.ts';
import type { CourseContext } from './context.ts';
import { oneCourse } from './one-course.ts';
import { viewOf, type ScheduleView } from './schedule.ts';
import {
  listArticles,
  listCourseWikis,
  listPeople,
  type StoredArticle,
  type StoredCourse,
  type StoredCourseWiki,
  type StoredPerson,
} from './store.ts';

export interface CourseDetails extends StoredCourse {
  readonly wikis: readonly StoredCourseWiki[];
  readonly students: readonly StoredPerson[];
  readonly otherRoles: readonly StoredPerson[];
  readonly articles: readonly StoredArticle[];
  /** Null while Temporal cannot be reached, or when it is missing (`setup` makes it). */
  readonly schedule: ScheduleView | null;
  /** The update that runs, or the last one that the schedule began; null before the first, or while Temporal cannot be reached. */
  readonly lastUpdate: UpdateView | null;
}

export interface UpdateView {
  readonly workflowId: string;
  readonly url: string;
  readonly begunAt: Date;
  /** Temporal's word, in small letters. */
  readonly status: string;
  /** The workflow's own account; null when no worker answers. */
  readonly progress: CourseStatusView | null;
}

/** Everything that is known of one course. Works without Temporal, and says less then. */
export async function showCourse(context: CourseContext, slug: string): Promise<CourseDetails> {
  const course = await oneCourse(context.database, slug);
  const { courseId } = course;
  const people = await listPeople(context.database, courseId);
  return {
    ...course,
    wikis: await listCourseWikis(context.database, courseId),
    students: people.filter(({ role }) => role === 0),
    otherRoles: people.filter(({ role }) => role !== 0),
    articles: await listArticles(context.database, courseId),
    ...(await askTemporal(context, courseId)),
  };
}

const ANSWER_WITHIN_MS = 5_000;

async function askTemporal(
  context: CourseContext,
  courseId: number,
): Promise<Pick<CourseDetails, 'schedule' | 'lastUpdate'>> {
  const nothing = { schedule: null, lastUpdate: null };
  const temporal = await context.temporal().catch(() => undefined);
  if (temporal === undefined) return nothing;
  const { client, namespace } = temporal;
  const within = <Result>(work: () => Promise<Result>): Promise<Result | undefined> =>
    client.withDeadline(Date.now() + ANSWER_WITHIN_MS, work).catch(() => undefined);
  const found = await within(() => findSchedule(client, courseSchedule(courseId).scheduleId));
  if (found === undefined) return nothing;
  const schedule = viewOf(found);
  const last = found.info.recentActions.at(-1);
  if (last === undefined) return { schedule, lastUpdate: null };
  const { workflowId, firstExecutionRunId } = last.action.workflow;
  const handle = client.workflow.getHandle(workflowId, firstExecutionRunId);
  const described = await within(() => handle.describe());
  const progress = await within(() => handle.query<CourseStatusView>(STATUS));
  const lastUpdate = {
    workflowId,
    url: workflowUrl(context.uiUrl, namespace, workflowId),
    begunAt: last.takenAt,
    status: (described?.status.name ?? 'unknown').toLowerCase(),
    progress: progress ?? null,
  };
  return { schedule, lastUpdate };
}
