import { defineQuery, proxyActivities, setHandler } from '@temporalio/workflow';
import type { RetirementActivities } from '../../activities/retirement/index.ts';
import { STATUS, type CollectResult } from './contract.ts';

const activities = proxyActivities<RetirementActivities>({
  startToCloseTimeout: '30 minutes',
  heartbeatTimeout: '1 minute',
  // A collection that cannot reach the LMS ends before the next one is due; the schedule tries again.
  retry: { initialInterval: '2 seconds', maximumInterval: '30 seconds', maximumAttempts: 5 },
});

const statusQuery = defineQuery<CollectResult | null>(STATUS);

/** One pass of the collector: a workflow for every learner of the LMS's queue who has none. */
export async function collectRetirements(): Promise<CollectResult> {
  let result: CollectResult | null = null;
  setHandler(statusQuery, () => result, { description: 'What was found and started; null while under way.' });
  result = await activities.collect();
  return result;
}
