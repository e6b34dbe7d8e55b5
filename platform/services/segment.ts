import type { Learner, Service } from '../learner.ts';
import { createEndpoint } from './endpoint.ts';
import { erased, isSuccess } from './outcome.ts';
import type { ThirdPartyOptions } from './third-party.ts';

export interface SegmentKeys {
  readonly authToken: string;
  readonly workspaceSlug: string;
}

/**
 * Segment: one regulation deletes and suppresses every id the learner was known by. Success is a `regulate_id`, nothing
 * less. Safe to repeat: a second regulation for the same ids finds nothing left.
 */
export function createSegment(keys: SegmentKeys, { baseUrl, ...options }: ThirdPartyOptions): Service {
  const ask = createEndpoint({
    ...options,
    service: 'SEGMENT',
    baseUrl: baseUrl ?? 'https://platform.segmentapis.com',
    headers: { authorization: `Bearer ${keys.authToken}` },
    secrets: [keys.authToken],
  });
  const path = `/v1beta/workspaces/${encodeURIComponent(keys.workspaceSlug)}/regulations`;
  return {
    async delete_and_suppress_learner({ learner, signal }) {
      const json = {
        regulation_type: 'Suppress_With_Delete',
        attributes: { name: 'userId', values: idsOf(learner) },
      };
      const reply = await ask({ verb: 'POST', path, json, signal });
      if (!isSuccess(reply.status)) throw reply.failure();
      if (!hasRegulateId(reply.json())) {
        throw reply.failure({ what: `answered ${reply.status} without a regulate_id`, transient: false });
      }
      return erased(reply.summary());
    },
  };
}

/** A null segment id is left out. Open edX's driver sends it as the text "None", and so deletes whoever is called that. */
function idsOf(learner: Learner): readonly string[] {
  const ids = [`${learner.userId}`, learner.originalUsername, learner.ecommerceSegmentId ?? ''];
  return ids.filter((id) => id.length > 0);
}

function hasRegulateId(answer: unknown): boolean {
  return (
    typeof answer === 'object' && answer !== null && 'regulate_id' in answer && Boolean(answer.regulate_id)
  );
}
