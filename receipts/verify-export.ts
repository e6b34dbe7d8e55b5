import type { ChainEnd } from './chain-places.ts';
import { readExportLine, type ExportLine } from './export-lines.ts';
import type { Finding } from './finding.ts';
import type { ReceiptBody } from './receipt.ts';
import type { VerifyingKey } from './signing-keys.ts';
import { createChainVerifier, type ChainVerifier } from './verify-chain.ts';

export interface ExportOptions {
  /** The keys that whoever checks has got from elsewhere: those in the file prove nothing by themselves. */
  readonly trusted: readonly VerifyingKey[];
  /** Ids of keys in the file that count before the trusted ones, besides those that a head signed by a trusted key names. */
  readonly earlier?: readonly string[];
  /** A receipt that the chain is known to have. */
  readonly expected?: ChainEnd | undefined;
}

/** Reads an exported file line by line and holds none of them. Never throws. */
export interface ExportVerifier {
  take(line: string): { readonly findings: readonly Finding[]; readonly body: ReceiptBody | undefined };
  /** What only the end shows. Call it once. */
  end(): readonly Finding[];
  reached(): { readonly receipts: number; readonly exportedAt: string | undefined } & ChainEnd;
}

/** Checks a whole file that fits into memory; empty when it holds. */
export function verifyExport(lines: readonly string[], options: ExportOptions): readonly Finding[] {
  const verifier = createExportVerifier(options);
  return [...lines.flatMap((line) => verifier.take(line).findings), ...verifier.end()];
}

export function createExportVerifier({ trusted, earlier = [], expected }: ExportOptions): ExportVerifier {
  let line = 0;
  let head: Head | undefined;
  const keys: VerifyingKey[] = [];
  let chain: ChainVerifier | undefined;
  /** Made when the keys are read: they stand before the first receipt. */
  const verifier = (): ChainVerifier => {
    const named = new Set([...earlier, ...(head === undefined ? [] : namedBy(head, trusted))]);
    return (chain ??= createChainVerifier({
      trusted,
      earlier: keys.filter(({ keyId }) => named.has(keyId)),
      unnamed: keys.filter(({ keyId }) => !named.has(keyId)),
      end: head?.end,
      expected,
    }));
  };

  const examine = (
    said: ExportLine,
  ): { readonly findings: readonly Finding[]; readonly body?: ReceiptBody } => {
    switch (said.kind) {
      case 'unreadable':
        return { findings: [{ kind: 'unreadable', what: said.what, line }] };
      case 'receipt': {
        const { findings, body } = verifier().take({ receipt: said.receipt, line });
        return body === undefined ? { findings } : { findings, body };
      }
      case 'head':
        if (line !== 1) return misplaced('a second head');
        head = said;
        return { findings: headFindings(said, trusted) };
      case 'key':
        if (chain !== undefined) return misplaced('a key behind receipts');
        if (keys.some(({ keyId }) => keyId === said.key.keyId)) return misplaced('a key for the second time');
        keys.push(said.key);
        return { findings: [] };
    }
  };
  const misplaced = (what: string): { readonly findings: readonly Finding[] } => ({
    findings: [{ kind: 'unreadable', what: `is ${what}: added or re-ordered`, line }],
  });

  return {
    take(text) {
      line += 1;
      const { findings, body } = examine(readExportLine(text));
      return { findings, body };
    },
    end: () => [
      ...(head === undefined
        ? [
            {
              kind: 'bad-head',
              what: 'is missing: whether receipts are missing at the end cannot be told',
            } as const,
          ]
        : []),
      ...verifier().end(),
    ],
    reached: () => ({ ...verifier().reached(), exportedAt: head?.exportedAt }),
  };
}

type Head = Extract<ExportLine, { readonly kind: 'head' }>;

/** What an altered head names, or one that somebody else signed, counts nothing. */
function namedBy(head: Head, trusted: readonly VerifyingKey[]): readonly string[] {
  return headFindings(head, trusted).length === 0 ? head.earlierKeys : [];
}

/** Only a trusted key speaks for the end of the chain: whoever cuts it off could sign a head with any other. */
function headFindings(head: Head, trusted: readonly VerifyingKey[]): readonly Finding[] {
  const key = trusted.find(({ keyId }) => keyId === head.keyId);
  const what =
    key === undefined
      ? `is signed with key ${head.keyId}, which is not trusted`
      : `was altered: key ${head.keyId} did not sign it`;
  return key !== undefined && head.isSignedBy(key) ? [] : [{ kind: 'bad-head', what, line: 1 }];
}
