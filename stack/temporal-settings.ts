/** The search attributes of every workflow here, by the server's type names. */
export const SEARCH_ATTRIBUTES = {
  RetirementState: 'Keyword',
  RetirementStage: 'Keyword',
  RetirementDueAt: 'Datetime',
  RetirementDeadline: 'Keyword',
  CourseId: 'Int',
  CoursePhase: 'Keyword',
} as const;

export type SearchAttributeTypeName =
  'Text' | 'Keyword' | 'Int' | 'Double' | 'Bool' | 'Datetime' | 'KeywordList';

/** Dynamic configuration of the embedded server; each value is sent as JSON. */
export const DYNAMIC_CONFIG: Readonly<Record<string, unknown>> = {
  // The single shard's queues are polled at most this often a second. At the default of 20 every step of a workflow
  // waits for a 50 ms tick; from a few hundred up a batch gets slower, because polls then compete with the work.
  'history.transferProcessorMaxPollRPS': 100,
  'history.timerProcessorMaxPollRPS': 100,
  'history.visibilityProcessorMaxPollRPS': 100,
  // Activities of the worker that ran the workflow task start with its answer, without a hop; off by default before 1.32.
  'system.enableActivityEagerExecution': true,
  // Lists and counts a second; a page of the command line asks a few at once.
  'frontend.namespaceRPS.visibility': 1000,
  // The server runs schedules as workflows of its own, of which two at once answered too late when a hundred were due in the
  // same second: their tasks changed queues, and waited for a minute until the server asked that queue again.
  'worker.perNamespaceWorkerOptions': { MaxConcurrentWorkflowTaskPollers: 16 },
  // The embedded server tells nobody that it runs.
  'frontend.enableServerVersionCheck': false,
};

/** The file survives kill -9 of the server in both modes; only a crash of the machine may lose the last commits. */
export const SQLITE_PRAGMAS = ['journal_mode=wal', 'synchronous=normal'] as const;
