// Records histories of course updates that replay.test.ts replays: `npm run record-histories`, for these alone
//   npm run record-histories -- timeslices
// To be run when a change of the workflows' order of commands is meant to be, and the old runs need not go on.
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { courseSchedule, ensureSchedule } from '../../client/setup/schedules.ts';
import {
  childId,
  COURSE_UPDATE,
  courseUpdateId,
  TIMESLICES_TASK_QUEUE,
  type ChildPhase,
  type CourseUpdateResult,
} from '../../workflows/timeslices/contract.ts';
import { setCourseStage, type CourseStage, type NewCourse, type NewEdit } from '../support/courses.ts';
import { waitFor } from '../support/wait.ts';
import { emptyHistories, keepHistory } from './keep-history.ts';

const [HOUR_MS, DAY_MS] = [3_600_000, 86_400_000];
/** Two attempts: the wait between them spends it. */
const SHORT_BUDGET = '1s';
const LONG_BUDGET = '10m';

let stage: CourseStage;
beforeAll(async () => {
  emptyHistories('timeslices');
  stage = await setCourseStage({ retry_budget: SHORT_BUDGET });
  await stage.startWorker();
});
afterEach(async () => {
  for (const wiki of stage.wikis) await wiki.clearFaults();
});
afterAll(() => stage.close());

/** The update itself, and its children. */
type Recorded = 'update' | ChildPhase;

const ALL = ['update', 'pre-update', 'reprocess', 'ingest'] as const;

/** Keeps some of an update's histories: its own under its name, a child's with the phase behind it. */
async function keep(name: string, workflowId: string, recorded: readonly Recorded[]): Promise<void> {
  for (const part of recorded) {
    const of =
      part === 'update'
        ? { name, workflowId }
        : { name: `${name}-${part}`, workflowId: childId(workflowId, part) };
    await keepHistory(stage.temporal.client, { domain: 'timeslices', ...of });
  }
}

async function start(name: string, courseId: number): Promise<string> {
  const workflowId = `${courseUpdateId(courseId)}-${name}`;
  await stage.temporal.client.workflow.start(COURSE_UPDATE, {
    workflowId,
    taskQueue: TIMESLICES_TASK_QUEUE,
    args: [{ courseId }],
  });
  return workflowId;
}

async function resultOf(workflowId: string): Promise<CourseUpdateResult> {
  return (await stage.temporal.client.workflow.getHandle(workflowId).result()) as CourseUpdateResult;
}

/** Runs an update to its end and keeps of it what no other recording has. */
async function record(
  name: string,
  courseId: number,
  recorded: readonly Recorded[],
): Promise<CourseUpdateResult> {
  const workflowId = await start(name, courseId);
  const result = await resultOf(workflowId);
  await keep(name, workflowId, recorded);
  return result;
}

let asked = 0;

/** Names that replay.test.ts looks for: none of them may be in a history. */
function newStudents(count: number): string[] {
  return Array.from({ length: count }, () => `recorded-${(asked += 1)}`);
}

const week = { startsAt: '2026-03-01T00:00:00Z', endsAt: '2026-03-07T12:00:00Z' };

const edits = (students: readonly string[], timestamp: string): readonly NewEdit[] =>
  students.map((user) => ({ user, title: `Of ${user}`, timestamp, refs: 1 }));

/** Two students, who edit on both wikis. */
async function addCourse(dates: Pick<NewCourse, 'startsAt' | 'endsAt'> = week): Promise<{
  readonly courseId: number;
  readonly students: readonly string[];
}> {
  const students = newStudents(2);
  for (const wiki of stage.wikis) await wiki.edit(...edits(students, dates.startsAt));
  const courseId = await stage.addCourse({ ...dates, students, wikis: stage.wikis });
  return { courseId, students };
}

async function askFullRebuild(courseId: number): Promise<void> {
  await stage.database.query('update courses set needs_update = true where id = $1', [courseId]);
}

async function failingFirstWiki(): Promise<void> {
  await stage.wikis[0].fault({ path: '/w/api.php', status: 500 });
}

it('first update, nothing new, a student who left', async () => {
  const { courseId, students } = await addCourse();
  expect(await record('first-update', courseId, ALL)).toMatchObject({
    preUpdate: { slicesAdded: 14 },
    ingest: { groups: 2, revisions: 4, slicesRebuilt: 2 },
  });
  expect(await record('nothing-new', courseId, ['update', 'ingest'])).toMatchObject({
    preUpdate: { slicesMarked: 0, pagesChecked: 0 },
    ingest: { groups: 2, slicesRebuilt: 0 },
  });
  await stage.drop(courseId, ...students.slice(0, 1));
  expect(await record('student-left', courseId, ['update', 'reprocess'])).toMatchObject({
    preUpdate: { studentsRemoved: 1, slicesMarked: 2 },
    reprocess: { slicesFetched: 0, slicesRebuilt: 2 },
  });
});

it('a full rebuild of a course under way, whose future slices have nothing to be fetched', async () => {
  const thisHour = Math.floor(Date.now() / HOUR_MS) * HOUR_MS;
  const atDay = (days: number): string => new Date(thisHour + days * DAY_MS).toISOString();
  const { courseId } = await addCourse({ startsAt: atDay(-3), endsAt: atDay(2) });
  await resultOf(await start('before-full-rebuild', courseId));
  await askFullRebuild(courseId);
  const { reprocess } = await record('full-rebuild', courseId, ['reprocess']);
  expect(reprocess).toMatchObject({ slicesFetched: 12, slicesRebuilt: 12 });
});

it('pages to be asked for, of wikis that answer and of one that does not', async () => {
  const { courseId } = await addCourse();
  await resultOf(await start('before-pages', courseId));
  const forgetChecks = (): Promise<unknown> =>
    stage.database.query(`update articles set checked_at = '2026-01-01Z'`);
  await forgetChecks();
  expect(await record('pages-due', courseId, ['pre-update'])).toMatchObject({
    preUpdate: { pagesChecked: 4 },
  });
  await forgetChecks();
  await failingFirstWiki();
  expect(await record('wiki-left-at-pages', courseId, ['update', 'pre-update', 'ingest'])).toMatchObject({
    preUpdate: { left: [{ wiki: 'en.wikipedia' }] },
    ingest: { groups: 1 },
  });
});

it('a wiki left at new edits, a wiki left at a full rebuild', async () => {
  const { courseId } = await addCourse();
  await resultOf(await start('before-wiki-left', courseId));
  await failingFirstWiki();
  expect(await record('wiki-left', courseId, ['update', 'ingest'])).toMatchObject({
    reprocess: { left: [] },
    ingest: { groups: 1, left: [{ wiki: 'en.wikipedia' }] },
  });
  await askFullRebuild(courseId);
  expect(await record('wiki-left-at-full-rebuild', courseId, ['reprocess', 'ingest'])).toMatchObject({
    preUpdate: { left: [] },
    reprocess: { slicesFetched: 7, left: [{ wiki: 'en.wikipedia' }] },
  });
});

it('more groups of students than are fetched at once, and the same with a wiki that fails', async () => {
  const students = newStudents(201);
  const courseId = await stage.addCourse({ ...week, students });
  await stage.wikis[0].edit(...edits(students.slice(0, 1), week.startsAt));
  expect(await record('many-groups', courseId, ['ingest'])).toMatchObject({
    ingest: { groups: 5, revisions: 1 },
  });
  await failingFirstWiki();
  expect(await record('many-groups-left', courseId, ['ingest'])).toMatchObject({
    ingest: { groups: 0, left: [{ wiki: 'en.wikipedia' }] },
  });
});

it('more slices than are rebuilt at once', async () => {
  const [student = ''] = newStudents(1);
  const slices = 501;
  const atHour = (hours: number): string =>
    new Date(Date.parse(week.startsAt) + hours * HOUR_MS).toISOString();
  await stage.wikis[0].edit(
    ...Array.from({ length: slices }, (_, hour) => ({
      user: student,
      title: 'Hourly',
      timestamp: atHour(hour),
    })),
  );
  const courseId = await stage.addCourse({
    startsAt: week.startsAt,
    endsAt: atHour(slices),
    students: [student],
    sliceSeconds: HOUR_MS / 1_000,
  });
  expect(await record('many-slices', courseId, ['ingest'])).toMatchObject({
    ingest: { revisions: slices, slicesRebuilt: slices },
  });
});

it('a course long over, which pauses its schedule', async () => {
  const { courseId } = await addCourse();
  await ensureSchedule(stage.temporal, courseSchedule(courseId));
  expect(await record('long-over', courseId, ['update'])).toMatchObject({ paused: true });
});

it('a course that does not exist', async () => {
  const workflowId = await start('unknown-course', 999_999);
  await expect(resultOf(workflowId)).rejects.toThrow();
  await keep('unknown-course', workflowId, ['update']);
});

it('an update that is cancelled while it waits for a wiki', async () => {
  stage.configure({ retry_budget: LONG_BUDGET });
  const { courseId } = await addCourse();
  await failingFirstWiki();
  const workflowId = await start('cancelled', courseId);
  const [update, child] = [workflowId, childId(workflowId, 'ingest')].map((id) =>
    stage.temporal.client.workflow.getHandle(id),
  );
  await waitFor(
    async () => {
      const pending = (await child?.describe())?.raw.pendingActivities ?? [];
      return pending.length === 1 && (pending[0]?.attempt ?? 0) > 1;
    },
    { what: 'nothing but the second attempt to fetch from the failing wiki' },
  );
  await update?.cancel();
  await expect(resultOf(workflowId)).rejects.toThrow();
  await keep('cancelled', workflowId, ['update', 'ingest']);
  stage.configure({ retry_budget: SHORT_BUDGET });
});
