import type { Finding, FindingPlace } from './finding.ts';
import type { ReceiptBody } from './receipt.ts';

/** The last receipt of a chain; 0 and an empty hash when there is none. */
export interface ChainEnd {
  readonly lastSequence: number;
  readonly lastHash: string;
}

interface Gap {
  readonly from: number;
  readonly to: number;
}

/** Whether authentic receipts stand at their places, each behind the one that it names. */
export interface Places {
  take(body: ReceiptBody, hash: string, where: FindingPlace): readonly Finding[];
  /** A receipt that is not authentic stands here: it may fill a place, what it says is not believed. */
  skip(): void;
  end(): readonly Finding[];
  reached(): ChainEnd;
}

/** `end`: what the chain is said to end with; `expected`: a receipt that must be in it. */
export function createPlaces({
  end,
  expected,
}: {
  readonly end?: ChainEnd | undefined;
  readonly expected?: ChainEnd | undefined;
}): Places {
  let last: ChainEnd = { lastSequence: 0, lastHash: '' };
  let lastWhere: FindingPlace = {};
  /** Not authentic ones since the last that was. */
  let skipped = 0;
  let gaps: readonly Gap[] = [];
  let isExpectedSeen = expected === undefined || expected.lastSequence === 0;

  /** Places from here to `to` at which nothing stands, not even something broken. */
  const leaveGap = (to: number): void => {
    const from = last.lastSequence + 1 + skipped;
    if (from <= to) gaps = [...gaps, { from, to }];
  };

  return {
    take(body, hash, where) {
      const { sequence, previousHash } = body;
      if (sequence === expected?.lastSequence && hash === expected.lastHash) isExpectedSeen = true;
      if (sequence <= last.lastSequence) {
        const gap = gaps.find(({ from, to }) => from <= sequence && sequence <= to);
        if (gap === undefined) return [{ kind: 'duplicate', ...where }];
        gaps = gaps.flatMap((one) => (one === gap ? without(gap, sequence) : [one]));
        return [{ kind: 're-ordered', ...where }];
      }
      const isNext = sequence === last.lastSequence + 1;
      const isLinked = !isNext || previousHash === last.lastHash;
      if (!isNext) leaveGap(sequence - 1);
      last = { lastSequence: sequence, lastHash: hash };
      lastWhere = where;
      skipped = 0;
      return isLinked ? [] : [{ kind: 'wrong-previous-hash', ...where }];
    },
    skip() {
      skipped += 1;
    },
    end() {
      const findings: Finding[] = gaps.map((gap) => ({ kind: 'missing', ...gap }));
      if (end !== undefined) findings.push(...compareEnd(end, last, { lastWhere, skipped }));
      if (expected !== undefined && !isExpectedSeen) {
        findings.push({
          kind: 'not-as-expected',
          hash: expected.lastHash,
          sequence: expected.lastSequence,
        });
      }
      return findings;
    },
    reached: () => last,
  };
}

function compareEnd(
  end: ChainEnd,
  last: ChainEnd,
  { lastWhere, skipped }: { readonly lastWhere: FindingPlace; readonly skipped: number },
): readonly Finding[] {
  if (last.lastSequence > end.lastSequence) {
    return [{ kind: 'beyond-end', end: end.lastSequence, ...lastWhere }];
  }
  if (last.lastSequence === end.lastSequence) {
    return last.lastHash === end.lastHash ? [] : [{ kind: 'wrong-end', ...lastWhere }];
  }
  const from = last.lastSequence + 1 + skipped;
  return from <= end.lastSequence ? [{ kind: 'missing-tail', from, to: end.lastSequence }] : [];
}

function without({ from, to }: Gap, sequence: number): readonly Gap[] {
  return [
    { from, to: sequence - 1 },
    { from: sequence + 1, to },
  ].filter((gap) => gap.from <= gap.to);
}
