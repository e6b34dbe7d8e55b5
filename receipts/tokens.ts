import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { keyIdFor } from './key-id.ts';
import type { SubjectTokens } from './receipt.ts';

/** The key that turns a username or an address into a token. Prints as nothing that tells. */
export interface TokenKey {
  readonly keyId: string;
  readonly secret: KeyObject;
}

/** Which of a person's names a token stands for. The same text as username and as address has two tokens. */
export type TokenKind = 'username' | 'email';

/** From 32 secret bytes. The id is made of an HMAC of a fixed text, so it tells nothing of the secret. */
export function tokenKeyFrom(bytes: Uint8Array): TokenKey {
  const secret = createSecretKey(bytes);
  return {
    keyId: keyIdFor('token', createHmac('sha256', secret).update('registrar key id').digest()),
    secret,
  };
}

/**
 * HMAC-SHA-256 in hexadecimal of the kind and the name in NFC and lower case. So two usernames that differ only by case,
 * which the LMS does tell apart, share a token: a look-up compares exactly first and without regard to case second, and a
 * token must answer both. Whoever finds two people by one token asks which is meant.
 */
export function tokenOf({ secret }: TokenKey, kind: TokenKind, name: string): string {
  // Lower case may compose differently, as of a dotted capital I.
  const same = name.normalize('NFC').toLowerCase().normalize('NFC');
  return createHmac('sha256', secret).update(`registrar token 1\0${kind}\0${same}`).digest('hex');
}

/** How a receipt names its person. */
export function subjectTokens(
  key: TokenKey,
  { username, email }: { readonly username: string; readonly email: string },
): SubjectTokens {
  return {
    keyId: key.keyId,
    username: tokenOf(key, 'username', username),
    email: tokenOf(key, 'email', email),
  };
}

/** Every token that a person of this username or address may have, under any of the keys. */
export function possibleTokens(keys: readonly TokenKey[], name: string): readonly string[] {
  return keys.flatMap((key) => [tokenOf(key, 'username', name), tokenOf(key, 'email', name)]);
}
