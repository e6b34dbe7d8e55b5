import type { Service } from '../learner.ts';
import { createEndpoint } from './endpoint.ts';
import { erased, refuseForeignBody } from './outcome.ts';
import { basicAuthorization, type ThirdPartyOptions } from './third-party.ts';

export interface AmplitudeKeys {
  readonly apiKey: string;
  readonly secretKey: string;
}

/**
 * Amplitude: asks for the deletion of the user with the LMS user id. Ids it does not know are ignored, by request.
 * Only 200 is success. Safe to repeat: a user who is in a deletion job already stays in it.
 */
export function createAmplitude(keys: AmplitudeKeys, { baseUrl, ...options }: ThirdPartyOptions): Service {
  const authorization = basicAuthorization(keys.apiKey, keys.secretKey);
  const ask = createEndpoint({
    ...options,
    service: 'AMPLITUDE',
    baseUrl: baseUrl ?? 'https://amplitude.com',
    headers: { authorization },
    secrets: [keys.apiKey, keys.secretKey, authorization.slice('Basic '.length)],
  });
  return {
    async delete_user({ learner, signal }) {
      const json = {
        user_ids: [learner.userId],
        // A text, not a boolean: so Amplitude documents it.
        ignore_invalid_id: 'true',
        requester: 'user-retirement-pipeline',
      };
      const reply = await ask({ verb: 'POST', path: '/api/2/deletions/users', json, signal });
      if (reply.status !== 200) throw reply.failure();
      refuseForeignBody(reply);
      return erased(reply.summary());
    },
  };
}
