import { setTimeout as delay } from 'node:timers/promises';
import { ScheduleOverlapPolicy } from '@temporalio/client';
import { coursesOf } from '../../client/course/session-client.ts';
import type { CourseFile } from '../../domain/timeslices/course-file.ts';
import { createLimiter } from '../../domain/concurrency.ts';
import type { GeneratedEdit } from '../../sandbox/wiki/generated-edits.ts';
import { childId, COURSE_UPDATE, courseUpdateId } from '../../workflows/timeslices/contract.ts';
import { measured, ofEach, rounded, shareOf, type Cpu } from './cost.ts';
import { readHistories, type HistoryCost } from './histories.ts';
import { filesMiB } from './memory.ts';
import type { Series } from './series.ts';
import type { LoadStage } from './stage.ts';
import { takeDearestStatements, type StatementCost } from './statements.ts';
import { countUpdated, databaseMiB } from './store.ts';
import { untilCount, untilNoneOpen, untilQuiet } from './waiting.ts';

const STUDENTS = 5;
const EDITS_OF_EACH = 4;
const DAYS_BEFORE = 14;
const DAYS_AFTER = 14;
const DAY_SECONDS = 86_400;
const AT_ONCE = 10;

export interface Import {
  readonly courses: number;
  readonly seconds: number;
  readonly cpuMsOfEach: Cpu;
  /** Share of one processor while nothing is due, without a schedule and with all of them. */
  readonly idle: { readonly before: Cpu; readonly after: Cpu };
}

/** An update of every course, all asked for at once: an hour's worth. */
export interface Hour {
  readonly seconds: number;
  readonly perSecond: number;
  readonly cpuMsOfEach: Cpu;
  readonly wikiRequestsOfEach: number;
  readonly keptKiBOfEach: { readonly database: number; readonly temporal: number };
  /** Wikis that an update had to leave. */
  readonly left: number;
  readonly statements: readonly StatementCost[];
}

const IDLE_SECONDS = 30;

/** Imports so many small courses, each with its schedule, which is paused once its cost has been seen: hours come by hand here. */
export async function importCourses(stage: LoadStage, series: Series, count: number): Promise<Import> {
  const before = await measured(stage, () => delay(IDLE_SECONDS * 1000));
  const files = Array.from({ length: count }, (_, index) => courseFile(stage, index));
  await makeEdits(stage, files);
  series.enter(`importing ${count} courses`);
  const courses = coursesOf(stage.session);
  const limited = createLimiter(AT_ONCE);
  const imported = await measured(stage, () =>
    Promise.all(files.map((file) => limited(() => courses.import(file)))),
  );
  await untilQuiet(stage);
  series.enter(`${count} schedules, nothing due`);
  const after = await measured(stage, () => delay(IDLE_SECONDS * 1000));
  await Promise.all(files.map(({ slug }) => limited(() => courses.schedule(slug, { kind: 'pause' }))));
  return {
    courses: count,
    seconds: imported.seconds,
    cpuMsOfEach: ofEach(imported.cpu, count),
    idle: { before: shareOf(before), after: shareOf(after) },
  };
}

/** Triggers every course's schedule and waits until all are updated. */
export async function runHour(
  stage: LoadStage,
  series: Series,
  { name, courses }: { readonly name: string; readonly courses: number },
): Promise<Hour> {
  series.enter(`${name}: ${courses} updates`);
  const before = { database: await databaseMiB(stage.database), temporal: filesMiB(stage.temporalDirectory) };
  await takeDearestStatements(stage.database, 1);
  await stage.wiki('DELETE', '/_sandbox/requests');
  const since = new Date();
  const limited = createLimiter(AT_ONCE);
  const { seconds, cpu } = await measured(stage, async () => {
    await Promise.all(
      Array.from({ length: courses }, (_, index) => limited(() => trigger(stage, index + 1))),
    );
    await untilCount(
      `courses to be updated`,
      courses,
      async () => (await countUpdated(stage.database, since)).updated,
    );
  });
  await untilNoneOpen(stage, COURSE_UPDATE);
  const requests: readonly unknown[] = Object.values((await stage.wiki('GET', '/_sandbox/requests')) ?? {});
  const kept = (now: number, then: number): number => rounded(((now - then) * 1024) / courses, 1);
  return {
    seconds,
    perSecond: rounded(courses / seconds, 2),
    cpuMsOfEach: ofEach(cpu, courses),
    wikiRequestsOfEach: rounded(requests.reduce<number>((sum, each) => sum + Number(each), 0) / courses, 2),
    keptKiBOfEach: {
      database: kept(await databaseMiB(stage.database), before.database),
      temporal: kept(filesMiB(stage.temporalDirectory), before.temporal),
    },
    left: (await countUpdated(stage.database, since)).left,
    statements: await takeDearestStatements(stage.database, 8),
  };
}

/** What Temporal keeps of one update: of the update itself and its three children. */
export async function updateHistories(
  stage: LoadStage,
  sample: number,
): Promise<Readonly<Record<string, HistoryCost>>> {
  const updates: string[] = [];
  const query = `WorkflowType = '${COURSE_UPDATE}' and ExecutionStatus = 'Completed'`;
  for await (const { workflowId } of stage.temporal.client.workflow.list({ query, pageSize: sample })) {
    if (updates.push(workflowId) === sample) break;
  }
  return {
    courseUpdate: await readHistories(stage, updates),
    preUpdate: await readHistories(
      stage,
      updates.map((id) => childId(id, 'pre-update')),
    ),
    reprocess: await readHistories(
      stage,
      updates.map((id) => childId(id, 'reprocess')),
    ),
    ingest: await readHistories(
      stage,
      updates.map((id) => childId(id, 'ingest')),
    ),
  };
}

async function trigger({ temporal }: LoadStage, courseId: number): Promise<void> {
  await temporal.client.schedule
    .getHandle(courseUpdateId(courseId))
    .trigger(ScheduleOverlapPolicy.BUFFER_ONE);
}

function courseFile({ wikiUrl }: LoadStage, index: number): CourseFile {
  const today = Math.floor(Date.now() / 1000 / DAY_SECONDS) * DAY_SECONDS;
  return {
    slug: `load-${index}`,
    title: `Load ${index}`,
    period: {
      startsAt: today - DAYS_BEFORE * DAY_SECONDS,
      endsAt: today + DAYS_AFTER * DAY_SECONDS - 1,
    },
    wikis: [
      {
        language: 'en',
        project: 'wikipedia',
        apiUrl: `${wikiUrl}/w/api.php`,
        namespaces: [0],
        timesliceSeconds: DAY_SECONDS,
      },
    ],
    students: Array.from({ length: STUDENTS }, (_, student) => `Student ${index}-${student}`),
    otherRoles: undefined,
  };
}

/** Some edits of every student, on days of their course that are over. */
async function makeEdits({ wiki }: LoadStage, files: readonly CourseFile[]): Promise<void> {
  const edits = files.flatMap(({ students, period }, course) =>
    students.flatMap((user, student) =>
      Array.from({ length: EDITS_OF_EACH }, (_, nth): GeneratedEdit => {
        const day = (student * EDITS_OF_EACH + nth * 3 + course) % (DAYS_BEFORE - 1);
        return {
          user,
          title: `Article ${course}-${nth % 2}`,
          ns: 0,
          timestamp: new Date(
            (period.startsAt + day * DAY_SECONDS + student * 60 + nth) * 1000,
          ).toISOString(),
          sizediff: 100 + nth,
          refs: 0,
        };
      }),
    ),
  );
  const inOrder = edits.toSorted((one, other) => one.timestamp.localeCompare(other.timestamp));
  const EDITS_A_REQUEST = 50_000;
  for (let first = 0; first < inOrder.length; first += EDITS_A_REQUEST) {
    await wiki('POST', '/_sandbox/edits', inOrder.slice(first, first + EDITS_A_REQUEST));
  }
}
