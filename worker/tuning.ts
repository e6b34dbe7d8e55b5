import type { WorkerOptions } from '@temporalio/worker';

/** What a worker process may use; docs/measurements.md says what it brought. */
export const tuning = {
  databaseConnections: 10,
  worker: {
    // A parked or cooling retirement falls out of the cache and costs one short replay when it moves again.
    maxCachedWorkflows: 500,
    // First attempts of stages run inside workflow tasks: with a slow LMS, this many learners before others have to wait.
    maxConcurrentWorkflowTaskExecutions: 100,
    maxConcurrentActivityTaskExecutions: 40,
    // Requests to the LMS under way get their answer before the process ends.
    shutdownGraceTime: '10 seconds',
    shutdownForceTime: '25 seconds',
  } satisfies Partial<WorkerOptions>,
} as const;
