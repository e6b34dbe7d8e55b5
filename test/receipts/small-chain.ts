import type { Receipt, ReceiptBody } from '../../receipts/receipt.ts';
import { sealReceipt } from '../../receipts/sealing.ts';
import { signingKeyFrom, type SigningKey } from '../../receipts/signing-keys.ts';
import { subjectTokens, tokenKeyFrom } from '../../receipts/tokens.ts';

const tokenKey = tokenKeyFrom(new Uint8Array(32).fill(7));

/** A signing key of its own for each number. */
export function keyNumber(number: number): SigningKey {
  return signingKeyFrom(new Uint8Array(32).fill(number));
}

const AT = '2026-03-01T10:00:00.000Z';

/** What the receipt at this place says; every third is of a later look. */
export function bodyAt(sequence: number, previousHash: string): ReceiptBody {
  const head = {
    version: 1,
    sequence,
    previousHash,
    issuedAt: AT,
    userId: 100 + sequence,
    retirementId: 1000 + sequence,
    subject: subjectTokens(tokenKey, { username: `user-${sequence}`, email: `user-${sequence}@example.com` }),
  } as const;
  const probes = [{ stage: 'RETIRING_FORUMS', result: 'gone', at: AT }] as const;
  if (sequence % 3 === 0) return { ...head, kind: 'probe', of: sequence - 1, probes };
  const stage = {
    startState: 'RETIRING_FORUMS',
    endState: 'FORUMS_COMPLETE',
    service: 'LMS',
    method: 'retirement_retire_forum',
    outcome: 'erased',
    at: AT,
  } as const;
  return { ...head, kind: 'erasure', requestedAt: AT, completedAt: AT, stages: [stage], probes };
}

/** A chain, each receipt signed with the key at its place in the list. */
export function chainSignedBy(keys: readonly SigningKey[]): readonly Receipt[] {
  const receipts: Receipt[] = [];
  for (const key of keys) {
    receipts.push(sealReceipt(bodyAt(receipts.length + 1, receipts.at(-1)?.hash ?? ''), key));
  }
  return receipts;
}

/** A chain of so many, signed with one key. */
export function chainOf(length: number, key: SigningKey = keyNumber(1)): readonly Receipt[] {
  return chainSignedBy(Array.from({ length }, () => key));
}

export function endOf(receipts: readonly Receipt[]): {
  readonly lastSequence: number;
  readonly lastHash: string;
} {
  return { lastSequence: receipts.length, lastHash: receipts.at(-1)?.hash ?? '' };
}
