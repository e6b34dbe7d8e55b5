import { cancellationSignal } from '@temporalio/activity';
import type { RetirementStatus } from '../../../platform/lms/status.ts';
import { permanent, retryLater } from '../../failures.ts';
import { beating } from '../../heartbeat.ts';
import type { RetirementDependencies } from '../dependencies.ts';
import { translating } from '../failing.ts';
import type { Platform } from '../platform.ts';
import { canaryPerson, type CanaryPerson } from './person.ts';
import { createInSandbox, isSandbox } from './sandbox.ts';

/** The service of `registrar.services` that makes a canary's learner on a real LMS, and its method. */
const SERVICE = 'CANARY';
const METHOD = 'create_learner';

export interface CanaryInput {
  /** ISO 8601: when the canary began. */
  readonly at: string;
}

/**
 * Makes a learner who has asked for deletion: by the operator's service CANARY where the configuration has one, and
 * otherwise in the sandbox, where the cooling-off is over already. CANARY's method `create_learner` is given
 * `original_username`, `original_email` and `original_name`, must make the account with exactly this username and ask for
 * its deletion as the learner would, and is called again when its first answer was lost.
 * Safe to run twice: the username comes from `at`, and whom the LMS has already is not made again.
 * Throws `ConfigurationInvalid` when `registrar.canary` is off or nobody can make a learner.
 */
export function createCreateCanary({
  platform,
}: RetirementDependencies): (input: CanaryInput) => Promise<{ readonly userId: number }> {
  return ({ at }) =>
    beating(async () => {
      const current = await platform.current();
      const { registrar } = current.configuration;
      if (!registrar.canary) {
        throw permanent(
          'ConfigurationInvalid',
          'registrar.canary is not true: set it, or run `registrar setup` to end the schedule',
        );
      }
      const person = canaryPerson(at);
      const known = await findCanary(current, person);
      if (known !== undefined) return { userId: known.userId };
      await translating(() => create(current, person));
      const made = await findCanary(current, person);
      if (made !== undefined) return { userId: made.userId };
      throw retryLater(
        'ServiceUnavailable',
        `${SERVICE}.${METHOD} answered, but the LMS has no retirement of the learner: it must make the account with original_username and ask for its deletion`,
      );
    });
}

/** The canary's row in the LMS, undefined while there is none. Throws what an activity may throw. */
export async function findCanary(
  { queue }: Platform,
  { username }: CanaryPerson,
): Promise<RetirementStatus | undefined> {
  const status = await translating(() => queue.find(username, cancellationSignal()));
  // The LMS also finds people by the names they have now.
  return status?.originalUsername === username ? status : undefined;
}

async function create({ configuration, services }: Platform, person: CanaryPerson): Promise<void> {
  const signal = cancellationSignal();
  const service = Object.hasOwn(services, SERVICE) ? services[SERVICE] : undefined;
  if (service === undefined) {
    if (await isSandbox(configuration, signal)) return createInSandbox(configuration, person, signal);
    throw permanent(
      'ConfigurationInvalid',
      `registrar.canary needs a learner: declare the service ${SERVICE} with the method ${METHOD} under registrar.services, or set registrar.canary to false`,
    );
  }
  const method = Object.hasOwn(service, METHOD) ? service[METHOD] : undefined;
  if (method === undefined) {
    throw permanent('ConfigurationInvalid', `registrar.services.${SERVICE} has no method ${METHOD}: add it`);
  }
  await method({
    learner: {
      userId: 0,
      retirementId: 0,
      originalUsername: person.username,
      originalEmail: person.email,
      originalName: person.name,
      retiredUsername: '',
      retiredEmail: '',
    },
    signal,
  });
}
