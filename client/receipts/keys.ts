import { listKeys } from '../../activities/retirement/receipts/store.ts';
import { currentSigningKey, knownSigningKeys, knownTokenKeys } from '../../receipts/kept-keys.ts';
import type { SigningKey, VerifyingKey } from '../../receipts/signing-keys.ts';
import type { TokenKey } from '../../receipts/tokens.ts';
import type { ChainKeys } from '../../receipts/verify-chain.ts';
import { notFound } from '../operation-error.ts';
import type { ReceiptContext } from './context.ts';

/** Who keeps the key that signs: with the database's, whoever can write there can also sign. */
export type KeyKeeper = 'configuration' | 'database';

export interface ReceiptKeysInUse {
  readonly chain: Required<ChainKeys>;
  /** Ids of the keys whose receipts count before the first one of `signing`; some may be nowhere to be found. */
  readonly earlierKeys: readonly string[];
  /** Absent before the first receipt, unless the configuration has one. */
  readonly signing: SigningKey | undefined;
  readonly keptIn: KeyKeeper;
  readonly tokens: readonly TokenKey[];
}

/**
 * The keys by which receipts are believed. Where the configuration has a signing key, that one, and before its first receipt
 * those that the configuration or `trust` names by id; a key that only stands in the database counts nowhere, for whoever can
 * write receipts there can add one. Without a signing key, all that the database has.
 */
export async function readReceiptKeys(
  context: ReceiptContext,
  trust: readonly string[] = [],
): Promise<ReceiptKeysInUse> {
  const { receipts: given } = (await context.configuration()).registrar;
  const kept = await listKeys(context.database);
  const known = knownSigningKeys(kept);
  const signing = currentSigningKey(given, kept);
  for (const keyId of trust) keyById(known, keyId);
  const isGiven = given.signingKey !== undefined && signing !== undefined;
  const named = new Set([...(given.earlierKeys ?? []), ...trust]);
  return {
    chain: isGiven
      ? {
          trusted: [signing],
          earlier: known.filter(({ keyId }) => named.has(keyId)),
          unnamed: known.filter(({ keyId }) => !named.has(keyId)),
        }
      : { trusted: known, earlier: [], unnamed: [] },
    // What is believed here without a key of the configuration, the head of an export passes on.
    earlierKeys: isGiven ? [...named] : known.map(({ keyId }) => keyId),
    signing,
    keptIn: isGiven ? 'configuration' : 'database',
    tokens: knownTokenKeys(given, kept),
  };
}

/** The key of this id. Throws, with the ids that there are, when there is none. */
export function keyById(keys: readonly VerifyingKey[], keyId: string, where = 'here'): VerifyingKey {
  const key = keys.find((one) => one.keyId === keyId);
  if (key !== undefined) return key;
  const ids = keys.map((one) => one.keyId).join(', ') || 'none';
  throw notFound(`no signing key ${keyId} is known ${where}; known are: ${ids}`);
}
