import { describeFinding } from '../../../receipts/finding.ts';
import type { CurrentKeys } from '../../../receipts/kept-keys.ts';
import type { ReceiptBody } from '../../../receipts/receipt.ts';
import { disagreeingColumns, type StoredReceipt } from '../../../receipts/stored-receipt.ts';
import { tokenOf } from '../../../receipts/tokens.ts';
import { byId, examineReceipt } from '../../../receipts/verify-receipt.ts';
import type { RetirementDependencies } from '../dependencies.ts';
import { findReceipt, newestErasureOf } from '../receipts/store.ts';
import { canaryPerson } from './person.ts';

/** What the canary's receipt is worth. */
export type CanaryVerdict =
  | { readonly kind: 'verified'; readonly sequence: number }
  /** One line each, without identity. */
  | { readonly kind: 'broken'; readonly faults: readonly string[] };

export interface VerifyCanaryInput {
  /** ISO 8601: when the canary began. */
  readonly at: string;
  readonly userId: number;
}

/**
 * Verifies the receipt of the canary's erasure: signed by the key in use, in its place in the chain, of this learner, and
 * telling that nothing was left out and nobody still knows the learner. It only reads, so it may run twice.
 */
export function createVerifyCanary({
  database,
  platform,
  receiptKeys,
}: RetirementDependencies): (input: VerifyCanaryInput) => Promise<CanaryVerdict> {
  return async ({ at, userId }) => {
    const receipt = await newestErasureOf(database, userId);
    if (receipt === undefined) return { kind: 'broken', faults: ['there is no receipt of it'] };
    const { configuration } = await platform.lastValid();
    const keys = await receiptKeys.current(configuration.registrar.receipts);
    const previous = await findReceipt(database, receipt.sequence - 1);
    const faults = faultsOf(receipt, { keys, previous, userId, username: canaryPerson(at).username });
    return faults.length > 0 ? { kind: 'broken', faults } : { kind: 'verified', sequence: receipt.sequence };
  };
}

interface Expected {
  readonly keys: CurrentKeys;
  /** The receipt before it in the chain. */
  readonly previous: StoredReceipt | undefined;
  readonly userId: number;
  readonly username: string;
}

function faultsOf(receipt: StoredReceipt, { keys, previous, userId, username }: Expected): readonly string[] {
  const { findings, body } = examineReceipt(receipt, byId([keys.signing]));
  const faults = findings.map(describeFinding);
  if (body === undefined) return faults;
  const wrongColumns = disagreeingColumns(receipt, body);
  const place = `receipt ${receipt.sequence}`;
  if (wrongColumns.length > 0) {
    faults.push(`${place}: its row says something else than its body: ${wrongColumns.join(', ')}`);
  }
  if (body.previousHash !== (previous?.hash ?? '')) {
    faults.push(`${place} does not follow the receipt before it in the chain`);
  }
  if (body.userId !== userId || body.subject.username !== tokenOf(keys.token, 'username', username)) {
    faults.push(`${place} is of somebody else`);
  }
  return [...faults, ...whatIsLeft(body).map((left) => `${place} tells that ${left}`)];
}

/** What the receipt itself says was not erased. */
function whatIsLeft(body: ReceiptBody): readonly string[] {
  if (body.kind !== 'erasure') return ['it is of no erasure'];
  const skipped = body.stages.filter(({ outcome }) => outcome === 'skipped');
  const known = body.probes.filter(({ result }) => result === 'still-there' || result === 'came-back');
  return [
    ...(body.stages.length === 0 ? ['there was no stage'] : []),
    ...skipped.map(({ startState }) => `${startState} was left out`),
    ...known.map(({ stage, result }) => `the service of ${stage} was asked, and the learner is ${result}`),
  ];
}
