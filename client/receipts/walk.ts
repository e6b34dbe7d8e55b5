import type { ChainSnapshot } from '../../activities/retirement/receipts/store.ts';
import type { ChainEnd } from '../../receipts/chain-places.ts';
import { describeFinding, type Finding } from '../../receipts/finding.ts';
import type { ReceiptBody } from '../../receipts/receipt.ts';
import type { StoredReceipt } from '../../receipts/stored-receipt.ts';
import { createChainVerifier } from '../../receipts/verify-chain.ts';
import { wrongUsage } from '../operation-error.ts';
import type { Watch } from './context.ts';
import type { KeyKeeper, ReceiptKeysInUse } from './keys.ts';

export interface WalkOptions {
  /** A receipt that the chain is known to have. */
  readonly expected?: ChainEnd | undefined;
  readonly watch: Watch;
  /** Called with each receipt, and with what it says if it is authentic. */
  readonly visit?: (receipt: StoredReceipt, body: ReceiptBody | undefined) => void | Promise<void>;
}

/** How the chain stands. */
export interface ChainReport extends ChainEnd {
  readonly receipts: number;
  /** Keys whose signatures count everywhere. */
  readonly trustedKeys: readonly string[];
  readonly keyKeptIn: KeyKeeper;
}

/** A finding with its line for people. */
export type ToldFinding = Finding & { readonly message: string };

/** Reads the chain from its beginning and checks every receipt. */
export async function walkChain(
  snapshot: ChainSnapshot,
  keys: ReceiptKeysInUse,
  { expected, watch, visit }: WalkOptions,
): Promise<{ readonly chain: ChainReport; readonly findings: readonly Finding[] }> {
  const verifier = createChainVerifier({ ...keys.chain, end: snapshot.end, expected });
  const findings: Finding[] = [];
  let done = 0;
  for await (const batch of snapshot.batches()) {
    for (const receipt of batch) {
      const taken = verifier.take({ receipt, columns: receipt });
      findings.push(...taken.findings);
      await visit?.(receipt, taken.body);
    }
    done += batch.length;
    watch(done, snapshot.total, '');
  }
  findings.push(...verifier.end());
  const chain = {
    ...verifier.reached(),
    trustedKeys: keys.chain.trusted.map(({ keyId }) => keyId),
    keyKeptIn: keys.keptIn,
  };
  return { chain, findings };
}

export function told(findings: readonly Finding[]): readonly ToldFinding[] {
  return findings.map((finding) => ({ ...finding, message: describeFinding(finding) }));
}

/** `41:9f…`, as {@link readChainEnd} takes it; `none` of a chain without a receipt. */
export function chainEndText({ lastSequence, lastHash }: ChainEnd): string {
  return lastHash === '' ? 'none' : `${lastSequence}:${lastHash}`;
}

/** Throws for anything but a sequence, a colon and a hash. */
export function readChainEnd(text: string | undefined): ChainEnd | undefined {
  if (text === undefined) return undefined;
  const [, sequence, hash] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text) ?? [];
  if (sequence === undefined || hash === undefined) {
    throw wrongUsage(
      "--expect wants SEQUENCE:HASH, as `registrar retirement verify --all` printed it for the chain's end",
    );
  }
  return { lastSequence: Number(sequence), lastHash: hash };
}
