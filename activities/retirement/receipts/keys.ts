import { randomBytes } from 'node:crypto';
import type { ReceiptSettings } from '../../../config/configuration.ts';
import type { Database } from '../../../db/database.ts';
import {
  currentSigningKey,
  currentTokenKey,
  type CurrentKeys,
  type KeptKey,
} from '../../../receipts/kept-keys.ts';
import { signingKeyFrom } from '../../../receipts/signing-keys.ts';
import { tokenKeyFrom } from '../../../receipts/tokens.ts';
import { insertKey, listKeys, lockKeys } from './store.ts';

/** The keys with which this worker issues receipts. */
export interface ReceiptKeys {
  /**
   * The configuration's keys, or those that the database keeps, made at first need. Asks the database once for the same
   * settings object, and never inside of a caller's transaction: call it before one is opened.
   */
  current(settings: ReceiptSettings): Promise<CurrentKeys>;
}

export function createReceiptKeys(database: Database): ReceiptKeys {
  // By the settings of one configuration as it was read: a changed file brings another object.
  const known = new WeakMap<ReceiptSettings, Promise<CurrentKeys>>();
  return {
    current: (settings) => {
      const held = known.get(settings);
      if (held !== undefined) return held;
      const found = findOrMake(database, settings);
      known.set(settings, found);
      // A database that was away is asked again.
      found.catch(() => known.delete(settings));
      return found;
    },
  };
}

/** Safe to run twice, and by several workers at once: whoever comes second waits, and finds what the first one kept. */
async function findOrMake(database: Database, settings: ReceiptSettings): Promise<CurrentKeys> {
  const seen = choose(settings, await listKeys(database));
  if (seen !== undefined) return seen;
  return database.transaction(async (tx) => {
    await lockKeys(tx);
    const before = await listKeys(tx);
    for (const key of missingKeys(settings, before)) await insertKey(tx, key);
    const chosen = choose(settings, await listKeys(tx));
    if (chosen === undefined)
      throw new Error('erasure_keys does not keep what was inserted: look for a rule or trigger on it');
    return chosen;
  });
}

/** The keys to use; undefined until both are remembered, so that whoever verifies knows the public part. */
function choose(settings: ReceiptSettings, kept: readonly KeptKey[]): CurrentKeys | undefined {
  const signing = currentSigningKey(settings, kept);
  const token = currentTokenKey(settings, kept);
  if (signing === undefined || token === undefined) return undefined;
  const isKept = (purpose: KeptKey['purpose'], id: string): boolean =>
    kept.some((key) => key.purpose === purpose && key.keyId === id);
  return isKept('signing', signing.keyId) && isKept('token', token.keyId) ? { signing, token } : undefined;
}

function missingKeys(settings: ReceiptSettings, kept: readonly KeptKey[]): readonly KeptKey[] {
  const missing: KeptKey[] = [];
  if (settings.signingKey !== undefined || currentSigningKey({}, kept) === undefined) {
    const secret = settings.signingKey ?? randomBytes(32);
    const { keyId, publicKey } = signingKeyFrom(secret);
    missing.push({
      purpose: 'signing',
      keyId,
      publicKey,
      secret: settings.signingKey === undefined ? secret : null,
    });
  }
  if (settings.tokenKey !== undefined || currentTokenKey({}, kept) === undefined) {
    const secret = settings.tokenKey ?? randomBytes(32);
    missing.push({
      purpose: 'token',
      keyId: tokenKeyFrom(secret).keyId,
      publicKey: null,
      secret: settings.tokenKey === undefined ? secret : null,
    });
  }
  return missing;
}
