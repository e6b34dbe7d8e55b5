import { activityInfo } from '@temporalio/activity';
import { ServiceFailure } from '../../platform/failure.ts';
import { ARCHIVE_SCHEDULE_ID, PARTNER_REPORT_WORKFLOW_ID } from '../../workflows/retirement/contract.ts';
import { permanent, retryLater } from '../failures.ts';

/** Runs that somebody waits for; those of a schedule have its time behind the id. */
const waitedFor: readonly (string | undefined)[] = [ARCHIVE_SCHEDULE_ID, PARTNER_REPORT_WORKFLOW_ID];

/** Enough for a hiccup: an operator hears soon that the address is wrong, and what was kept is the next run's. */
const ATTEMPTS_WAITED_FOR = 3;
const WAITED_FOR_MS = 30_000;

/**
 * Asks a folder or a bucket; its failures in a form that Temporal may see. What may pass is tried again as the workflow says,
 * but in a run that an operator asked for only three times, and for half a minute.
 */
export async function reachingStore<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ServiceFailure)) throw error;
    if (!error.exchange.transient) throw permanent('ServiceUnavailable', error.message);
    if (maySomebodyWait()) throw retryLater('ServiceUnavailable', error.message);
    throw permanent(
      'ServiceUnavailable',
      `${error.message}: check that the worker can reach the destination, then run this again; nothing is lost`,
    );
  }
}

function maySomebodyWait(): boolean {
  const { attempt, scheduledTimestampMs, workflowExecution } = activityInfo();
  if (!waitedFor.includes(workflowExecution?.workflowId)) return true;
  return attempt < ATTEMPTS_WAITED_FOR && Date.now() - scheduledTimestampMs < WAITED_FOR_MS;
}
