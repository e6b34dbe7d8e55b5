import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { writeHead, writeKey, writeReceipt } from '../../receipts/export-lines.ts';
import { describeFinding, type Finding } from '../../receipts/finding.ts';
import type { Receipt } from '../../receipts/receipt.ts';
import { hashOf, sealReceipt } from '../../receipts/sealing.ts';
import { createChainVerifier, verifyChain } from '../../receipts/verify-chain.ts';
import { verifyExport } from '../../receipts/verify-export.ts';
import { verifyReceipt } from '../../receipts/verify-receipt.ts';
import { bodyAt, chainOf, chainSignedBy, endOf, keyNumber } from './small-chain.ts';

const own = keyNumber(1);
const strange = keyNumber(2);
const old = keyNumber(3);

const check = (receipts: readonly Receipt[], original = receipts): readonly Finding[] =>
  verifyChain(receipts, { trusted: [own], earlier: [old], end: endOf(original) });

const kindsOf = (findings: readonly Finding[]): readonly string[] => findings.map(({ kind }) => kind);

function at<Item>(items: readonly Item[], index: number): Item {
  const item = items[index];
  if (item === undefined) throw new Error(`nothing at ${index}`);
  return item;
}

/** The same with one changed. */
function changed(
  receipts: readonly Receipt[],
  index: number,
  change: Partial<Receipt> | ((receipt: Receipt) => Receipt),
): readonly Receipt[] {
  const made = at(receipts, index);
  return receipts.with(index, typeof change === 'function' ? change(made) : { ...made, ...change });
}

function edited(receipt: Receipt): string {
  return receipt.body.replace('"outcome":"erased"', '"outcome":"skipped"');
}

describe('a chain of receipts', () => {
  const chain = chainOf(6);

  it('has no findings as it was issued, also when it is empty', () => {
    expect(check(chain)).toEqual([]);
    expect(check([])).toEqual([]);
  });

  it('shows an altered body, at that receipt alone', () => {
    const altered = changed(chain, 3, (receipt) => ({ ...receipt, body: edited(receipt) }));
    expect(check(altered, chain)).toEqual([{ kind: 'altered-body', sequence: 4 }]);
    expect(verifyReceipt(at(altered, 3), [own])).toEqual([{ kind: 'altered-body', sequence: 4 }]);
    expect(verifyReceipt(at(chain, 3), [own])).toEqual([]);
  });

  it('shows a body altered together with its hash', () => {
    const altered = changed(chain, 3, (receipt) => ({
      ...receipt,
      body: edited(receipt),
      hash: hashOf(edited(receipt)),
    }));
    expect(check(altered, chain)).toEqual([{ kind: 'bad-signature', keyId: own.keyId, sequence: 4 }]);
  });

  it('shows an altered hash and an altered signature', () => {
    const zeros = '0'.repeat(64);
    expect(check(changed(chain, 1, { hash: zeros }), chain)).toEqual([{ kind: 'wrong-hash', sequence: 2 }]);
    expect(check(changed(chain, 1, { signature: at(chain, 2).signature }), chain)).toEqual([
      { kind: 'bad-signature', keyId: own.keyId, sequence: 2 },
    ]);
  });

  it('takes a signature in no other spelling', () => {
    const { signature } = at(chain, 0);
    const last = signature.at(-3) ?? '';
    // The last character before == has four spare bits.
    const spelled = signature.slice(0, -3) + String.fromCharCode(last.charCodeAt(0) + 1) + '==';
    expect(Buffer.from(spelled, 'base64')).toEqual(Buffer.from(signature, 'base64'));
    expect(kindsOf(check(changed(chain, 0, { signature: spelled }), chain))).toEqual(['bad-signature']);
  });

  it.each([
    [0, 'missing', 1],
    [2, 'missing', 3],
    [5, 'missing-tail', 6],
  ])('shows that number %i is removed', (index, kind, sequence) => {
    expect(check(chain.toSpliced(index, 1), chain)).toEqual([{ kind, from: sequence, to: sequence }]);
  });

  it('shows that all are removed', () => {
    expect(check([], chain)).toEqual([{ kind: 'missing-tail', from: 1, to: 6 }]);
  });

  it('shows two in each other’s places', () => {
    const swapped = chain.with(1, at(chain, 2)).with(2, at(chain, 1));
    expect(check(swapped, chain)).toEqual([{ kind: 're-ordered', sequence: 2 }]);
    expect(check(chain.toReversed(), chain).length).toBeGreaterThan(0);
  });

  it('shows one that is there twice', () => {
    expect(check(chain.toSpliced(4, 0, at(chain, 1)), chain)).toEqual([{ kind: 'duplicate', sequence: 2 }]);
  });

  it('shows one that the right key signed for another chain', () => {
    const replaced = changed(chain, 3, () => sealReceipt(bodyAt(4, 'f'.repeat(64)), own));
    expect(check(replaced, chain)).toEqual([
      { kind: 'wrong-previous-hash', sequence: 4 },
      { kind: 'wrong-previous-hash', sequence: 5 },
    ]);
  });

  it('shows one more than the end says, and another one than it names', () => {
    expect(check(chainOf(7), chain)).toEqual([{ kind: 'beyond-end', end: 6, sequence: 7 }]);
    const other = chain.with(5, sealReceipt({ ...bodyAt(6, at(chain, 4).hash), userId: 1 }, own));
    expect(check(other, chain)).toEqual([{ kind: 'wrong-end', sequence: 6 }]);
  });

  it('shows that it was cut and its end put back, to whoever noted the end', () => {
    const cut = chain.slice(0, 4);
    const noted = { trusted: [own], end: endOf(cut), expected: endOf(chain) };
    expect(check(cut)).toEqual([]);
    expect(kindsOf(verifyChain(cut, noted))).toEqual(['not-as-expected']);
    expect(verifyChain(chain, { trusted: [own], end: endOf(chain), expected: endOf(cut) })).toEqual([]);
  });

  it('shows several altered ones, each by itself, and those removed beside them', () => {
    const altered = changed(
      changed(chain, 1, (receipt) => ({ ...receipt, body: edited(receipt) })),
      3,
      { body: 'nonsense' },
    );
    expect(check(altered, chain)).toEqual([{ kind: 'altered-body', sequence: 2 }, { kind: 'altered-body' }]);
    expect(check(altered.toSpliced(4, 1), chain)).toEqual([
      { kind: 'altered-body', sequence: 2 },
      { kind: 'altered-body' },
      { kind: 'missing', from: 5, to: 5 },
    ]);
  });
});

describe('another key', () => {
  it('is found where nobody knows it', () => {
    const forged = chainOf(4).with(2, sealReceipt(bodyAt(3, at(chainOf(4), 1).hash), strange));
    expect(kindsOf(check(forged, chainOf(4)))).toEqual(['unknown-key']);
    expect(kindsOf(check(chainOf(3, strange)))).toContain('unknown-key');
  });

  it('counts before the first receipt of the trusted key, and never after it', () => {
    expect(check(chainSignedBy([old, old, own, own]))).toEqual([]);
    expect(check(chainSignedBy([old, own, old, own]))).toEqual([
      { kind: 'untrusted-key', keyId: old.keyId, trustedSince: 2, sequence: 3 },
    ]);
  });

  it('does not prove a whole chain written anew', () => {
    expect(check(chainSignedBy([old, old, old]))).toEqual([{ kind: 'not-vouched-for', from: 1, to: 3 }]);
  });

  it('cannot change what a trusted receipt has sealed', () => {
    const chain = chainSignedBy([old, old, own]);
    const second = sealReceipt({ ...bodyAt(2, at(chain, 0).hash), userId: 1 }, old);
    expect(check(chain.with(1, second), chain)).toEqual([{ kind: 'wrong-previous-hash', sequence: 3 }]);
  });
});

describe('a key that nobody named', () => {
  const named = { trusted: [own], earlier: [old], unnamed: [strange] };
  const unnamed = { kind: 'unnamed-key', keyId: strange.keyId } as const;

  it('counts nowhere, also in front of the trusted key, which would seal it', () => {
    const chain = chainSignedBy([strange, strange, strange, own]);
    expect(verifyChain(chain, { ...named, end: endOf(chain) })).toEqual([{ ...unnamed, from: 1, to: 3 }]);
    const later = chainSignedBy([own, strange, own]);
    expect(verifyChain(later, { ...named, end: endOf(later) })).toEqual([{ ...unnamed, from: 2, to: 2 }]);
  });

  it('is told as often as its receipts stand beside others', () => {
    const chain = chainSignedBy([strange, old, strange, strange]);
    expect(verifyChain(chain, { ...named, end: endOf(chain) })).toEqual([
      { ...unnamed, from: 1, to: 1 },
      { ...unnamed, from: 3, to: 4 },
      { kind: 'not-vouched-for', from: 2, to: 2 },
    ]);
  });

  it('says nothing that is believed', () => {
    const verifier = createChainVerifier(named);
    const said = chainSignedBy([strange, old, own, old]).map((receipt) => verifier.take({ receipt }).body);
    expect(said.map((body) => body?.sequence)).toEqual([undefined, 2, 3, undefined]);
  });

  it('counts in an exported file only where a head of the trusted key names it, or the reader', () => {
    const chain = chainSignedBy([strange, strange, own]);
    const file = (head: string): readonly string[] => [head, writeKey(strange), ...chain.map(writeReceipt)];
    const found = (head: string, earlier: readonly string[] = []): readonly Finding[] =>
      verifyExport(file(head), { trusted: [own], earlier });
    const silent = headOf(chain, []);
    expect(found(silent)).toEqual([{ ...unnamed, from: 1, to: 2 }]);
    expect(found(silent, [strange.keyId])).toEqual([]);
    expect(found(headOf(chain, [strange.keyId]))).toEqual([]);
    const forged = headOf(chain, [strange.keyId], strange);
    expect(kindsOf(found(forged))).toEqual(['bad-head', 'unnamed-key']);
  });
});

function headOf(chain: readonly Receipt[], earlierKeys: readonly string[], key = own): string {
  return writeHead({ exportedAt: '2026-03-02T00:00:00.000Z', end: endOf(chain), earlierKeys }, key);
}

const keysOf = fc
  .nat({ max: 4 })
  .chain((before) =>
    fc
      .nat({ max: 5 })
      .map((after) => [
        ...Array.from({ length: before }, () => old),
        ...Array.from({ length: after + 1 }, () => own),
      ]),
  );

type Mutation =
  | {
      readonly kind: 'flip';
      readonly field: 'body' | 'hash' | 'signature' | 'signingKeyId';
      readonly byte: number;
      readonly bit: number;
    }
  | { readonly kind: 'drop' | 'duplicate' | 'swap' }
  | { readonly kind: 'insert' | 'replace'; readonly keyNumber: number };

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.record({
    kind: fc.constant('flip' as const),
    field: fc.constantFrom('body', 'hash', 'signature', 'signingKeyId'),
    byte: fc.nat(),
    bit: fc.nat({ max: 6 }),
  }),
  fc.record({ kind: fc.constantFrom('drop', 'duplicate', 'swap') }),
  fc.record({
    kind: fc.constantFrom('insert', 'replace'),
    keyNumber: fc.constantFrom(2, 4),
  }),
);

function flip(text: string, byte: number, bit: number): string {
  const bytes = Buffer.from(text);
  const index = byte % bytes.length;
  bytes.writeUInt8((bytes[index] ?? 0) ^ (1 << bit), index);
  return bytes.toString();
}

/** `index` and `other` are two different places where that matters. */
function mutate(
  receipts: readonly Receipt[],
  change: Mutation,
  { index, other }: { readonly index: number; readonly other: number },
): readonly Receipt[] {
  const receipt = at(receipts, index);
  switch (change.kind) {
    case 'flip':
      return receipts.with(index, {
        ...receipt,
        [change.field]: flip(receipt[change.field], change.byte, change.bit),
      });
    case 'drop':
      return receipts.toSpliced(index, 1);
    case 'duplicate':
      return receipts.toSpliced(other, 0, receipt);
    case 'swap':
      return receipts.with(index, at(receipts, other)).with(other, receipt);
    case 'insert':
    case 'replace': {
      const previous = receipts[index - 1]?.hash ?? '';
      const forged = sealReceipt(bodyAt(index + 1, previous), keyNumber(change.keyNumber));
      return receipts.toSpliced(index, change.kind === 'insert' ? 0 : 1, forged);
    }
  }
}

const places = fc.record({ index: fc.nat(), other: fc.nat() });

/** The places taken into a list of this length; for a swap they differ. */
function within(
  { index, other }: { readonly index: number; readonly other: number },
  length: number,
): { readonly index: number; readonly other: number } {
  const first = index % length;
  return { index: first, other: (first + 1 + (other % Math.max(1, length - 1))) % length };
}

describe('any single mutation', () => {
  it('of any chain is found, and nothing is found without one', () => {
    fc.assert(
      fc.property(keysOf, mutation, places, (keys, change, where) => {
        const chain = chainSignedBy(keys);
        expect(check(chain)).toEqual([]);
        fc.pre(change.kind !== 'swap' || chain.length > 1);
        const findings = check(mutate(chain, change, within(where, chain.length)), chain);
        expect(findings.length).toBeGreaterThan(0);
        for (const finding of findings) expect(describeFinding(finding)).not.toContain('undefined');
      }),
      { numRuns: 300 },
    );
  });

  it('of any exported file is found', () => {
    const exportOf = (keys: readonly (typeof own)[]): readonly string[] => {
      const chain = chainSignedBy(keys);
      return [headOf(chain, [old.keyId]), writeKey(old), ...chain.map(writeReceipt)];
    };
    const checkFile = (lines: readonly string[]): readonly Finding[] =>
      verifyExport(lines, { trusted: [own] });
    const change = fc.oneof(
      fc.record({ kind: fc.constant('flip'), byte: fc.nat(), bit: fc.nat({ max: 6 }) }),
      fc.record({
        kind: fc.constantFrom('drop', 'duplicate', 'swap', 'blank'),
        byte: fc.nat(),
        bit: fc.nat(),
      }),
    );
    fc.assert(
      fc.property(keysOf, change, places, (keys, { kind, byte, bit }, where) => {
        const lines = exportOf(keys);
        expect(checkFile(lines)).toEqual([]);
        const { index, other } = within(where, lines.length);
        const line = at(lines, index);
        // Receipts of no earlier key need that key's line as little as a reader who has the key needs it.
        fc.pre(!(kind === 'drop' && index === 1 && !keys.includes(old)));
        const mutated =
          kind === 'flip'
            ? lines.with(index, flip(line, byte, bit))
            : kind === 'drop'
              ? lines.toSpliced(index, 1)
              : kind === 'duplicate'
                ? lines.toSpliced(other, 0, line)
                : kind === 'blank'
                  ? lines.toSpliced(index, 0, '')
                  : lines.with(index, at(lines, other)).with(other, line);
        expect(checkFile(mutated.join('\n').split('\n')).length).toBeGreaterThan(0);
      }),
      { numRuns: 300 },
    );
  });
});
