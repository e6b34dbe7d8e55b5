import { createPlaces, type ChainEnd } from './chain-places.ts';
import { createSignatures } from './chain-signatures.ts';
import type { Finding, FindingPlace } from './finding.ts';
import type { Receipt, ReceiptBody } from './receipt.ts';
import type { VerifyingKey } from './signing-keys.ts';
import { disagreeingColumns, type ReceiptColumns } from './stored-receipt.ts';
import { byId, examineReceipt } from './verify-receipt.ts';

/** Whose signatures count. */
export interface ChainKeys {
  /** Their signatures count everywhere. */
  readonly trusted: readonly VerifyingKey[];
  /**
   * Keys of earlier times, named by somebody who may say so. They count only before the first receipt that a trusted key
   * signed: that one's hash of the receipt before seals all of them, and from there on nobody but the trusted key has
   * anything to sign.
   */
  readonly earlier?: readonly VerifyingKey[];
  /**
   * Keys that stand beside the receipts and that nobody named. They never count: whoever can write receipts there can write a
   * key there too. With them it can be told which key somebody may have forgotten to name.
   */
  readonly unnamed?: readonly VerifyingKey[];
}

export interface ChainOptions extends ChainKeys {
  /** The end that the chain is said to have; without one, a removed tail cannot be seen. */
  readonly end?: ChainEnd | undefined;
  /** An end that the chain is known to have had, from a note outside: it must still be there. */
  readonly expected?: ChainEnd | undefined;
}

export interface ChainEntry {
  readonly receipt: Receipt;
  /** Of a file. */
  readonly line?: number;
  /** Of a database. */
  readonly columns?: ReceiptColumns;
}

/** Reads a chain from its beginning, one receipt after the other, and holds none of them. Never throws. */
export interface ChainVerifier {
  /** What is wrong with the next receipt, and what it says if a key that counts signed it. */
  take(entry: ChainEntry): { readonly findings: readonly Finding[]; readonly body: ReceiptBody | undefined };
  /** What only the end shows. Call it once. */
  end(): readonly Finding[];
  /** Receipts taken so far, and the last authentic one. */
  reached(): { readonly receipts: number } & ChainEnd;
}

/** Checks a whole chain that fits into memory; empty when it holds. Never throws. */
export function verifyChain(receipts: readonly Receipt[], options: ChainOptions): readonly Finding[] {
  const verifier = createChainVerifier(options);
  return [...receipts.flatMap((receipt) => verifier.take({ receipt }).findings), ...verifier.end()];
}

export function createChainVerifier(options: ChainOptions): ChainVerifier {
  const keys = byId([...(options.unnamed ?? []), ...(options.earlier ?? []), ...options.trusted]);
  const signatures = createSignatures(options);
  const places = createPlaces(options);
  let receipts = 0;

  return {
    take({ receipt, line, columns }) {
      receipts += 1;
      const place = {
        ...(line === undefined ? {} : { line }),
        ...(columns === undefined ? {} : { sequence: columns.sequence }),
      };
      const { findings: alone, isAuthentic, body, hash } = examineReceipt(receipt, keys, place);
      if (body === undefined || !isAuthentic) {
        places.skip();
        return { findings: alone, body: undefined };
      }
      const where: FindingPlace = { sequence: body.sequence, ...place };
      const signed = signatures.take(receipt.signingKeyId, where.sequence ?? body.sequence, where);
      if (signed.kind === 'unnamed') {
        places.skip();
        return { findings: [...alone, ...signed.findings], body: undefined };
      }
      const columnsWrong = columns === undefined ? [] : disagreeingColumns(columns, body);
      const findings = [
        ...alone,
        ...(columnsWrong.length === 0
          ? []
          : [{ kind: 'columns-disagree', columns: columnsWrong, ...where } as const]),
        ...signed.findings,
        ...places.take(body, hash, where),
      ];
      return { findings, body: signed.kind === 'counts' ? body : undefined };
    },
    end: () => [...signatures.end(), ...places.end()],
    reached: () => ({ receipts, ...places.reached() }),
  };
}
