import type { Configuration } from '../../config/configuration.ts';
import { openDatabase, type Database, type Queryable } from '../../db/database.ts';
import { migrate } from '../../db/migrate.ts';
import { listPendingMigrations } from '../../db/pending-migrations.ts';
import { listCourseIds } from '../course/store.ts';
import { failed } from '../operation-error.ts';
import type { TemporalAccess } from '../temporal.ts';
import {
  courseSchedule,
  ensureSchedule,
  removeSchedule,
  retirementScheduleIds,
  retirementSchedules,
  wantedRetirementSchedule,
  type ScheduleOutcome,
} from './schedules.ts';
import { registerSearchAttributes } from './search-attributes.ts';
import { grantToWorkers } from './worker-role.ts';

export interface SetUpOptions {
  readonly databaseUrl: string;
  readonly temporal: TemporalAccess;
  /** Absent: the defaults. */
  readonly configuration?: Configuration | undefined;
  /** The role of workers and commands, where that is not the role that sets up. */
  readonly workerRole?: string | undefined;
}

export interface SetUpReport {
  /** Names of the migrations that ran now. */
  readonly migrations: readonly string[];
  /** The role that may read and write rows now. */
  readonly workerRole?: string;
  /** Names that were registered now. */
  readonly searchAttributes: readonly string[];
  readonly schedules: readonly ScheduleOutcome[];
}

/** Brings database and Temporal to what this version needs. Safe to repeat, and beside running workers. */
export async function setUp({
  databaseUrl,
  temporal,
  configuration,
  workerRole,
}: SetUpOptions): Promise<SetUpReport> {
  await onDatabase(databaseUrl, checkMayMigrate);
  const migrations = await migrate(databaseUrl);
  if (workerRole !== undefined) {
    await onDatabase(databaseUrl, (database) => grantToWorkers(database, workerRole));
  }
  const searchAttributes = await registerSearchAttributes(temporal);
  const retirements = await ensureRetirementSchedules(temporal, configuration);
  const courses = await ensureCourseSchedules(temporal, await onDatabase(databaseUrl, listCourseIds));
  return {
    migrations,
    ...(workerRole === undefined ? {} : { workerRole }),
    searchAttributes,
    schedules: [...retirements, ...courses],
  };
}

/** Those that the configuration asks for; one that it asked for before and does not any more is removed. */
async function ensureRetirementSchedules(
  temporal: TemporalAccess,
  configuration: Configuration | undefined,
): Promise<readonly ScheduleOutcome[]> {
  const wanted = retirementSchedules(configuration?.registrar);
  const ensured = wanted.map(async (schedule): Promise<ScheduleOutcome> => {
    const outcome = await ensureSchedule(temporal, wantedRetirementSchedule(schedule));
    return { ...outcome, everyMs: schedule.everyMs };
  });
  // A configuration that cannot be read asks for nothing: what it asked for before stays.
  const needless = retirementScheduleIds.filter(
    (id) => configuration !== undefined && wanted.every(({ scheduleId }) => scheduleId !== id),
  );
  const removed = needless.map(async (scheduleId): Promise<readonly ScheduleOutcome[]> => {
    if (!(await removeSchedule(temporal, scheduleId))) return [];
    return [{ scheduleId, outcome: 'removed', paused: false, everyMs: 0 }];
  });
  return [...(await Promise.all(ensured)), ...(await Promise.all(removed)).flat()];
}

/** The library of migrations would say it with a stack. */
async function checkMayMigrate(db: Queryable): Promise<void> {
  if ((await listPendingMigrations(db)).length === 0) return;
  const { rows } = await db.query<{ readonly role: string; readonly mayCreate: boolean }>(
    `select current_user::text as role, has_schema_privilege('public', 'create') as "mayCreate"`,
  );
  const [{ role = '', mayCreate = true } = {}] = rows;
  if (mayCreate) return;
  throw failed(
    `${role} may not create tables: run \`registrar setup\` as the owner of the database, with REGISTRAR_WORKER_ROLE naming the role of workers and commands`,
  );
}

async function onDatabase<Result>(
  url: string,
  work: (database: Database) => Promise<Result>,
): Promise<Result> {
  const database = openDatabase({ url, maxConnections: 1, applicationName: 'registrar setup' });
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}

/** The server starts at most some dozens of schedules a second. */
const AT_ONCE = 10;

/** A course whose schedule is missing would never be updated: a restored database, another namespace. */
async function ensureCourseSchedules(
  temporal: TemporalAccess,
  courseIds: readonly number[],
): Promise<readonly ScheduleOutcome[]> {
  const outcomes: ScheduleOutcome[] = [];
  for (let first = 0; first < courseIds.length; first += AT_ONCE) {
    const some = courseIds.slice(first, first + AT_ONCE).map(async (courseId): Promise<ScheduleOutcome> => {
      const outcome = await ensureSchedule(temporal, courseSchedule(courseId));
      return { ...outcome, courseId };
    });
    outcomes.push(...(await Promise.all(some)));
  }
  return outcomes;
}
