import { createHash } from 'node:crypto';

const PREFIX = 'retired__user_';
const EMAIL_DOMAIN = 'retired.invalid';

/** Oldest first, as the LMS has them by default; new retirements use the last. */
const defaultSalts: readonly string[] = ['abc', '123'];

/** The username that the LMS gives to an erased learner. Names that differ only by case get the same. */
export function retiredUsername(username: string, salts: readonly string[] = defaultSalts): string {
  return PREFIX + saltedHash(username, newest(salts));
}

/** The e-mail address that the LMS gives to a learner who asked for deletion. */
export function retiredEmail(email: string, salts: readonly string[] = defaultSalts): string {
  return `${PREFIX}${saltedHash(email, newest(salts))}@${EMAIL_DOMAIN}`;
}

/** Every name that the learner may have been given, one a salt: for "was this one retired?". */
export function possibleRetiredUsernames(
  username: string,
  salts: readonly string[] = defaultSalts,
): readonly string[] {
  return salts.map((salt) => PREFIX + saltedHash(username, salt));
}

/** SHA-1 of salt and lower-cased value, without a separator. */
function saltedHash(value: string, salt: string): string {
  return createHash('sha1').update(salt).update(value.toLowerCase()).digest('hex');
}

function newest(salts: readonly string[]): string {
  const salt = salts.at(-1);
  if (salt === undefined) throw new Error('retired names need at least one salt');
  return salt;
}
