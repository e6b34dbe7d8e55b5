import { Worker } from '@temporalio/worker';
import { createCourseActivities, createWikiActivities } from '../activities/timeslices/index.ts';
import type { WikiSource } from '../activities/timeslices/wiki-access.ts';
import { TIMESLICES_TASK_QUEUE, WIKI_TASK_QUEUE } from '../workflows/timeslices/contract.ts';
import { withHiddenIdentity } from './hide-identity.ts';
import type { RetirementWorkerOptions, WorkflowCode } from './retirement.ts';
import { tuning } from './tuning.ts';

type SharedOptions = Pick<
  RetirementWorkerOptions,
  'connection' | 'namespace' | 'database' | 'log' | 'interceptors' | 'workerDeploymentOptions'
>;

export interface CourseWorkerOptions extends SharedOptions {
  readonly workflowCode: WorkflowCode;
}

export interface WikiWorkerOptions extends SharedOptions {
  readonly wikis: WikiSource;
}

/** The worker of the task queue `timeslices`, ready to run. Closing connection and database is the caller's. */
export async function createCourseWorker(options: CourseWorkerOptions): Promise<Worker> {
  const { connection, namespace, database, log, workflowCode, workerDeploymentOptions, interceptors } =
    options;
  return Worker.create({
    connection,
    namespace,
    taskQueue: TIMESLICES_TASK_QUEUE,
    activities: createCourseActivities({ database }),
    interceptors: withHiddenIdentity(log, interceptors),
    ...workflowCode,
    ...(workerDeploymentOptions && { workerDeploymentOptions }),
    ...tuning.timeslicesWorker,
  });
}

/**
 * The worker of the task queue `wiki`, ready to run; the server hands out its tasks at a limited rate, to all workers together. Closing
 * connection, database and wikis is the caller's.
 */
export async function createWikiWorker(options: WikiWorkerOptions): Promise<Worker> {
  const { connection, namespace, database, wikis, log, workerDeploymentOptions, interceptors } = options;
  return Worker.create({
    connection,
    namespace,
    taskQueue: WIKI_TASK_QUEUE,
    activities: createWikiActivities({ database, wikis }),
    interceptors: withHiddenIdentity(log, interceptors),
    ...(workerDeploymentOptions && { workerDeploymentOptions }),
    ...tuning.wikiWorker,
  });
}
