import {
  ActivityFailure,
  ApplicationFailure,
  defineQuery,
  isCancellation,
  proxyActivities,
  rootCause,
  setCurrentDetails,
  setHandler,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { CanaryActivities } from '../../activities/retirement/canary/index.ts';
import type { CanaryStanding } from '../../activities/retirement/canary/looking.ts';
import type { CanaryResult, CanaryStatus } from './canary-contract.ts';
import { STATUS } from './contract.ts';

const activities = proxyActivities<CanaryActivities>({
  startToCloseTimeout: '5 minutes',
  heartbeatTimeout: '1 minute',
  // What does not work for this long is what a canary is there to tell.
  scheduleToCloseTimeout: '1 hour',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute' },
});

const statusQuery = defineQuery<CanaryStatus>(STATUS);

/**
 * Sends one learner who was made for it through a whole retirement and verifies the receipt. Fails with `CanaryFailed` when
 * the learner is not erased in time or the receipt does not hold, so that whoever watches failed workflows hears of it.
 */
export async function canaryRetirement(): Promise<CanaryResult> {
  let status: CanaryStatus = { userId: null, state: null };
  setHandler(statusQuery, () => status, { description: 'Which learner it is, and the state last seen.' });
  // The learner's name is made of it, so that an attempt that is repeated finds the learner of the one before.
  const at = workflowInfo().startTime.toISOString();
  try {
    const { userId } = await activities.createCanary({ at });
    status = { userId, state: null };
    setCurrentDetails(`The learner is LMS user ${userId}, with the workflow retirement-${userId}.`);
    await activities.startCanary({ at });
    await untilErased(userId, (state) => {
      status = { userId, state };
    });
    const verdict = await activities.verifyCanary({ at, userId });
    if (verdict.kind === 'broken') throw canaryFailed(userId, `was erased, but ${verdict.faults.join('; ')}`);
    return { userId, receipt: verdict.sequence };
  } catch (error) {
    if (isCancellation(error) || !(error instanceof ActivityFailure)) throw error;
    throw canaryFailed(status.userId, `cannot go on: ${rootCause(error) ?? error.message}`);
  }
}

const FIRST_WAIT_MS = 2_000;
const HOUR_MS = 3_600_000;

/** Looks again and again, ever more seldom, and while the learner cools off once a day. */
async function untilErased(userId: number, notice: (state: string) => void): Promise<void> {
  let waitMs = FIRST_WAIT_MS;
  for (;;) {
    const standing = await activities.lookAtCanary({ userId });
    if (standing.kind === 'erased') return;
    notice(standing.state);
    if (standing.kind === 'failed') {
      throw canaryFailed(
        userId,
        `is ${standing.state}${standing.stage === null ? '' : ` at ${standing.stage}`}: ${standing.why}`,
      );
    }
    const overdueInMs = Date.parse(standing.dueAt) - Date.now();
    if (overdueInMs < 0) {
      throw canaryFailed(userId, `is still ${standing.state} and was to be erased by ${standing.dueAt}`);
    }
    const coolingOffMs = coolingOffOf(standing);
    await sleep(Math.min(coolingOffMs > 0 ? coolingOffMs : waitMs, overdueInMs + 1_000, 24 * HOUR_MS), {
      summary: `until the learner is looked at again, ${standing.state} now`,
    });
    if (coolingOffMs <= 0) waitMs = Math.min(2 * waitMs, HOUR_MS);
  }
}

function coolingOffOf({ state, coolOffUntil }: Extract<CanaryStanding, { kind: 'under-way' }>): number {
  return state === 'PENDING' ? Date.parse(coolOffUntil) - Date.now() : 0;
}

function canaryFailed(userId: number | null, what: string): ApplicationFailure {
  const who = userId === null ? 'the canary' : `the canary, LMS user ${userId},`;
  const next = userId === null ? '`registrar doctor`' : `\`registrar retirement show ${userId}\``;
  return ApplicationFailure.nonRetryable(`${who} ${what}; see ${next}`, 'CanaryFailed');
}
