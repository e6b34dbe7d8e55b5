import { afterAll, beforeAll, expect, test } from 'vitest';
import { setCourseStage, type CourseStage } from '../../support/courses.ts';
import { waitFor } from '../../support/wait.ts';
import { startWorkerProcess, type WorkerProcess } from '../../support/worker-process.ts';
import type { WorkflowHandle } from '@temporalio/client';
import {
  COURSE_UPDATE,
  courseUpdateId,
  TIMESLICES_TASK_QUEUE,
  type CourseUpdateResult,
} from '../../../workflows/timeslices/contract.ts';

const STUDENTS = 60;
/** Over the 500 that come with one answer for the first 50 students. */
const EDITS_EACH = 60;
/** Requests to the wiki, of nine in all, after which the worker is killed. */
const KILLED_AFTER = [2, 5];

let stage: CourseStage;
let worker: WorkerProcess | undefined;

beforeAll(async () => {
  stage = await setCourseStage({ retry_budget: '5m', reference_counter_url: undefined });
});

afterAll(async () => {
  await worker?.kill('SIGKILL');
  await stage.close();
});

async function startWorker(): Promise<void> {
  worker = await startWorkerProcess({
    databaseUrl: stage.databaseUrl,
    temporalAddress: stage.temporal.address,
    namespace: stage.temporal.namespace,
    configurationPath: stage.configurationPath,
  });
}

test(
  'an update whose worker is killed twice goes on behind the last page that it kept',
  { timeout: 240_000 },
  async () => {
    const [en] = stage.wikis;
    const names = Array.from({ length: STUDENTS }, (_, index) => `Student ${String(index).padStart(2, '0')}`);
    await en.edit(
      ...names.flatMap((user, student) =>
        Array.from({ length: EDITS_EACH }, (_, edit) => ({
          user,
          title: `Page ${(student + edit) % 40}`,
          timestamp: new Date(Date.UTC(2026, 2, 1 + (edit % 20), student % 24, edit)).toISOString(),
          sizediff: 10 + edit,
        })),
      ),
    );
    const courseId = await stage.addCourse({
      startsAt: '2026-03-01T00:00:00Z',
      endsAt: '2026-03-31T00:00:00Z',
      students: names,
    });
    await en.fault({ path: '/w/api.php', delay_ms: 400 });
    await startWorker();
    const update: WorkflowHandle<() => Promise<CourseUpdateResult>> =
      await stage.temporal.client.workflow.start(COURSE_UPDATE, {
        workflowId: `${courseUpdateId(courseId)}-killed`,
        taskQueue: TIMESLICES_TASK_QUEUE,
        args: [{ courseId }],
      });
    for (const after of KILLED_AFTER) {
      await waitFor(async () => (await en.requests()).api >= after, {
        what: `${after} requests to the wiki`,
      });
      await worker?.kill('SIGKILL');
      await startWorker();
    }
    const result = await update.result();

    expect(result).toMatchObject({ left: [], ingest: { revisions: STUDENTS * EDITS_EACH } });
    const { api } = await en.requests();
    // 6 for the first 50 students, 2 for the others; both walks are under way at each kill and repeat one request.
    expect(api).toBeGreaterThanOrEqual(8);
    expect(api).toBeLessThanOrEqual(8 + 2 * KILLED_AFTER.length);
    expect(await stage.differences(courseId)).toEqual([]);
    const { rows } = await stage.database.query(
      'select character_sum, revision_count, user_count from courses where id = $1',
      [courseId],
    );
    const characters =
      STUDENTS * Array.from({ length: EDITS_EACH }, (_, edit) => 10 + edit).reduce((a, b) => a + b, 0);
    expect(rows).toEqual([
      { character_sum: characters, revision_count: STUDENTS * EDITS_EACH, user_count: STUDENTS },
    ]);
    const { rows: left } = await stage.database.query('select count(*) from wiki_fetched_pages');
    expect(left).toEqual([{ count: 0 }]);
  },
);
