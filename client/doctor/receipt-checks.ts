import { listKeys } from '../../activities/retirement/receipts/store.ts';
import type { Configuration } from '../../config/configuration.ts';
import type { Queryable } from '../../db/database.ts';
import { currentSigningKey } from '../../receipts/kept-keys.ts';
import { ok, warning, type Check } from './check.ts';

const NAME = 'receipts';

/**
 * Who keeps the keys of receipts. Keys in the database are no fault, only less of a proof; a secret that stands in both
 * places is one.
 */
export async function checkReceiptKeys(
  { registrar }: Configuration,
  database: Queryable,
): Promise<readonly Check[]> {
  const { signingKey, tokenKey } = registrar.receipts;
  const kept = await listKeys(database);
  const keyId = currentSigningKey(registrar.receipts, kept)?.keyId;
  const isKeptToo = kept.some(
    (key) => key.keyId === keyId && key.purpose === 'signing' && key.secret !== null,
  );
  const checks: Check[] = [];
  if (signingKey === undefined) {
    checks.push(
      ok(
        NAME,
        'signed with a key that the database keeps: whoever can write there can forge them; a key in registrar.receipts.signing_key prevents that',
      ),
    );
  } else if (isKeptToo) {
    checks.push(
      warning(
        NAME,
        `registrar.receipts.signing_key is key ${keyId ?? ''}, which the database keeps too: whoever can read there can forge receipts; set a new key`,
      ),
    );
  } else checks.push(ok(NAME, `signed with key ${keyId ?? ''} of the configuration`));
  checks.push(
    ok(
      NAME,
      tokenKey === undefined
        ? 'people are tokens of a key that the database keeps: whoever can read there can test names; a key in registrar.receipts.token_key prevents that'
        : "people are tokens of the configuration's key",
    ),
  );
  return checks;
}
