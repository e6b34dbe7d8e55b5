import type { ChainEnd } from '../../receipts/chain-places.ts';
import type { Finding } from '../../receipts/finding.ts';
import type { ReceiptBody } from '../../receipts/receipt.ts';
import type { VerifyingKey } from '../../receipts/signing-keys.ts';
import { createExportVerifier } from '../../receipts/verify-export.ts';
import { erasuresIn, type ProvedErasure } from './erasures.ts';
import { keysIn, linesOf, readKey } from './export-file.ts';
import { keyById } from './keys.ts';
import { told, type ToldFinding } from './walk.ts';

export interface CheckOptions {
  /** Each a key id, of a key in the file, or the name of a file with a public key in PEM. */
  readonly keys: readonly string[];
  /** Each the id of a key in the file: its receipts count before the first one of `keys`. */
  readonly earlier?: readonly string[];
  readonly expected?: ChainEnd | undefined;
  /** LMS user id of somebody whose erasures are wanted too. */
  readonly userId?: number | undefined;
}

export interface CheckedFile extends ChainEnd {
  readonly holds: boolean;
  readonly receipts: number;
  /** Null when the file has no head. */
  readonly exportedAt: string | null;
  readonly trustedKeys: readonly string[];
  /** Of the user who was asked for; authentic ones only. */
  readonly erasures: readonly ProvedErasure[];
  readonly findings: readonly ToldFinding[];
}

/** Checks an exported file with nothing but the file and a key. Throws when a file or a key is not there. */
export async function checkFile(path: string, options: CheckOptions): Promise<CheckedFile> {
  const { keys, earlier = [], expected, userId } = options;
  const trusted: VerifyingKey[] = [];
  for (const key of keys) trusted.push(await readKey(key, path));
  const inFile = earlier.length === 0 ? [] : await keysIn(path);
  for (const keyId of earlier) keyById(inFile, keyId, `in ${path}`);
  const verifier = createExportVerifier({ trusted, earlier, expected });
  const findings: Finding[] = [];
  const bodies: ReceiptBody[] = [];
  for await (const line of linesOf(path)) {
    const taken = verifier.take(line);
    findings.push(...taken.findings);
    if (taken.body !== undefined && taken.body.userId === userId) bodies.push(taken.body);
  }
  findings.push(...verifier.end());
  const { exportedAt, ...reached } = verifier.reached();
  return {
    holds: findings.length === 0,
    ...reached,
    exportedAt: exportedAt ?? null,
    trustedKeys: trusted.map(({ keyId }) => keyId),
    erasures: erasuresIn(bodies),
    findings: told(findings),
  };
}
