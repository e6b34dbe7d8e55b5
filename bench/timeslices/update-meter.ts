import { setTimeout as delay } from 'node:timers/promises';
import { listDifferences } from '../../activities/timeslices/rebuild.ts';
import type { Database, Queryable } from '../../db/database.ts';
import {
  COURSE_UPDATE,
  courseUpdateId,
  TIMESLICES_TASK_QUEUE,
  type CourseUpdateResult,
} from '../../workflows/timeslices/contract.ts';
import type { courseUpdate } from '../../workflows/timeslices/course-update.ts';
import { cpuMs } from '../cpu.ts';
import { using } from './update-course.ts';
import { peakMiB, watchLargestChild } from './update-memory.ts';
import type { UpdateStage } from './update-stage.ts';

/** One update of a course, and what it took. */
export interface MeasuredUpdate {
  readonly timeMs: number;
  /** Absent where there is no /proc. */
  readonly cpuMs:
    { readonly worker: number; readonly postgres: number; readonly temporal: number } | undefined;
  readonly requests: { readonly wiki: number; readonly referenceCounter: number };
  /** Inserted, updated and deleted rows by table. */
  readonly rowsWritten: Readonly<Record<string, number>>;
  /** Private memory. */
  readonly largestBackendMiB: number | undefined;
  readonly workerPeakMiB: number | undefined;
  readonly result: CourseUpdateResult;
}

export interface UpdateToMeasure {
  readonly courseId: number;
  readonly name: string;
  /** What the course's `revision_count` must be afterwards. */
  readonly revisions: number;
}

/**
 * Runs one update from its start to its end. Throws when it left a wiki, or when afterwards revisions are missing or any
 * derived number differs from a rebuild.
 */
export async function measureUpdate(stage: UpdateStage, expected: UpdateToMeasure): Promise<MeasuredUpdate> {
  const { databaseUrl, client, wiki, pids } = stage;
  const { courseId, name } = expected;
  const rowsBefore = await using(databaseUrl, countWrites);
  await wiki('DELETE', '/_sandbox/requests');
  const backends = watchLargestChild(pids.postgres);
  const cpuBefore = readCpu(pids);
  const began = performance.now();
  const result = await client.workflow.execute<typeof courseUpdate>(COURSE_UPDATE, {
    workflowId: `${courseUpdateId(courseId)}-${name}`,
    taskQueue: TIMESLICES_TASK_QUEUE,
    args: [{ courseId }],
  });
  const timeMs = performance.now() - began;
  const cpuAfter = readCpu(pids);
  const largestBackendMiB = backends.stop();
  const requests = await readRequests(stage);
  if (result.left.length > 0) throw new Error(`${name}: the wiki was left: ${result.left[0]?.because}`);
  await using(databaseUrl, (database) => expectRight(database, expected));
  const rowsAfter = await using(databaseUrl, countWrites);
  return {
    timeMs,
    cpuMs: cpuBefore && cpuAfter && subtract(cpuAfter, cpuBefore),
    requests,
    rowsWritten: onlyMore(rowsBefore, rowsAfter),
    largestBackendMiB,
    workerPeakMiB: peakMiB(pids.worker),
    result,
  };
}

async function expectRight(
  database: Database,
  { courseId, name, revisions }: UpdateToMeasure,
): Promise<void> {
  const { rows } = await database.query<{ readonly revisions: number }>(
    'select revision_count as revisions from courses where id = $1::bigint',
    [courseId],
  );
  const counted = rows[0]?.revisions;
  if (counted !== revisions) throw new Error(`${name}: ${counted} revisions are counted, not ${revisions}`);
  const [difference] = await listDifferences(database, { courseId, limit: 1 });
  if (difference) throw new Error(`${name}: not equal to a rebuild: ${JSON.stringify(difference)}`);
}

type Cpu = NonNullable<MeasuredUpdate['cpuMs']>;

function readCpu({ worker, postgres, temporal }: UpdateStage['pids']): Cpu | undefined {
  const used = { worker: cpuMs(worker), postgres: cpuMs(postgres), temporal: cpuMs(temporal) };
  if (used.worker === undefined || used.postgres === undefined || used.temporal === undefined)
    return undefined;
  return { worker: used.worker, postgres: used.postgres, temporal: used.temporal };
}

function subtract(after: Cpu, before: Cpu): Cpu {
  return {
    worker: after.worker - before.worker,
    postgres: after.postgres - before.postgres,
    temporal: after.temporal - before.temporal,
  };
}

/** By the wiki's own count. */
async function readRequests({ wiki }: UpdateStage): Promise<MeasuredUpdate['requests']> {
  const counts = Object.entries((await wiki('GET', '/_sandbox/requests')) ?? {});
  const ofPath = (path: string): number =>
    counts.filter(([request]) => request.includes(path)).reduce((sum, [, count]) => sum + Number(count), 0);
  return { wiki: ofPath('/w/api.php'), referenceCounter: ofPath('/api/v1/references') };
}

/** A backend hands in what it counted when it has been idle for ten seconds, or ends. */
const stillCounting = `
  select 1 from pg_stat_activity
  where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()
    and state_change > clock_timestamp() - interval '11 seconds'`;
const LOOK_EVERY_MS = 500;

/** Rows written so far, by table. */
async function countWrites(db: Queryable): Promise<ReadonlyMap<string, number>> {
  while ((await db.query(stillCounting)).rows.length > 0) await delay(LOOK_EVERY_MS);
  const { rows } = await db.query<{ readonly name: string; readonly written: number }>(
    `select relname as name, n_tup_ins + n_tup_upd + n_tup_del as written from pg_stat_user_tables
     where schemaname = 'public'
     order by relname`,
  );
  return new Map(rows.map(({ name, written }) => [name, written]));
}

function onlyMore(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
): Readonly<Record<string, number>> {
  return Object.fromEntries(
    [...after]
      .map(([name, written]) => [name, written - (before.get(name) ?? 0)] as const)
      .filter(([, written]) => written > 0),
  );
}
