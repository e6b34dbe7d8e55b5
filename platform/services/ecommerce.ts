import { ServiceFailure } from '../failure.ts';
import { createEndpoint } from './endpoint.ts';
import { createGuardedAgent } from './guarded-agent.ts';
import type { OpenEdxServiceOptions } from './open-edx.ts';
import { nobodyThere } from './outcome.ts';
import { fillPath } from './path.ts';

export type SegmentIdSource = (call: {
  readonly username: string;
  readonly signal?: AbortSignal | undefined;
}) => Promise<string | null>;

const ROUTE = '/api/v2/retirement/tracking_id/{username}/';

/**
 * Asks ecommerce under which id it told Segment about a learner; null when it knows no such learner.
 * Read-only. Throws a `ServiceFailure`.
 */
export function createSegmentIdSource({
  tokens,
  dispatcher = createGuardedAgent(),
  ...options
}: OpenEdxServiceOptions): SegmentIdSource {
  const service = 'ECOMMERCE';
  const ask = createEndpoint({ ...options, dispatcher, service, tokens: { source: tokens, scheme: 'JWT' } });
  return async ({ username, signal }) => {
    const filled = fillPath(ROUTE, () => username);
    if ('unusable' in filled) {
      const what = `cannot be asked: the username is ${filled.unusable}`;
      throw new ServiceFailure({ service, verb: 'GET', path: ROUTE, route: ROUTE, what, transient: false });
    }
    const reply = await ask({ verb: 'GET', path: filled.path, route: ROUTE, signal });
    if (reply.status === 404) {
      nobodyThere(reply);
      return null;
    }
    if (reply.status !== 200) throw reply.failure();
    const id = trackingId(reply.json());
    if (id !== undefined) return id;
    throw reply.failure({ what: 'answered 200 without an ecommerce_tracking_id', transient: false });
  };
}

function trackingId(answer: unknown): string | undefined {
  if (typeof answer !== 'object' || answer === null || !('ecommerce_tracking_id' in answer)) return undefined;
  const id = answer.ecommerce_tracking_id;
  return typeof id === 'string' && id.length > 0 ? id : undefined;
}
