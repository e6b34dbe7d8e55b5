import { signingKeyFrom, verifyingKeyFrom, type SigningKey, type VerifyingKey } from './signing-keys.ts';
import { tokenKeyFrom, type TokenKey } from './tokens.ts';

/** A key that a database remembers; without its secret where somebody else keeps that. */
export interface KeptKey {
  readonly purpose: 'signing' | 'token';
  readonly keyId: string;
  readonly secret: Uint8Array | null;
  readonly publicKey: Uint8Array | null;
}

/** What a new receipt is made with. */
export interface CurrentKeys {
  readonly signing: SigningKey;
  readonly token: TokenKey;
}

/** Secrets that somebody keeps outside of the database, 32 bytes each. */
export interface GivenSecrets {
  readonly signingKey?: Uint8Array;
  readonly tokenKey?: Uint8Array;
  /** Those that made tokens before it. */
  readonly earlierTokenKeys?: readonly Uint8Array[];
}

/** The key that signs: the given one, or else the newest that is kept (they come in the order in which they were made). */
export function currentSigningKey(given: GivenSecrets, kept: readonly KeptKey[]): SigningKey | undefined {
  const secret = given.signingKey ?? newestSecret(kept, 'signing');
  return secret === undefined ? undefined : signingKeyFrom(secret);
}

/** The key that makes tokens, chosen likewise. */
export function currentTokenKey(given: GivenSecrets, kept: readonly KeptKey[]): TokenKey | undefined {
  const secret = given.tokenKey ?? newestSecret(kept, 'token');
  return secret === undefined ? undefined : tokenKeyFrom(secret);
}

/** Every key that can still make tokens: a person is looked up with all of them, so that old receipts stay findable. */
export function knownTokenKeys(given: GivenSecrets, kept: readonly KeptKey[]): readonly TokenKey[] {
  const secrets = kept.flatMap(({ purpose, secret }) =>
    purpose === 'token' && secret !== null ? [secret] : [],
  );
  const { tokenKey, earlierTokenKeys = [] } = given;
  const keys = [...secrets, ...earlierTokenKeys, ...(tokenKey === undefined ? [] : [tokenKey])].map(
    tokenKeyFrom,
  );
  return [...new Map(keys.map((key) => [key.keyId, key])).values()];
}

/** Public parts of all kept signing keys. One that does not make the id that it is kept under is none. */
export function knownSigningKeys(kept: readonly KeptKey[]): readonly VerifyingKey[] {
  return kept.flatMap(({ purpose, keyId, publicKey }) => {
    const key = purpose === 'signing' && publicKey !== null ? verifyingKeyFrom(publicKey) : undefined;
    return key?.keyId === keyId ? [key] : [];
  });
}

function newestSecret(kept: readonly KeptKey[], wanted: KeptKey['purpose']): Uint8Array | undefined {
  return kept.findLast(({ purpose, secret }) => purpose === wanted && secret !== null)?.secret ?? undefined;
}
