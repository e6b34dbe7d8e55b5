import type { Receipt, ReceiptBody } from './receipt.ts';

/** What a database repeats of a body, for queries. */
export interface ReceiptColumns {
  readonly sequence: number;
  readonly kind: string;
  readonly userId: number;
  readonly retirementId: number;
  readonly usernameToken: string;
  readonly emailToken: string;
  readonly tokenKeyId: string;
  readonly previousHash: string;
  readonly issuedAt: Date;
}

/** A receipt with the columns that stand beside it. */
export interface StoredReceipt extends Receipt, ReceiptColumns {}

export function columnsOf(body: ReceiptBody): ReceiptColumns {
  const { sequence, kind, userId, retirementId, subject, previousHash, issuedAt } = body;
  return {
    sequence,
    kind,
    userId,
    retirementId,
    usernameToken: subject.username,
    emailToken: subject.email,
    tokenKeyId: subject.keyId,
    previousHash,
    issuedAt: new Date(issuedAt),
  };
}

/** Names of the columns that say something else than the body. */
export function disagreeingColumns(stored: ReceiptColumns, body: ReceiptBody): readonly string[] {
  const right = columnsOf(body);
  const names = [
    'sequence', 'kind', 'userId', 'retirementId', 'usernameToken', 'emailToken', 'tokenKeyId', 'previousHash',
  ] as const; // prettier-ignore
  const wrong: string[] = names.filter((name) => stored[name] !== right[name]);
  // Number also takes PostgreSQL's infinity, which is read as no Date.
  return Number(stored.issuedAt) === right.issuedAt.getTime() ? wrong : [...wrong, 'issuedAt'];
}
