import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { findMarkedBatch } from '../../activities/timeslices/marked-batch.ts';
import { removeDepartedStudents } from '../../activities/timeslices/pre-update/students.ts';
import { listDifferences } from '../../activities/timeslices/rebuild.ts';
import { rollUpCourse, rollUpSlices } from '../../activities/timeslices/roll-up.ts';
import { openDatabase, type Database } from '../../db/database.ts';
import { migrate } from '../../db/migrate.ts';
import { startPostgres, type RunningPostgres } from '../../stack/postgres.ts';
import {
  COURSE,
  createCourse,
  keepWalk,
  listWalks,
  SLICES,
  storeWalk,
  STUDENTS,
  type Walk,
} from './course.ts';
import { createMeter, inWhole, median, ratio, sum, type Cost, type Meter } from './meter.ts';
import { plainStatements, plainTables } from './plain-statement.ts';
import { benchUpdates } from './update.ts';

export interface TimeslicesBenchOptions {
  /** Sizes of the course, each measured by itself. */
  readonly revisions: readonly number[];
  readonly rounds: number;
  /** True: without foreign keys, PostgreSQL's own and those that triggers enforce by statement, to see what they cost. */
  readonly unchecked: boolean;
  /** The database's work alone, whole updates alone, or both. */
  readonly part: 'database' | 'updates' | 'both';
}

const QUERY_TIMEOUT_MS = 600_000;
/** Edit on three days; on about as many days as they have sessions. */
const BRIEF_STUDENT = 10;
const STEADY_STUDENT = 7;

/**
 * The database work of a course's first update against one plain statement that computes the same totals from the same
 * rows, and of later updates against that of the whole course. Embedded PostgreSQL with the stack's settings.
 * `ratio` is that of the largest course against the direct statement, `ratioToFolded` against the fastest that we found.
 */
export async function benchTimeslices(options: TimeslicesBenchOptions): Promise<Record<string, unknown>> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'registrar-bench-'));
  // PostgreSQL does not run as root: its own account must reach its data here.
  chmodSync(folder, 0o711);
  const log = (line: string): void => void process.stderr.write(`${line}\n`);
  const { part } = options;
  try {
    const postgres = await startPostgres({ directory: path.join(folder, 'postgres'), fast: true, log });
    try {
      const courses = [];
      for (const revisions of part === 'updates' ? [] : options.revisions) {
        courses.push(await benchCourse(postgres, revisions, options, log));
      }
      const updates = [];
      for (const revisions of part === 'database' ? [] : options.revisions) {
        updates.push(await benchUpdates({ revisions, log }));
      }
      return {
        benchmark: 'timeslices',
        students: STUDENTS,
        slices: SLICES,
        rounds: options.rounds,
        foreignKeysChecked: !options.unchecked,
        ratio: courses.at(-1)?.['ratio'],
        ratioToFolded: courses.at(-1)?.['ratioToFolded'],
        courses,
        updates,
      };
    } finally {
      await postgres.stop();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function benchCourse(
  postgres: RunningPostgres,
  revisions: number,
  { rounds, unchecked }: TimeslicesBenchOptions,
  log: (line: string) => void,
): Promise<Record<string, unknown>> {
  const template = `course_${revisions}`;
  const walks = await createTemplate(postgres, template, { revisions, unchecked });
  const admin = open(postgres.url('registrar'));
  const meter = createMeter(postgres.pid);
  const measured: Round[] = [];
  try {
    for (let round = 0; round < rounds; round += 1) {
      const name = `${template}_${round}`;
      await admin.query(`create database ${name} template ${template} strategy file_copy`);
      const database = open(postgres.url(name));
      try {
        measured.push(await benchRound(database, walks, meter));
      } finally {
        await database.close();
      }
      await admin.query(`drop database ${name} with (force)`);
      log(`${revisions} revisions, round ${round}: ${JSON.stringify(report(measured.slice(-1)))}`);
    }
  } finally {
    await admin.close();
  }
  return { revisions, ...report(measured) };
}

function open(url: string): Database {
  return openDatabase({ url, queryTimeoutMs: QUERY_TIMEOUT_MS });
}

async function createTemplate(
  postgres: RunningPostgres,
  name: string,
  { revisions, unchecked }: { readonly revisions: number; readonly unchecked: boolean },
): Promise<readonly Walk[]> {
  const admin = open(postgres.url('registrar'));
  await admin.query(`create database ${name}`);
  await admin.close();
  await migrate(postgres.url(name));
  const database = open(postgres.url(name));
  try {
    await createCourse(database, revisions);
    if (unchecked) await dropForeignKeys(database);
    return await listWalks(database);
  } finally {
    await database.close();
  }
}

async function dropForeignKeys(database: Database): Promise<void> {
  const { rows } = await database.query<{ statement: string }>(
    `select format('alter table %s drop constraint %I', conrelid::regclass, conname) as statement
     from pg_constraint where contype = 'f' and conparentid = 0
     union all
     select format('drop trigger %I on %s', tgname, tgrelid::regclass) from pg_trigger
     where tgname ~ '_key_(inserted|updated)$'`,
  );
  for (const { statement } of rows) await database.query(statement);
}

const parts = ['keepPages', 'storeFacts', 'rollUpSlices', 'rollUpCourse'] as const;
const plain = ['folded', 'direct', 'writing'] as const;
type Measure =
  (typeof parts)[number] | (typeof plain)[number] | (typeof updates)[number] | 'firstUpdate' | 'rebuild';
const updates = ['dormant', 'oneEdit', 'briefStudentLeaves', 'steadyStudentLeaves'] as const;

interface Round {
  readonly costs: Readonly<Record<Measure, Cost>>;
  readonly slices: { readonly brief: number; readonly steady: number };
}

async function benchRound(database: Database, walks: readonly Walk[], meter: Meter): Promise<Round> {
  const ingest = await firstUpdate(database, walks, meter);
  await expectRight(database);
  await database.query('vacuum analyze');

  const statements: Partial<Record<(typeof plain)[number], Cost>> = {};
  for (const name of plain) {
    await database.query(plainTables);
    const costs: Cost[] = [];
    for (let time = 0; time < 3; time += 1)
      costs.push(await meter(() => database.query(plainStatements[name])));
    statements[name] = median(costs);
  }
  const { folded, direct, writing } = statements;
  if (!folded || !direct || !writing) throw new Error('a plain statement was not measured');

  const dormant = await meter(() => rollUp(database));
  await database.query(oneEdit);
  const edit = await meter(() => rollUp(database));
  const brief = await meter(() => leave(database, BRIEF_STUDENT));
  const steady = await meter(() => leave(database, STEADY_STUDENT));
  await expectRight(database);

  await database.query(
    'update course_wiki_timeslices set needs_update = true; update courses set needs_update = true',
  );
  await database.query('delete from article_course_timeslices; delete from course_user_wiki_timeslices');
  await database.query('vacuum article_course_timeslices, course_user_wiki_timeslices');
  const rebuild = await meter(() => rollUp(database));
  await expectRight(database);
  return {
    costs: {
      ...ingest,
      firstUpdate: sum(parts.map((part) => ingest[part])),
      folded,
      direct,
      writing,
      dormant,
      oneEdit: edit,
      briefStudentLeaves: brief,
      steadyStudentLeaves: steady,
      rebuild,
    },
    slices: { brief: brief.result, steady: steady.result },
  };
}

async function firstUpdate(
  database: Database,
  walks: readonly Walk[],
  meter: Meter,
): Promise<Readonly<Record<(typeof parts)[number], Cost>>> {
  const now = new Date().toISOString();
  const keeping: Cost[] = [];
  const storing: Cost[] = [];
  for (const walk of walks) {
    const kept = await meter(() => keepWalk(database, walk, now));
    keeping.push(kept);
    storing.push(await meter(() => storeWalk(database, kept.result)));
  }
  return {
    keepPages: sum(keeping),
    storeFacts: sum(storing),
    rollUpSlices: await meter(() => rollUpMarked(database)),
    rollUpCourse: await meter(() => rollUpTotals(database)),
  };
}

/** What an update does when facts are in place. Answers how many slices were marked. */
async function rollUp(database: Database): Promise<number> {
  const slices = await rollUpMarked(database);
  await rollUpTotals(database);
  return slices;
}

async function rollUpMarked(database: Database): Promise<number> {
  let slices = 0;
  for (let after: number | undefined; ;) {
    const { startsAt } = await findMarkedBatch(database, { ...COURSE, after });
    if (startsAt.length === 0) return slices;
    await database.transaction((transaction) => rollUpSlices(transaction, { ...COURSE, startsAt }));
    slices += startsAt.length;
    after = startsAt.at(-1);
  }
}

async function rollUpTotals(database: Database): Promise<void> {
  await database.transaction((transaction) => rollUpCourse(transaction, COURSE));
}

/** One more revision of a student to a page edited that day. */
const oneEdit = `
  with fact as (
    update article_course_user_wiki_timeslices set revision_count = revision_count + 1, character_sum = character_sum + 9
    where (course_id, wiki_id, start_at, article_id, user_id) = (
      select course_id, wiki_id, start_at, article_id, user_id from article_course_user_wiki_timeslices
      where user_id = ${STEADY_STUDENT} and revision_count > 0 order by start_at, article_id limit 1)
    returning course_id, wiki_id, start_at)
  update course_wiki_timeslices slice set needs_update = true from fact
  where (slice.course_id, slice.wiki_id, slice.start_at) = (fact.course_id, fact.wiki_id, fact.start_at)`;

/** From the roster to the totals. Answers how many slices were worked. */
async function leave(database: Database, userId: number): Promise<number> {
  await database.query('delete from courses_users where course_id = $1 and user_id = $2', [
    COURSE.courseId,
    userId,
  ]);
  await database.transaction((transaction) => removeDepartedStudents(transaction, COURSE));
  return rollUp(database);
}

async function expectRight(database: Database): Promise<void> {
  const [difference] = await listDifferences(database, { courseId: COURSE.courseId, limit: 1 });
  if (difference) throw new Error(`not equal to a rebuild: ${JSON.stringify(difference)}`);
}

function report(rounds: readonly Round[]): Record<string, unknown> {
  const cost = (name: Measure): Cost => median(rounds.map(({ costs }) => costs[name]));
  const shown = (names: readonly Measure[]): Record<string, Cost> =>
    Object.fromEntries(names.map((name) => [name, inWhole(cost(name))]));
  const last = rounds.at(-1);
  const share = (update: Measure): number => ratio(cost(update), cost('rebuild'));
  return {
    ratio: ratio(cost('firstUpdate'), cost('direct')),
    ratioToFolded: ratio(cost('firstUpdate'), cost('folded')),
    ratioToWriting: ratio(cost('firstUpdate'), cost('writing')),
    firstUpdate: { ...inWhole(cost('firstUpdate')), ...shown(parts) },
    plainStatement: shown(plain),
    laterUpdates: shown(updates),
    rebuild: inWhole(cost('rebuild')),
    ofRebuild: {
      briefStudent: { slices: (last?.slices.brief ?? 0) / SLICES, cost: share('briefStudentLeaves') },
      steadyStudent: { slices: (last?.slices.steady ?? 0) / SLICES, cost: share('steadyStudentLeaves') },
    },
  };
}
