import { ScheduleOverlapPolicy } from '@temporalio/client';
import { courseSchedule, ensureSchedule } from '../../client/setup/schedules.ts';
import type { TemporalAccess } from '../../client/temporal.ts';
import type { PipelineRow } from '../../sandbox/lms/pipeline.ts';
import { setCourseStage, type CourseStage, type CourseStageOptions } from './courses.ts';
import { createMigratedDatabase } from './database.ts';
import {
  setRetirementStage,
  type RetirementStage,
  type SandboxLearner,
  type StageOptions,
} from './retirement.ts';
import { createNamespace } from './temporal.ts';

const COURSE_STATS_ROW: PipelineRow = [
  'RETIRING_COURSE_STATS',
  'COURSE_STATS_COMPLETE',
  'REGISTRAR',
  'retirement_remove_course_user',
];

/** Both jobs of the product on one database and one namespace, each with its own worker. */
export interface ErasureStage {
  readonly retirement: RetirementStage;
  readonly courses: CourseStage;
  /** Says that the wiki's user is this learner, and answers with `users.id`. */
  link(username: string, learner: SandboxLearner): Promise<number>;
  /** Gives the course its schedule, which does not begin by itself for a year. */
  schedule(courseId: number): Promise<void>;
  close(): Promise<void>;
}

export interface ErasureStageOptions {
  readonly retirement?: Omit<StageOptions, 'temporal' | 'database'>;
  readonly courses?: Omit<CourseStageOptions, 'temporal' | 'database'>;
  /** More keys for the section `registrar` of the retirement worker's configuration. */
  readonly registrar?: Readonly<Record<string, unknown>>;
}

export async function setErasureStage(options: ErasureStageOptions = {}): Promise<ErasureStage> {
  const [database, temporal] = await Promise.all([createMigratedDatabase(), createNamespace()]);
  const shared = {
    database: { ...database, drop: () => Promise.resolve() },
    temporal: { ...temporal, close: () => Promise.resolve() },
  };
  const courses = await setCourseStage({}, { ...options.courses, ...shared });
  const retirement = await setRetirementStage(
    { pipeline: [COURSE_STATS_ROW], registrar: options.registrar ?? {} },
    { ...options.retirement, ...shared },
  );
  await Promise.all([courses.startWorker(), retirement.startWorker()]);
  return {
    retirement,
    courses,
    link: async (username, learner) => {
      const { rows } = await courses.database.query<{ id: number }>(
        'update users set lms_user_id = $2 where username = $1 returning id',
        [username, learner.user_id],
      );
      const [row] = rows;
      if (!row) throw new Error('nobody has that username');
      return row.id;
    },
    schedule: async (courseId) => {
      const { client, connection, address, namespace } = temporal;
      const access: TemporalAccess = {
        client,
        connection,
        address,
        namespace,
        close: () => Promise.resolve(),
      };
      const wanted = courseSchedule(courseId);
      await ensureSchedule(access, wanted);
      await client.schedule.getHandle(wanted.scheduleId).update((previous) => ({
        ...previous,
        policies: { ...previous.policies, overlap: ScheduleOverlapPolicy.SKIP },
        spec: { calendars: [{ year: 2099, month: 'JANUARY', dayOfMonth: 1 }] },
      }));
    },
    close: async () => {
      await retirement.close();
      await courses.close();
      await temporal.close();
      await database.drop();
    },
  };
}

/** Texts of the columns of every table of schema `public` that hold `text`, as `table: row`. */
export async function rowsWith({ database }: CourseStage, text: string): Promise<readonly string[]> {
  const { rows: tables } = await database.query<{ name: string }>(
    `select quote_ident(tablename) as name from pg_tables where schemaname = 'public' order by 1`,
  );
  const found: string[] = [];
  for (const { name } of tables) {
    const { rows } = await database.query<{ row: string }>(
      `select row_to_json(held)::text as row from ${name} held where strpos(lower(row_to_json(held)::text), lower($1)) > 0`,
      [text],
    );
    found.push(...rows.map(({ row }) => `${name}: ${row}`));
  }
  return found;
}

/** Columns that say which user a row is of, in every table of the statistics; `table.column`. */
export async function columnsWithUser({ database }: CourseStage, userId: number): Promise<readonly string[]> {
  const { rows: columns } = await database.query<{ table: string; column: string; list: boolean }>(
    `select table_name as "table", column_name as "column", data_type = 'ARRAY' as list
     from information_schema.columns
     where table_schema = 'public'
       and (column_name in ('user_id', 'user_ids') or (table_name, column_name) = ('users', 'id'))
       and table_name not in ('user_retirement_status', 'erasure_receipts')
     order by 1, 2`,
  );
  const found: string[] = [];
  for (const { table, column, list } of columns) {
    const condition = list ? `$1 = any(${column})` : `${column} = $1`;
    const { rows } = await database.query(`select 1 from ${table} where ${condition} limit 1`, [userId]);
    if (rows.length > 0) found.push(`${table}.${column}`);
  }
  return found;
}
