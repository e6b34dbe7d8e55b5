import type { ServiceOutcome } from '../learner.ts';
import type { Reply } from './endpoint.ts';

export function erased(response: string): ServiceOutcome {
  return { kind: 'erased', response };
}

export function nothingToErase(response: string): ServiceOutcome {
  return { kind: 'nothing-to-erase', response };
}

/**
 * "The service knows no such person", unless the answer speaks of the route: a missing route is a permanent failure,
 * since only a corrected URL can help.
 */
export function nobodyThere(reply: Reply): ServiceOutcome {
  if (reply.routeIsMissing) {
    const what = `answered ${reply.status} because it has no such route: check the base URL and the path`;
    throw reply.failure({ what, transient: false });
  }
  return nothingToErase(reply.summary());
}

/** Throws a transient failure for a body that is no JSON where the service documents JSON; an empty body passes. */
export function refuseForeignBody(reply: Reply): void {
  if (reply.text.trim().length > 0) reply.json();
}

export function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}
