import type { Database } from '../../db/database.ts';
import type { LmsStates } from './lms-states.ts';
import type { PlatformSource } from './platform.ts';

/** What the worker hands to the retirement activities. */
export interface RetirementDependencies {
  readonly database: Database;
  readonly platform: PlatformSource;
  readonly lmsStates: LmsStates;
}
