import type { Finding, FindingPlace } from './finding.ts';
import { readBody } from './read-body.ts';
import type { Receipt, ReceiptBody } from './receipt.ts';
import { hashOf } from './sealing.ts';
import { isSigned, type VerifyingKey } from './signing-keys.ts';

/** One receipt by itself. */
export interface Examined {
  readonly findings: readonly Finding[];
  /** Whether one of the given keys signed this very body. */
  readonly isAuthentic: boolean;
  /** As far as it can be read, authentic or not. */
  readonly body: ReceiptBody | undefined;
  /** Of the body as it is, whatever the receipt says. */
  readonly hash: string;
}

export type KeysById = ReadonlyMap<string, VerifyingKey>;

export function byId(keys: readonly VerifyingKey[]): KeysById {
  return new Map(keys.map((key) => [key.keyId, key]));
}

/** What is wrong with one receipt by itself; empty when one of the keys signed it and nothing was altered. Never throws. */
export function verifyReceipt(receipt: Receipt, keys: readonly VerifyingKey[]): readonly Finding[] {
  return examineReceipt(receipt, byId(keys)).findings;
}

/** The same with what the receipt says. `place` goes into the findings; without one, the body's own sequence does. */
export function examineReceipt(receipt: Receipt, keys: KeysById, place: FindingPlace = {}): Examined {
  const body = readBody(receipt.body);
  const where = body === undefined ? place : { sequence: body.sequence, ...place };
  const hash = hashOf(receipt.body);
  const hashFits = hash === receipt.hash;
  const keyId = receipt.signingKeyId;
  const key = keys.get(keyId);
  if (key === undefined) {
    const findings: Finding[] = [{ kind: 'unknown-key', keyId, ...where }];
    if (!hashFits) findings.push({ kind: 'altered-body', ...where });
    return { findings, isAuthentic: false, body, hash };
  }
  if (!isSigned(receipt.body, receipt.signature, key)) {
    const finding: Finding = hashFits
      ? { kind: 'bad-signature', keyId, ...where }
      : { kind: 'altered-body', ...where };
    return { findings: [finding], isAuthentic: false, body, hash };
  }
  const findings: Finding[] = [];
  if (!hashFits) findings.push({ kind: 'wrong-hash', ...where });
  if (body === undefined) {
    findings.push({
      kind: 'unreadable',
      what: 'its body is of a form that this version does not know',
      ...where,
    });
  }
  return { findings, isAuthentic: body !== undefined, body, hash };
}
