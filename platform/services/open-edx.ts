import type { Dispatcher } from 'undici';
import type { Service, ServiceCall, ServiceOutcome } from '../learner.ts';
import type { TokenSource } from '../oauth.ts';
import { createEndpoint } from './endpoint.ts';
import { erased, isSuccess, nobodyThere } from './outcome.ts';

export interface OpenEdxServiceOptions {
  readonly baseUrl: string;
  /** The LMS's tokens, which every Open edX service takes. */
  readonly tokens: TokenSource;
  readonly timeoutMs: number;
  readonly dispatcher?: Dispatcher | undefined;
}

/** Open edX license manager: clears the learner's licences. A 404 means that it knows no such user. Safe to repeat. */
export function createLicenseManager(options: OpenEdxServiceOptions): Service {
  return {
    retire_learner: retireWith(options, 'LICENSE_MANAGER', '/api/v1/retire_user/', ({ learner }) => ({
      lms_user_id: learner.userId,
      original_username: learner.originalUsername,
    })),
  };
}

/** Open edX demographics: deletes the learner's answers. A 404 means that there are none. Safe to repeat. */
export function createDemographics(options: OpenEdxServiceOptions): Service {
  return {
    retire_learner: retireWith(
      options,
      'DEMOGRAPHICS',
      '/demographics/api/v1/retire_demographics/',
      ({ learner }) => ({ lms_user_id: learner.userId }),
    ),
  };
}

function retireWith(
  { tokens, ...options }: OpenEdxServiceOptions,
  service: string,
  path: string,
  bodyFor: (call: ServiceCall) => unknown,
): (call: ServiceCall) => Promise<ServiceOutcome> {
  const ask = createEndpoint({ ...options, service, tokens: { source: tokens, scheme: 'JWT' } });
  return async (call) => {
    const reply = await ask({ verb: 'POST', path, json: bodyFor(call), signal: call.signal });
    if (reply.status === 404) return nobodyThere(reply);
    if (!isSuccess(reply.status)) throw reply.failure();
    if (reply.status !== 204) reply.json();
    return erased(reply.summary());
  };
}
