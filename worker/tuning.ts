import type { WorkerOptions } from '@temporalio/worker';

/**
 * Breaking off the code of a workflow in the middle can end the whole process, and with it everybody's work; the SDK does it after five
 * seconds, which a flood of signals or a busy machine can take. The option is none of its documented ones.
 */
const unhurried = { isolateExecutionTimeout: '60 seconds' } as const;

/** What a worker process may use; docs/measurements.md says what it brought. */
export const tuning = {
  databaseConnections: 10,
  /** One for every activity of both workers below; those of the wiki's hold one while they ask. */
  timeslicesConnections: 24,
  /** The statements of a big course take longer than those of a learner. */
  timeslicesQueryTimeoutMs: 10 * 60_000,
  worker: {
    ...unhurried,
    // A parked or cooling retirement falls out of the cache and costs one short replay when it moves again.
    maxCachedWorkflows: 500,
    // First attempts of stages run inside workflow tasks. Of many more at once some outlast the ten seconds of a workflow task on a busy
    // machine, and their stages run again; of fewer than 20 too few are under way.
    maxConcurrentWorkflowTaskExecutions: 32,
    maxConcurrentActivityTaskExecutions: 40,
    // Requests to the LMS under way get their answer before the process ends.
    shutdownGraceTime: '10 seconds',
    shutdownForceTime: '25 seconds',
  } satisfies Partial<WorkerOptions>,
  timeslicesWorker: {
    ...unhurried,
    maxCachedWorkflows: 200,
    maxConcurrentActivityTaskExecutions: 8,
    shutdownGraceTime: '10 seconds',
    shutdownForceTime: '25 seconds',
  } satisfies Partial<WorkerOptions>,
  wikiWorker: {
    // A page of results in memory each; at most three of one wiki.
    maxConcurrentActivityTaskExecutions: 12,
    // Walks begun a second, over all workers; each asks for its pages one after the other.
    maxTaskQueueActivitiesPerSecond: 25,
    shutdownGraceTime: '10 seconds',
    shutdownForceTime: '25 seconds',
  } satisfies Partial<WorkerOptions>,
} as const;
