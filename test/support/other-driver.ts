import { createLmsClient } from '../../platform/lms/client.ts';
import { createRetirementQueue } from '../../platform/lms/retirement.ts';
import { credentials } from './retirement.ts';

/** Somebody else who drives retirements: the LMS's operators, its learners and the original driver. */
export interface OtherDriver {
  /** Moves the learner in the LMS, by force. */
  move(username: string, state: string): Promise<void>;
  /** The learner takes the request for deletion back. */
  cancel(retirementId: number): Promise<void>;
  close(): Promise<void>;
}

export function createOtherDriver(lmsUrl: string): OtherDriver {
  const { clientId, clientSecret } = credentials;
  const client = createLmsClient({
    baseUrl: lmsUrl,
    clientId,
    clientSecret,
    concurrency: 1,
    timeoutMs: 10_000,
  });
  const queue = createRetirementQueue(client);
  return {
    move: async (username, state) => {
      const outcome = await queue.move({ username, state, response: 'by another driver', force: true });
      if (outcome.kind !== 'moved') throw outcome.failure;
    },
    cancel: async (retirementId) => {
      const outcome = await queue.cancel(retirementId);
      if (outcome.kind !== 'cancelled') throw outcome.failure;
    },
    close: () => client.close(),
  };
}
