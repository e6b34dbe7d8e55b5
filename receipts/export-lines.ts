import { canonicalJson } from './canonical-json.ts';
import type { ChainEnd } from './chain-places.ts';
import { hasShape, isHash, isId, isInstant, isListOf, isOneOf, isText, readCanonical } from './json-shape.ts';
import type { Receipt } from './receipt.ts';
import { isSigned, signText, verifyingKeyFrom, type SigningKey, type VerifyingKey } from './signing-keys.ts';

const FORMAT = 'registrar receipts 1';

/**
 * A file of receipts has one JSON object a line, each in its canonical form: first the head, which says where the chain
 * ended when the file was written and which keys were named as earlier ones, and is signed, so that a removed tail and an added
 * key show; then the public keys; then the receipts.
 */
export type ExportLine =
  | {
      readonly kind: 'head';
      readonly exportedAt: string;
      readonly end: ChainEnd;
      /** Ids of the keys that counted before the one that signed the head. */
      readonly earlierKeys: readonly string[];
      readonly keyId: string;
      /** Whether the key, which must be the one that the head names, signed it. */
      isSignedBy(key: VerifyingKey): boolean;
    }
  | { readonly kind: 'key'; readonly key: VerifyingKey }
  | { readonly kind: 'receipt'; readonly receipt: Receipt }
  | { readonly kind: 'unreadable'; readonly what: string };

/** The first line, without its line feed. `exportedAt` is ISO 8601. */
export function writeHead(
  {
    exportedAt,
    end,
    earlierKeys,
  }: { readonly exportedAt: string; readonly end: ChainEnd; readonly earlierKeys: readonly string[] },
  signingKey: SigningKey,
): string {
  const head = canonicalJson({ earlierKeys, exportedAt, format: FORMAT, ...end });
  return canonicalJson({ head, signature: signText(head, signingKey), signingKeyId: signingKey.keyId });
}

export function writeKey({ keyId, publicKey }: VerifyingKey): string {
  return canonicalJson({ keyId, publicKey: Buffer.from(publicKey).toString('base64') });
}

export function writeReceipt({ body, hash, signingKeyId, signature }: Receipt): string {
  return canonicalJson({ body, hash, signingKeyId, signature });
}

/** What one line says. Never throws: what is none of the three is `unreadable`. */
export function readExportLine(text: string): ExportLine {
  const value = readCanonical(text);
  if (value === undefined) return unreadable('is not a line as the export writes it: altered, cut or added');
  if (isReceipt(value)) return { kind: 'receipt', receipt: value };
  if ('publicKey' in value) return readKey(value);
  if ('head' in value) return readHead(value);
  return unreadable('is neither a head, nor a key, nor a receipt: altered or added');
}

function isReceipt(value: unknown): value is Receipt {
  return hasShape(value, { body: isText, hash: isText, signingKeyId: isText, signature: isText });
}

function readKey(value: unknown): ExportLine {
  if (!isKey(value)) return unreadable('is no key as the export writes it');
  const key = verifyingKeyFrom(Buffer.from(value.publicKey, 'base64'));
  if (key === undefined || writeKey(key) !== canonicalJson(value)) {
    return unreadable(`is not the key ${value.keyId}: its id is made of the key itself`);
  }
  return { kind: 'key', key };
}

function isKey(value: unknown): value is { readonly keyId: string; readonly publicKey: string } {
  return hasShape(value, { keyId: isText, publicKey: isText });
}

function readHead(value: unknown): ExportLine {
  if (!isSealedHead(value)) return unreadable('is no head as the export writes it');
  const { head, signature, signingKeyId } = value;
  const said: unknown = readCanonical(head);
  if (!isHead(said)) return unreadable('is a head of a form that this version does not know');
  return {
    kind: 'head',
    exportedAt: said.exportedAt,
    earlierKeys: said.earlierKeys,
    end: { lastSequence: said.lastSequence, lastHash: said.lastHash },
    keyId: signingKeyId,
    isSignedBy: (key) => key.keyId === signingKeyId && isSigned(head, signature, key),
  };
}

function isSealedHead(
  value: unknown,
): value is { readonly head: string; readonly signature: string; readonly signingKeyId: string } {
  return hasShape(value, { head: isText, signature: isText, signingKeyId: isText });
}

function isHead(
  value: unknown,
): value is ChainEnd & { readonly exportedAt: string; readonly earlierKeys: readonly string[] } {
  return hasShape(value, {
    earlierKeys: isListOf(isText),
    exportedAt: isInstant,
    format: isOneOf(FORMAT),
    lastSequence: isId,
    lastHash: (hash) => hash === '' || isHash(hash),
  });
}

function unreadable(what: string): ExportLine {
  return { kind: 'unreadable', what };
}
