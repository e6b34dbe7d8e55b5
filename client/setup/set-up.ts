import type { Configuration } from '../../config/configuration.ts';
import { openDatabase } from '../../db/database.ts';
import { migrate } from '../../db/migrate.ts';
import { listCourseIds } from '../course/store.ts';
import type { TemporalAccess } from '../temporal.ts';
import { collectSchedule, courseSchedule, ensureSchedule, type ScheduleOutcome } from './schedules.ts';
import { registerSearchAttributes } from './search-attributes.ts';

export interface SetUpOptions {
  readonly databaseUrl: string;
  readonly temporal: TemporalAccess;
  /** Absent: the defaults. */
  readonly configuration?: Configuration | undefined;
}

export interface SetUpReport {
  /** Names of the migrations that ran now. */
  readonly migrations: readonly string[];
  /** Names that were registered now. */
  readonly searchAttributes: readonly string[];
  readonly schedules: readonly ScheduleOutcome[];
}

const DEFAULT_COLLECT_EVERY_MS = 3_600_000;

/** Brings database and Temporal to what this version needs. Safe to repeat, and beside running workers. */
export async function setUp({ databaseUrl, temporal, configuration }: SetUpOptions): Promise<SetUpReport> {
  const migrations = await migrate(databaseUrl);
  const searchAttributes = await registerSearchAttributes(temporal);
  const everyMs = configuration?.registrar.collectEveryMs ?? DEFAULT_COLLECT_EVERY_MS;
  const collect = await ensureSchedule(temporal, collectSchedule(everyMs));
  const courses = await ensureCourseSchedules(temporal, await courseIdsIn(databaseUrl));
  return { migrations, searchAttributes, schedules: [{ ...collect, everyMs }, ...courses] };
}

async function courseIdsIn(databaseUrl: string): Promise<readonly number[]> {
  const database = openDatabase({
    url: databaseUrl,
    maxConnections: 1,
    applicationName: 'registrar setup',
  });
  try {
    return await listCourseIds(database);
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
