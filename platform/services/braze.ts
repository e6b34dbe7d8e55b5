import type { Service } from '../learner.ts';
import { createEndpoint } from './endpoint.ts';
import { erased, isSuccess, refuseForeignBody } from './outcome.ts';
import type { ThirdPartyOptions } from './third-party.ts';

export interface BrazeKeys {
  readonly apiKey: string;
  /** The part of the REST host that names the cluster: `iad-01`. */
  readonly instance: string;
}

/** Braze: deletes the profile whose external id is the LMS user id. Braze answers 2xx for ids it does not know. Safe to repeat. */
export function createBraze(keys: BrazeKeys, { baseUrl, ...options }: ThirdPartyOptions): Service {
  const ask = createEndpoint({
    ...options,
    service: 'BRAZE',
    baseUrl: baseUrl ?? `https://rest.${keys.instance}.braze.com`,
    headers: { authorization: `Bearer ${keys.apiKey}` },
    secrets: [keys.apiKey],
  });
  return {
    async delete_user({ learner, signal }) {
      const json = { external_ids: [learner.userId] };
      const reply = await ask({ verb: 'POST', path: '/users/delete', json, signal });
      if (!isSuccess(reply.status)) throw reply.failure();
      refuseForeignBody(reply);
      return erased(reply.summary());
    },
  };
}
