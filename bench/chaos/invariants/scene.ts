import type { Client } from '@temporalio/client';
import type { Configuration } from '../../../config/configuration.ts';
import type { Database, Queryable } from '../../../db/database.ts';
import type { Pipeline } from '../../../domain/retirement/pipeline.ts';
import type { Deeds } from '../acting.ts';
import type { AskedLearner } from '../people.ts';
import type { ThirdParty } from '../third-party.ts';

/** What the invariants look at, once everything is quiet. */
export interface Scene {
  readonly database: Database;
  /** Where the sandbox LMS has its schema. */
  readonly outside: Queryable;
  readonly client: Client;
  readonly pipeline: Pipeline;
  readonly people: readonly AskedLearner[];
  readonly deeds: Deeds;
  readonly thirdParty: Pick<ThirdParty, 'callsOf' | 'miscount'>;
  /** Holds `partner-reports` and `archive`. */
  readonly deliveredFolder: string;
  /** Files and folders that must not know anybody: what Temporal wrote, and logs. */
  readonly anonymous: readonly string[];
  configuration(): Promise<Configuration>;
}

/** One violation a line; people by LMS user id. */
export type Invariant = (scene: Scene) => Promise<readonly string[]>;
