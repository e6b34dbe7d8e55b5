import { proxyActivities } from '@temporalio/workflow';
import type { createEraseCourseUser } from '../../activities/retirement/course-erasure/erasing-late.ts';
import { insist, isId, readInput } from '../input.ts';
import type { EraseCourseUserInput, EraseCourseUserResult } from './contract.ts';

const activities = proxyActivities<{ readonly eraseCourseUser: ReturnType<typeof createEraseCourseUser> }>({
  startToCloseTimeout: '10 minutes',
  heartbeatTimeout: '1 minute',
  // Waiting for an update of a course is a retry too; the activity says when that lasts too long.
  retry: { initialInterval: '1 second', backoffCoefficient: 1.5, maximumInterval: '30 seconds' },
});

/** Takes a learner out of the statistics without a retirement: theirs was past that stage when somebody linked them. */
export async function eraseCourseUser(input: EraseCourseUserInput): Promise<EraseCourseUserResult> {
  insist(isId(readInput(input, '{"userId": …}')['userId']), 'userId', 'an LMS user id, a whole number');
  return activities.eraseCourseUser(input);
}
