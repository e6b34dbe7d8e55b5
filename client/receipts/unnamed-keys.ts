import { listKeyUses, type KeyUse } from '../../activities/retirement/receipts/store.ts';
import type { Queryable } from '../../db/database.ts';
import type { ReceiptKeysInUse } from './keys.ts';

/**
 * Keys that signed before the configuration's key did and that nobody named: the operator's earlier ones, as a rule the
 * database's, or a forger's. Empty without a key in the configuration.
 */
export async function listUnnamedKeys(
  db: Queryable,
  { signing, keptIn, earlierKeys }: Pick<ReceiptKeysInUse, 'signing' | 'keptIn' | 'earlierKeys'>,
): Promise<readonly KeyUse[]> {
  if (keptIn === 'database') return [];
  const uses = await listKeyUses(db, 'signing');
  const since = uses.find(({ keyId }) => keyId === signing?.keyId)?.from ?? Infinity;
  return uses.filter(
    ({ keyId, from }) => from < since && keyId !== signing?.keyId && !earlierKeys.includes(keyId),
  );
}

/** What to write into `earlier_keys`, a line each. */
export function adviceOn(
  { signing, keptIn }: Pick<ReceiptKeysInUse, 'signing' | 'keptIn'>,
  unnamed: readonly KeyUse[],
): readonly string[] {
  if (keptIn === 'database' && signing !== undefined) {
    return [
      `Before another key goes into registrar.receipts.signing_key, name this one: earlier_keys: ['${signing.keyId}']`,
    ];
  }
  return unnamed.map(
    ({ keyId, from, to }) =>
      `Receipts from ${from} to ${to} are signed with key ${keyId}: if it was yours, add '${keyId}' to registrar.receipts.earlier_keys`,
  );
}
