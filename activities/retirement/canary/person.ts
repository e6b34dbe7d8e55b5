/** Somebody whom nobody is: the learner that a canary is made of. */
export interface CanaryPerson {
  readonly username: string;
  readonly email: string;
  readonly name: string;
}

/**
 * The learner of the canary that began at an instant (ISO 8601): always the same one, so that a repeated attempt finds whom
 * an earlier one made. The username, `canary-20261122-031500`, fits into the 30 characters that an LMS may take; the address
 * is of the domain that no mail ever reaches (RFC 2606).
 */
export function canaryPerson(at: string): CanaryPerson {
  const digits = at.replace(/\D/g, '');
  const username = `canary-${digits.slice(0, 8)}-${digits.slice(8, 14)}`;
  return { username, email: `${username}@canary.invalid`, name: 'Registrar Canary' };
}
