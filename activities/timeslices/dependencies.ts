import type { Database } from '../../db/database.ts';
import type { WikiSource } from './wiki-access.ts';

/** What the worker hands to the activities of the task queue `timeslices`. */
export interface CourseActivityDependencies {
  readonly database: Database;
}

/** What the worker hands to those of the task queue `wiki`. */
export interface WikiActivityDependencies extends CourseActivityDependencies {
  readonly wikis: WikiSource;
}
