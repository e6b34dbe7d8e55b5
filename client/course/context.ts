import type { Database } from '../../db/database.ts';
import type { TemporalAccess } from '../temporal.ts';

/** What the operations on courses are given. Temporal is asked for only where it is needed. */
export interface CourseContext {
  readonly database: Database;
  temporal(): Promise<TemporalAccess>;
  /** Where the Temporal UI is; undefined means the development server's. */
  readonly uiUrl?: string | undefined;
}
