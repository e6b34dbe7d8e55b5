import { proxyActivities } from '@temporalio/workflow';
import type { CourseActivities, WikiActivities } from '../../activities/timeslices/index.ts';
import { WIKI_TASK_QUEUE } from './contract.ts';

/** Work on our own database: tried until it is done. A worker that died is noticed soon, as all of them heartbeat. */
const databaseWork = {
  startToCloseTimeout: '30 minutes',
  heartbeatTimeout: '15 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '30 seconds' },
} as const;

/** Calls to wikis: tried for as long as the retry budget lets them, which the activity itself counts. */
const wikiWork = { ...databaseWork, taskQueue: WIKI_TASK_QUEUE, startToCloseTimeout: '6 hours' } as const;

/** An activity with a line in the UI that says what it is about. */
export function courseWork(summary: string): CourseActivities {
  return proxyActivities<CourseActivities>({ ...databaseWork, summary });
}

export function wikiCalls(summary: string): WikiActivities {
  return proxyActivities<WikiActivities>({ ...wikiWork, summary });
}
