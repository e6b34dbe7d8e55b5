import type { Finding, FindingPlace } from './finding.ts';
import type { VerifyingKey } from './signing-keys.ts';

/** Which of the signatures that fit also count. */
export interface Signatures {
  take(keyId: string, sequence: number, where: FindingPlace): SignatureTaken;
  end(): readonly Finding[];
}

export interface SignatureTaken {
  /** `too-late`: an earlier key's, after the trusted one signed. `unnamed`: of a key that counts nowhere. */
  readonly kind: 'counts' | 'too-late' | 'unnamed';
  readonly findings: readonly Finding[];
}

interface Run {
  readonly keyId: string;
  readonly from: number;
  readonly to: number;
}

/** Any key that is neither trusted nor earlier is unnamed. */
export function createSignatures({
  trusted,
  earlier = [],
}: {
  readonly trusted: readonly VerifyingKey[];
  readonly earlier?: readonly VerifyingKey[];
}): Signatures {
  const trustedIds = idsOf(trusted);
  const earlierIds = idsOf(earlier);
  let trustedSince: number | undefined;
  let others: { readonly from: number; readonly to: number } | undefined;
  /** Told as a whole: a database whose key was never named has as many as it has receipts. */
  let unnamed: Run | undefined;

  const endRun = (): readonly Finding[] => {
    const ended: readonly Finding[] = unnamed === undefined ? [] : [{ kind: 'unnamed-key', ...unnamed }];
    unnamed = undefined;
    return ended;
  };

  return {
    take(keyId, sequence, where) {
      if (!trustedIds.has(keyId) && !earlierIds.has(keyId)) {
        const isSame = unnamed?.keyId === keyId && unnamed.to < sequence;
        const findings = isSame ? [] : endRun();
        unnamed = { keyId, from: unnamed?.from ?? sequence, to: sequence };
        return { kind: 'unnamed', findings };
      }
      const findings = endRun();
      if (trustedIds.has(keyId)) {
        trustedSince ??= sequence;
        return { kind: 'counts', findings };
      }
      if (trustedSince !== undefined) {
        return {
          kind: 'too-late',
          findings: [...findings, { kind: 'untrusted-key', keyId, trustedSince, ...where }],
        };
      }
      others = { from: others?.from ?? sequence, to: sequence };
      return { kind: 'counts', findings };
    },
    end: () => [
      ...endRun(),
      ...(trustedSince === undefined && others !== undefined
        ? [{ kind: 'not-vouched-for', ...others } as const]
        : []),
    ],
  };
}

function idsOf(keys: readonly VerifyingKey[]): ReadonlySet<string> {
  return new Set(keys.map(({ keyId }) => keyId));
}
