import { listKeys, listKeyUses } from '../../activities/retirement/receipts/store.ts';
import type { Configuration, ReceiptSettings } from '../../config/configuration.ts';
import type { Queryable } from '../../db/database.ts';
import {
  currentSigningKey,
  knownSigningKeys,
  knownTokenKeys,
  type KeptKey,
} from '../../receipts/kept-keys.ts';
import { listUnnamedKeys } from '../receipts/unnamed-keys.ts';
import { ok, warning, type Check } from './check.ts';

const NAME = 'receipts';

/**
 * Who keeps the keys of receipts, and which of earlier times are missing. Keys in the database are no fault, only less of a
 * proof; a secret that stands in both places is one.
 */
export async function checkReceiptKeys(
  { registrar: { receipts } }: Configuration,
  database: Queryable,
): Promise<readonly Check[]> {
  const kept = await listKeys(database);
  return [
    signer(receipts, kept),
    ...(await earlierSigners(receipts, kept, database)),
    tokenMaker(receipts),
    ...(await earlierTokenMakers(receipts, kept, database)),
  ];
}

function signer(receipts: ReceiptSettings, kept: readonly KeptKey[]): Check {
  const keyId = currentSigningKey(receipts, kept)?.keyId ?? '';
  if (receipts.signingKey === undefined) {
    const name = keyId === '' ? '' : `; name '${keyId}' in registrar.receipts.earlier_keys then`;
    return ok(
      NAME,
      `signed with a key that the database keeps: whoever can write there can forge them; a key in registrar.receipts.signing_key prevents that${name}`,
    );
  }
  const isKeptToo = kept.some(
    (key) => key.keyId === keyId && key.purpose === 'signing' && key.secret !== null,
  );
  return isKeptToo
    ? warning(
        NAME,
        `registrar.receipts.signing_key is key ${keyId}, which the database keeps too: whoever can read there can forge receipts; set a new key`,
      )
    : ok(NAME, `signed with key ${keyId} of the configuration`);
}

async function earlierSigners(
  receipts: ReceiptSettings,
  kept: readonly KeptKey[],
  database: Queryable,
): Promise<readonly Check[]> {
  if (receipts.signingKey === undefined) return [];
  const { earlierKeys = [] } = receipts;
  const known = knownSigningKeys(kept).map(({ keyId }) => keyId);
  const unnamed = await listUnnamedKeys(database, {
    signing: currentSigningKey(receipts, kept),
    keptIn: 'configuration',
    earlierKeys,
  });
  return [
    ...unnamed.map(({ keyId, receipts: count, from, to }) =>
      warning(
        NAME,
        `${count} from ${from} to ${to} are signed with key ${keyId}, which does not count: add it to registrar.receipts.earlier_keys if you know that it was yours; otherwise they are forged`,
      ),
    ),
    ...earlierKeys
      .filter((keyId) => !known.includes(keyId))
      .map((keyId) =>
        warning(
          NAME,
          `registrar.receipts.earlier_keys names ${keyId}, which the database does not know: correct it or remove it`,
        ),
      ),
  ];
}

function tokenMaker({ tokenKey }: ReceiptSettings): Check {
  return ok(
    NAME,
    tokenKey === undefined
      ? 'people are tokens of a key that the database keeps: whoever can read there can test names; a key in registrar.receipts.token_key prevents that'
      : "people are tokens of the configuration's key",
  );
}

async function earlierTokenMakers(
  receipts: ReceiptSettings,
  kept: readonly KeptKey[],
  database: Queryable,
): Promise<readonly Check[]> {
  const known = knownTokenKeys(receipts, kept).map(({ keyId }) => keyId);
  const uses = await listKeyUses(database, 'token');
  return uses
    .filter(({ keyId }) => !known.includes(keyId))
    .map(({ keyId, receipts: count }) =>
      warning(
        NAME,
        `${count} are of token key ${keyId}, which is not configured: whether an address was retired cannot be told; add the key to registrar.receipts.earlier_token_keys`,
      ),
    );
}
