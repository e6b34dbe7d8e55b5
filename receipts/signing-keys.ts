import { createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import { keyIdFor } from './key-id.ts';

/** What a signature is checked with. */
export interface VerifyingKey {
  readonly keyId: string;
  /** The 32 bytes of the Ed25519 key. */
  readonly publicKey: Uint8Array;
  readonly key: KeyObject;
}

/** What receipts are signed with. Prints as nothing that tells. */
export interface SigningKey extends VerifyingKey {
  readonly privateKey: KeyObject;
}

// What DER puts before the 32 bytes (RFC 8410).
const PRIVATE_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const PUBLIC_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const KEY_LENGTH = 32;

/** From the 32 bytes of an Ed25519 seed. */
export function signingKeyFrom(seed: Uint8Array): SigningKey {
  const der = Buffer.concat([PRIVATE_PREFIX, seed]);
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  return { ...verifyingKeyOf(createPublicKey(privateKey)), privateKey };
}

/** From the 32 bytes of an Ed25519 public key; undefined when there are not 32, or they are none. */
export function verifyingKeyFrom(publicKey: Uint8Array): VerifyingKey | undefined {
  if (publicKey.length !== KEY_LENGTH) return undefined;
  const der = Buffer.concat([PUBLIC_PREFIX, publicKey]);
  try {
    return verifyingKeyOf(createPublicKey({ key: der, format: 'der', type: 'spki' }));
  } catch {
    return undefined;
  }
}

/** From the text of a PEM file; undefined when it holds no Ed25519 public key. */
export function verifyingKeyFromPem(pem: string): VerifyingKey | undefined {
  // A private key in PEM would be taken as well: nobody should learn to hand it around.
  if (!pem.includes('-----BEGIN PUBLIC KEY-----')) return undefined;
  try {
    const key = createPublicKey(pem);
    return key.asymmetricKeyType === 'ed25519' ? verifyingKeyOf(key) : undefined;
  } catch {
    return undefined;
  }
}

export function pemOf({ key }: VerifyingKey): string {
  return key.export({ format: 'pem', type: 'spki' }).toString();
}

/** Ed25519 over the text's UTF-8 bytes, in base64. */
export function signText(text: string, { privateKey }: SigningKey): string {
  return sign(null, Buffer.from(text), privateKey).toString('base64');
}

/** Whether this is the key's signature of the text; false for anything malformed. */
export function isSigned(text: string, signature: string, { key }: VerifyingKey): boolean {
  const bytes = Buffer.from(signature, 'base64');
  // Base64 has spare bits and Node's reader skips what it does not know: only the one spelling counts.
  return bytes.toString('base64') === signature && verify(null, Buffer.from(text), key, bytes);
}

function verifyingKeyOf(key: KeyObject): VerifyingKey {
  const publicKey = key.export({ format: 'der', type: 'spki' }).subarray(PUBLIC_PREFIX.length);
  return { keyId: keyIdFor('signing', publicKey), publicKey, key };
}
