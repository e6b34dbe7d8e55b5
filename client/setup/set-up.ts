import type { Configuration } from '../../config/configuration.ts';
import { migrate } from '../../db/migrate.ts';
import type { TemporalAccess } from '../temporal.ts';
import { collectSchedule, ensureSchedule, type ScheduleOutcome } from './schedules.ts';
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
  return {
    migrations,
    searchAttributes,
    schedules: [await ensureSchedule(temporal, collectSchedule(everyMs))],
  };
}
