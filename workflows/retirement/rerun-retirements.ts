import { defineQuery, proxyActivities, setHandler, workflowInfo } from '@temporalio/workflow';
import type { RetirementActivities } from '../../activities/retirement/index.ts';
import { insist, isId, readInput } from '../input.ts';
import { MAX_RERUN_USERS, STATUS, type RerunInput, type RerunResult } from './contract.ts';

const activities = proxyActivities<RetirementActivities>({
  startToCloseTimeout: '30 minutes',
  heartbeatTimeout: '1 minute',
  retry: { initialInterval: '2 seconds', maximumInterval: '30 seconds', maximumAttempts: 5 },
});

const statusQuery = defineQuery<RerunResult | null>(STATUS);

/** Sends COMPLETE learners through the pipeline again: all of its stages, or only those they have never completed. */
export async function rerunRetirements(input: RerunInput): Promise<RerunResult> {
  checkInput(input);
  let result: RerunResult | null = null;
  setHandler(statusQuery, () => result, { description: 'How many were started; null while under way.' });
  result = await activities.startReruns({ ...input, requestedAt: workflowInfo().startTime.toISOString() });
  return result;
}

function checkInput(input: RerunInput): void {
  const { kind, userId, userIds } = readInput(input, '{"kind": "all"} or {"kind": "only-new"}');
  insist(kind === 'all' || kind === 'only-new', 'kind', '"all" or "only-new"');
  insist(userId === undefined || isId(userId), 'userId', 'an LMS user id, a whole number');
  insist(
    userIds === undefined ||
      (Array.isArray(userIds) && userIds.length <= MAX_RERUN_USERS && userIds.every(isId)),
    'userIds',
    `a list of at most ${MAX_RERUN_USERS} LMS user ids`,
  );
}
