import { defineSearchAttributeKey, SearchAttributeType, type SearchAttributePair } from '@temporalio/common';

export const TIMESLICES_TASK_QUEUE = 'timeslices';

/** Calls to wikis and nothing else, so that how often all workers together call is limited by the server. */
export const WIKI_TASK_QUEUE = 'wiki';

export const COURSE_UPDATE = 'courseUpdate';
export const PRE_UPDATE = 'preUpdate';

export const STATUS = 'status';

/** How the note of a schedule begins that an update paused itself: whoever gives the course work again resumes only such a one. */
export const PAUSED_BY_UPDATE = 'Paused by the update: ';

/**
 * The schedule of a course, and the beginning of its updates' workflow ids: the schedule appends a time. Its overlap policy lets
 * a course have one update at a time.
 */
export function courseUpdateId(courseId: number): string {
  return `course-update-${courseId}`;
}

/** Ids of the three children of an update, unique because their parent's is. */
export function childId(parentId: string, phase: ChildPhase): string {
  return `${parentId}/${phase}`;
}

export type ChildPhase = 'pre-update' | 'reprocess' | 'ingest';

/** What the search attribute `CoursePhase` says. */
export type CoursePhase = ChildPhase | 'roll-up' | 'done';

const courseKey = defineSearchAttributeKey('CourseId', SearchAttributeType.INT);
const phaseKey = defineSearchAttributeKey('CoursePhase', SearchAttributeType.KEYWORD);

/** Search attributes of an update or a child of one. */
export function courseAttributes(courseId: number, phase: CoursePhase): SearchAttributePair[] {
  return [
    { key: courseKey, value: courseId },
    { key: phaseKey, value: phase },
  ];
}

/** What `courseUpdate` is started with, by the course's schedule. */
export interface CourseUpdateInput {
  readonly courseId: number;
}

/** What each child is started with. */
export interface CourseStepInput {
  readonly courseId: number;
  /** When the update began, ISO 8601: the present of everything that it does. */
  readonly now: string;
  /** Wikis that an earlier step had to leave: they are not called again in this update. */
  readonly left: readonly LeftWiki[];
}

/** A wiki that did not answer as it should: what it was to be asked is left for the next update. */
export interface LeftWiki {
  readonly wikiId: number;
  /** `en.wikipedia`, `wikidata`, … */
  readonly wiki: string;
  readonly because: string;
}

export interface PreUpdateResult {
  readonly slicesAdded: number;
  readonly slicesRemoved: number;
  /** Users who are students no more and whose rows went. */
  readonly studentsRemoved: number;
  /** Slices marked by the end of this step, that is: for `reprocess`. */
  readonly slicesMarked: number;
  readonly pagesChecked: number;
  readonly left: readonly LeftWiki[];
}

export interface ReprocessResult {
  /** Slices whose facts were fetched again. */
  readonly slicesFetched: number;
  readonly slicesRebuilt: number;
  readonly left: readonly LeftWiki[];
}

export interface IngestResult {
  /** Groups of students that shared requests. */
  readonly groups: number;
  readonly revisions: number;
  readonly slicesRebuilt: number;
  readonly left: readonly LeftWiki[];
}

export interface CourseUpdateResult {
  readonly courseId: number;
  readonly preUpdate: PreUpdateResult;
  readonly reprocess: ReprocessResult;
  readonly ingest: IngestResult;
  /** All that the steps left. */
  readonly left: readonly LeftWiki[];
  /** True when the course is long over and the update paused its schedule. */
  readonly paused: boolean;
}

/** The answer to the query `status` of an update and of its children. */
export interface CourseStatusView {
  readonly courseId: number;
  readonly phase: CoursePhase;
  /** Of this phase. `all` grows while a step finds more to do. */
  readonly slices: { readonly done: number; readonly all: number };
  /** Wikis being worked on at this moment. */
  readonly wikis: readonly string[];
  readonly left: readonly LeftWiki[];
}
