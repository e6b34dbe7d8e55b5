import { activityInfo } from '@temporalio/activity';
import type { EraseCourseUserInput, EraseCourseUserResult } from '../../../workflows/retirement/contract.ts';
import { permanent, retryLater } from '../../failures.ts';
import { beating } from '../../heartbeat.ts';
import type { RetirementDependencies } from '../dependencies.ts';
import { removeCourseUser } from './removing.ts';
import { LONGEST_WAIT_MS, StillWaiting } from './waiting.ts';

/**
 * The work of a pipeline row of our own service, for somebody whose retirement will not come to it any more. Safe to run twice, and
 * beside that row, as the removal is. Throws `UpdateUnderWay`: to be tried again while an update of a course has to end
 * first, and for good when none has within an hour.
 */
export function createEraseCourseUser({
  database,
  longestWaitMs = LONGEST_WAIT_MS,
}: Pick<RetirementDependencies, 'database' | 'longestWaitMs'>): (
  input: EraseCourseUserInput,
) => Promise<EraseCourseUserResult> {
  return async ({ userId }) => {
    try {
      const { kind, response } = await beating(() => removeCourseUser(database, userId));
      return { outcome: kind, text: response };
    } catch (error) {
      if (!(error instanceof StillWaiting)) throw error;
      if (Date.now() - activityInfo().scheduledTimestampMs < longestWaitMs) {
        throw retryLater('UpdateUnderWay', error.message);
      }
      throw permanent(
        'UpdateUnderWay',
        `${error.what} has not ended within ${longestWaitMs / 3_600_000} h: see \`registrar course show\`, then link LMS user ${userId} once more`,
      );
    }
  };
}
