import {
  Worker,
  type NativeConnection,
  type WorkerDeploymentOptions,
  type WorkerInterceptors,
  type WorkerOptions,
} from '@temporalio/worker';
import type { Logger } from 'pino';
import { createRetirementActivities } from '../activities/retirement/index.ts';
import { createLmsStates } from '../activities/retirement/lms-states.ts';
import { createReceiptKeys } from '../activities/retirement/receipts/keys.ts';
import type { PlatformSource } from '../activities/retirement/platform.ts';
import type { Database } from '../db/database.ts';
import { RETIREMENT_TASK_QUEUE } from '../workflows/retirement/contract.ts';
import { withHiddenIdentity } from './hide-identity.ts';
import { tuning } from './tuning.ts';

/** A bundle made beforehand, or the path of the sources to bundle now. */
export type WorkflowCode = Pick<WorkerOptions, 'workflowBundle' | 'workflowsPath'>;

export interface RetirementWorkerOptions {
  readonly connection: NativeConnection;
  readonly namespace: string;
  readonly database: Database;
  readonly platform: PlatformSource;
  readonly log: Logger;
  readonly workflowCode: WorkflowCode;
  /** How long a stage may wait for something else to end; default an hour. */
  readonly longestWaitMs?: number;
  /** Of whoever watches: they see what comes of an activity when nothing in it names a person any more. */
  readonly interceptors?: Pick<WorkerInterceptors, 'activity' | 'client'>;
  /** Default: not versioned. */
  readonly workerDeploymentOptions?: WorkerDeploymentOptions | undefined;
}

/** The worker of the `retirement` task queue, ready to run. Closing connection, platform and database is the caller's. */
export async function createRetirementWorker(options: RetirementWorkerOptions): Promise<Worker> {
  const { connection, namespace, database, platform, log, workflowCode, interceptors } = options;
  const { workerDeploymentOptions } = options;
  return Worker.create({
    connection,
    namespace,
    taskQueue: RETIREMENT_TASK_QUEUE,
    activities: createRetirementActivities({
      database,
      platform,
      lmsStates: createLmsStates(database),
      receiptKeys: createReceiptKeys(database),
      ...(options.longestWaitMs === undefined ? {} : { longestWaitMs: options.longestWaitMs }),
    }),
    interceptors: withHiddenIdentity(log, interceptors),
    ...workflowCode,
    ...(workerDeploymentOptions && { workerDeploymentOptions }),
    ...tuning.worker,
  });
}
