import { Worker, type NativeConnection } from '@temporalio/worker';
import type { Logger } from 'pino';
import { createCourseActivities, createWikiActivities } from '../activities/timeslices/index.ts';
import type { WikiSource } from '../activities/timeslices/wiki-access.ts';
import type { Database } from '../db/database.ts';
import { TIMESLICES_TASK_QUEUE, WIKI_TASK_QUEUE } from '../workflows/timeslices/contract.ts';
import { withHiddenIdentity } from './hide-identity.ts';
import type { RetirementWorkerOptions, WorkflowCode } from './retirement.ts';
import { tuning } from './tuning.ts';

export interface TimeslicesWorkerOptions {
  readonly connection: NativeConnection;
  readonly namespace: string;
  readonly database: Database;
  readonly wikis: WikiSource;
  readonly log: Logger;
  readonly workflowCode: WorkflowCode;
  /** As for the worker of retirements. */
  readonly interceptors?: RetirementWorkerOptions['interceptors'];
}

/**
 * The workers of the task queues `timeslices` and `wiki`, ready to run. Closing connection, database and wikis is the
 * caller's. The server hands out the tasks of `wiki` at a limited rate, to all workers together.
 */
export async function createTimeslicesWorkers({
  connection,
  namespace,
  database,
  wikis,
  log,
  workflowCode,
  interceptors,
}: TimeslicesWorkerOptions): Promise<readonly [Worker, Worker]> {
  const shared = {
    connection,
    namespace,
    interceptors: withHiddenIdentity(log, interceptors),
  };
  return Promise.all([
    Worker.create({
      ...shared,
      taskQueue: TIMESLICES_TASK_QUEUE,
      activities: createCourseActivities({ database }),
      ...workflowCode,
      ...tuning.timeslicesWorker,
    }),
    Worker.create({
      ...shared,
      taskQueue: WIKI_TASK_QUEUE,
      activities: createWikiActivities({ database, wikis }),
      ...tuning.wikiWorker,
    }),
  ]);
}
