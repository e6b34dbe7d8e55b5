import { ServiceFailure } from '../failure.ts';
import type { Service, ServiceCall, ServiceOutcome } from '../learner.ts';
import { createEndpoint, type Endpoint, type Reply } from './endpoint.ts';
import { erased, nobodyThere, nothingToErase, refuseForeignBody } from './outcome.ts';
import type { ThirdPartyOptions } from './third-party.ts';
import { fillPath } from './path.ts';

export interface HubspotKeys {
  readonly apiKey: string;
}

const PROFILE = '/contacts/v1/contact/email/{original_email}/profile';
const CONTACT = '/contacts/v1/contact/vid/{vid}';

/**
 * HubSpot: looks the contact up by e-mail address and deletes it. No such contact is nothing to erase.
 * Safe to repeat: after a DELETE whose answer was lost, the look-up of the next attempt finds nobody. A DELETE that
 * answers 404 for a contact that was found a moment before is a failure, as is everything but 200.
 */
export function createHubspot(keys: HubspotKeys, { baseUrl, ...options }: ThirdPartyOptions): Service {
  const ask = createEndpoint({
    ...options,
    service: 'HUBSPOT',
    baseUrl: baseUrl ?? 'https://api.hubapi.com',
    headers: { authorization: `Bearer ${keys.apiKey}` },
    secrets: [keys.apiKey],
  });
  return { delete_user: (call) => deleteContact(ask, call) };
}

async function deleteContact(ask: Endpoint, { learner, signal }: ServiceCall): Promise<ServiceOutcome> {
  if (learner.originalEmail === '') return nothingToErase('the learner has no e-mail address');
  const profile = fillPath(PROFILE, () => learner.originalEmail);
  if ('unusable' in profile) throw unaskable(`its path would hold ${profile.unusable}`);
  const found = await ask({ verb: 'GET', path: profile.path, route: PROFILE, signal });
  if (found.status === 404) return nobodyThere(found);
  if (found.status !== 200) throw found.failure();
  const path = CONTACT.replace('{vid}', `${contactId(found)}`);
  const deleted = await ask({ verb: 'DELETE', path, route: CONTACT, signal });
  if (deleted.status !== 200) throw deleted.failure();
  refuseForeignBody(deleted);
  return erased(deleted.summary());
}

function unaskable(why: string): ServiceFailure {
  return new ServiceFailure({
    service: 'HUBSPOT',
    verb: 'GET',
    path: PROFILE,
    route: PROFILE,
    what: `cannot be asked: ${why}`,
    transient: false,
  });
}

function contactId(found: Reply): number {
  const contact = found.json();
  if (typeof contact === 'object' && contact !== null && 'vid' in contact) {
    const { vid } = contact;
    if (typeof vid === 'number' && Number.isSafeInteger(vid)) return vid;
  }
  throw found.failure({ what: 'answered 200 without a contact id', transient: false });
}
