import { createHash } from 'node:crypto';

const DIGITS = 16;

/** The name of a key: 16 hexadecimal digits of SHA-256 over its purpose and something that may be known of it. */
export function keyIdFor(purpose: 'signing' | 'token', known: Uint8Array): string {
  return createHash('sha256')
    .update(`registrar ${purpose} key\0`)
    .update(known)
    .digest('hex')
    .slice(0, DIGITS);
}
