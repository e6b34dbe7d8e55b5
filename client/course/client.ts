import type { CourseFile } from '../../domain/timeslices/course-file.ts';
import type { CourseStatusView } from '../../workflows/timeslices/contract.ts';
import type { CourseContext } from './context.ts';
import { setExcluded, type Excluded } from './exclusion.ts';
import { explainCourse, type Explanation, type ExplanationAsked } from './explain.ts';
import { importCourse, type Imported } from './import.ts';
import { linkLearner, unlinkLearner, type Linked } from './link.ts';
import type { PageAsked } from './pages.ts';
import { drop, enroll, type Dropped, type Enrolled } from './roster.ts';
import { changeSchedule, type ScheduleChange, type ScheduleView } from './schedule.ts';
import { showCourse, type CourseDetails } from './show.ts';
import { listCourses, type StoredCourse } from './store.ts';
import {
  requestAndAwaitUpdate,
  requestUpdate,
  type UpdateAsked,
  type UpdateEnded,
  type UpdateRequested,
} from './update.ts';
import { verifyCourse, type Verified } from './verify.ts';

/**
 * Courses for scripts: what the command line does, as functions. Everything throws an `OperationError` or what the systems below
 * threw; `toOperationError` puts the latter into words.
 */
export interface CourseClient {
  import(file: CourseFile): Promise<Imported>;
  list(): Promise<readonly StoredCourse[]>;
  show(slug: string): Promise<CourseDetails>;
  enroll(slug: string, usernames: readonly string[]): Promise<Enrolled>;
  drop(slug: string, usernames: readonly string[]): Promise<Dropped>;
  /** Says which learner of the LMS a wiki's user is, so that their retirement reaches the statistics. */
  link(username: string, lmsUserId: number): Promise<Linked>;
  unlink(username: string): Promise<Linked>;
  requestUpdate(slug: string, asked?: UpdateAsked): Promise<UpdateRequested>;
  /** Answers when an update that began after the request has ended. */
  update(slug: string, asked?: UpdateAsked, watch?: (view: CourseStatusView) => void): Promise<UpdateEnded>;
  exclude(slug: string, page: PageAsked): Promise<Excluded>;
  include(slug: string, page: PageAsked): Promise<Excluded>;
  schedule(slug: string, change: ScheduleChange): Promise<ScheduleView>;
  verify(slug: string): Promise<Verified>;
  explain(slug: string, asked?: ExplanationAsked): Promise<Explanation>;
}

export function createCourseClient(context: CourseContext): CourseClient {
  return {
    import: (file) => importCourse(context, file),
    list: () => listCourses(context.database),
    show: (slug) => showCourse(context, slug),
    enroll: (slug, usernames) => enroll(context, slug, usernames),
    drop: (slug, usernames) => drop(context, slug, usernames),
    link: (username, lmsUserId) => linkLearner(context.database, { username, lmsUserId }),
    unlink: (username) => unlinkLearner(context.database, username),
    requestUpdate: (slug, asked = {}) => requestUpdate(context, slug, asked),
    update: (slug, asked = {}, watch) => requestAndAwaitUpdate(context, slug, asked, watch),
    exclude: (slug, page) => setExcluded(context, slug, { ...page, excluded: true }),
    include: (slug, page) => setExcluded(context, slug, { ...page, excluded: false }),
    schedule: (slug, change) => changeSchedule(context, slug, change),
    verify: (slug) => verifyCourse(context, slug),
    explain: (slug, asked = {}) => explainCourse(context, slug, asked),
  };
}
