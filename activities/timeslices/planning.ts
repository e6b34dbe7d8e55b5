import type { Database } from '../../db/database.ts';
import {
  joinWindows,
  windowsOf,
  type FetchWindow,
  type Reach,
  type SliceWindow,
} from '../../domain/timeslices/fetch-windows.ts';
import { groupsOf, groupStudents } from '../../domain/timeslices/request-groups.ts';
import type { Second, Slice } from '../../domain/timeslices/slices.ts';
import { NAMES_A_REQUEST } from '../../platform/wiki/client.ts';
import { beating } from '../heartbeat.ts';
import type { CourseStepInput } from '../../workflows/timeslices/contract.ts';
import {
  listCourseWikis,
  listSlices,
  listStudents,
  planFetches,
  secondOf,
  takeOffFetchMarks,
  type SliceRange,
} from './course-store.ts';
import { requireCourse } from './courses.ts';
import type { CourseActivityDependencies } from './dependencies.ts';
import type { FetchOrder } from './fetch-store.ts';
import type { StoreFactsInput } from './store-facts.ts';

/** A wiki of a course as workflows call it. */
export interface NamedWiki {
  readonly wikiId: number;
  readonly wiki: string;
}

/** A walk to be done, and where it leaves its students. */
export interface PlannedFetch extends Pick<StoreFactsInput, 'fetchedUntil'> {
  readonly order: FetchOrder;
}

export interface WikiNews extends NamedWiki {
  readonly fetches: readonly PlannedFetch[];
}

/** Slices to be fetched again in one window, for everybody whom `ingest` would not fetch from its beginning. */
export interface Refetch {
  readonly range: SliceRange;
  /** None where nothing can be fetched: the slices lie in the future, or nobody was ever fetched. */
  readonly fetches: readonly PlannedFetch[];
}

export interface WikiRefetch extends NamedWiki {
  /** How many are marked. */
  readonly slices: number;
  readonly refetches: readonly Refetch[];
}

/** What is to be asked so that every student is known up to now: the fewest requests that the cursors allow. */
export function createPlanIngest({
  database,
}: CourseActivityDependencies): (input: CourseStepInput) => Promise<readonly WikiNews[]> {
  return (input) =>
    beating(() =>
      eachWiki(database, input, async (wiki, reach) => {
        const slices = await listSlices(database, wiki);
        const students = await listStudents(database, { ...wiki, now: input.now });
        const waiting = students.filter((student) => !student.isFetched);
        const groups = groupStudents(waiting, { slices, reach, size: NAMES_A_REQUEST });
        return { fetches: groups.map(({ userIds, window }) => plan(wiki, { userIds, window, reach })) };
      }),
    );
}

/** Which slices marked `needs_fetch` are to be asked for, and for whom. */
export function createPlanReprocess({
  database,
}: CourseActivityDependencies): (input: CourseStepInput) => Promise<readonly WikiRefetch[]> {
  return (input) =>
    beating(() =>
      eachWiki(database, input, async (wiki, reach) => {
        const marked = await planFetches(database, wiki);
        if (marked.length === 0) return { slices: 0, refetches: [] };
        const students = await listStudents(database, { ...wiki, now: input.now });
        const slices = await listSlices(database, wiki);
        // Whoever is not fetched beyond a window's first slice is fetched from there on by `ingest`.
        const askedFor = ({ slices: [first], to }: SliceWindow): readonly number[] =>
          students
            .filter(({ ingestedUntil }) => ingestedUntil !== null && ingestedUntil >= (first?.endAt ?? to))
            .map(({ userId }) => userId);
        const groups = Math.ceil(students.length / NAMES_A_REQUEST);
        const windows = joinWindows(windowsOf(marked, reach), {
          slices,
          requests: (revisions) => Math.max(groups, Math.ceil(revisions / REVISIONS_A_PAGE)),
        });
        const until = Math.min(reach.period.endsAt, reach.now);
        const beyond = marked.filter(({ startAt }) => startAt > until);
        return {
          slices: marked.length,
          refetches: [
            ...windows.map((window) => ({
              range: rangeOf(wiki, window.slices),
              fetches: groupsOf(askedFor(window), NAMES_A_REQUEST).map((userIds) =>
                plan(wiki, { userIds, window, reach }),
              ),
            })),
            ...(beyond.length === 0 ? [] : [{ range: rangeOf(wiki, beyond), fetches: [] }]),
          ],
        };
      }),
    );
}

function rangeOf({ courseId, wikiId }: WikiOfCourse, slices: readonly Slice[]): SliceRange {
  const [first, last] = [slices[0], slices.at(-1)];
  if (!first || !last) throw new RangeError('no slices have no range');
  return { courseId, wikiId, first: first.startAt, last: last.startAt };
}

/** Takes off `needs_fetch` when every walk of a {@link Refetch} is stored, and answers of how many slices. Safe to run twice. */
export function createTakeOffFetchMarks({
  database,
}: CourseActivityDependencies): (range: SliceRange) => Promise<number> {
  return (range) => beating(() => takeOffFetchMarks(database, range));
}

/** What a wiki answers with at once. */
const REVISIONS_A_PAGE = 500;

/** A wiki's clock and ours may differ, and what it has just saved may not be shown yet: that much is looked at again. */
const GRACE_SECONDS = 60;

function plan(
  { courseId, wikiId, now }: WikiOfCourse,
  given: { readonly userIds: readonly number[]; readonly window: FetchWindow; readonly reach: Reach },
): PlannedFetch {
  const { userIds, reach } = given;
  const { from, to } = given.window;
  const isUpToNow = to === Math.min(reach.period.endsAt, reach.now);
  const fetchedUntil: Second = Math.min(reach.period.endsAt, reach.now - GRACE_SECONDS);
  return {
    order: { courseId, wikiId, userIds, from, to, now },
    ...(isUpToNow ? { fetchedUntil } : {}),
  };
}

interface WikiOfCourse extends NamedWiki {
  readonly courseId: number;
  readonly now: string;
}

async function eachWiki<Plan>(
  database: Database,
  { courseId, now, left }: CourseStepInput,
  planWiki: (wiki: WikiOfCourse, reach: Reach) => Promise<Plan>,
): Promise<readonly (NamedWiki & Plan)[]> {
  await requireCourse(database, courseId);
  const plans: (NamedWiki & Plan)[] = [];
  for (const { wikiId, label, period } of await listCourseWikis(database, courseId)) {
    // One that was added while the update was under way has no slices before the next.
    if (period === null || left.some((one) => one.wikiId === wikiId)) continue;
    const named = { wikiId, wiki: label };
    const reach = { period, now: secondOf(now) };
    plans.push({ ...named, ...(await planWiki({ ...named, courseId, now }, reach)) });
  }
  return plans;
}
