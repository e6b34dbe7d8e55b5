import { createHash } from 'node:crypto';
import { canonicalJson } from './canonical-json.ts';
import type { Receipt, ReceiptBody } from './receipt.ts';
import { signText, type SigningKey } from './signing-keys.ts';

/** Writes the body in its one form, hashes and signs it. Throws a `TypeError` when the body holds what a receipt cannot. */
export function sealReceipt(body: ReceiptBody, signingKey: SigningKey): Receipt {
  const text = canonicalJson(body);
  return {
    body: text,
    hash: hashOf(text),
    signingKeyId: signingKey.keyId,
    signature: signText(text, signingKey),
  };
}

/** SHA-256 of the text's UTF-8 bytes, in lower-case hexadecimal. */
export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
