import { getClient } from '@temporalio/activity';
import { retryLater } from '../../failures.ts';
import { takeInAndStart } from '../collecting.ts';
import type { RetirementDependencies } from '../dependencies.ts';
import { findCanary, type CanaryInput } from './creating.ts';
import { canaryPerson } from './person.ts';

/**
 * Takes the canary's learner in and starts the retirement, as the collector does. Safe to run twice, and beside the
 * collector: Temporal lets only one workflow of a learner be open, and one of a learner who is erased already just ends.
 */
export function createStartCanary(
  dependencies: RetirementDependencies,
): (input: CanaryInput) => Promise<void> {
  const { database, platform, lmsStates } = dependencies;
  return async ({ at }) => {
    const current = await platform.current();
    const status = await findCanary(current, canaryPerson(at));
    if (status === undefined) {
      throw retryLater('ServiceUnavailable', "the LMS has no retirement of the canary's learner any more");
    }
    await lmsStates.notice([status.currentState, status.lastState]);
    await takeInAndStart(
      { database, client: getClient(), settings: current.configuration.registrar },
      status,
    );
  };
}
