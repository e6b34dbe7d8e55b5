import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../../receipts/canonical-json.ts';
import { writeReceipt } from '../../receipts/export-lines.ts';
import { describeFinding, type Finding } from '../../receipts/finding.ts';
import { readBody } from '../../receipts/read-body.ts';
import { hashOf } from '../../receipts/sealing.ts';
import { signText } from '../../receipts/signing-keys.ts';
import { verifyChain } from '../../receipts/verify-chain.ts';
import { verifyExport } from '../../receipts/verify-export.ts';
import { bodyAt, chainOf, keyNumber } from './small-chain.ts';

const key = keyNumber(1);
const trusted = [key];

const say = (findings: readonly Finding[]): readonly string[] => findings.map(describeFinding);

describe('malformed input', () => {
  it('of any kind is a finding, never an error', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      fc.base64String(),
      fc.constant(key.keyId),
    );
    const receipt = fc.record({ body: text, hash: text, signature: text, signingKeyId: text });
    const line = fc.oneof(
      text,
      receipt.map((made) => JSON.stringify(made)),
      fc.record({ keyId: text, publicKey: text }).map((made) => JSON.stringify(made)),
      fc.record({ head: text, signature: text, signingKeyId: text }).map((made) => JSON.stringify(made)),
    );
    fc.assert(
      fc.property(
        fc.array(receipt, { minLength: 1 }),
        fc.array(line, { minLength: 1 }),
        (receipts, lines) => {
          expect(say(verifyChain(receipts, { trusted })).length).toBeGreaterThan(0);
          expect(say(verifyExport(lines, { trusted })).length).toBeGreaterThan(0);
        },
      ),
    );
  });

  it('may be nested as deep as it likes', () => {
    const deep = `{"a":${'['.repeat(200_000)}${']'.repeat(200_000)}}`;
    expect(say(verifyExport([deep], { trusted }))).toContain(
      'line 1: is not a line as the export writes it: altered, cut or added',
    );
  });

  it('is no receipt, even when the right key signed it', () => {
    const body = '{"version":2}';
    const receipt = { body, hash: hashOf(body), signature: signText(body, key), signingKeyId: key.keyId };
    expect(say(verifyChain([receipt], { trusted }))).toEqual([
      'its body is of a form that this version does not know',
    ]);
  });

  it('tells by line which of many it is', () => {
    const lines = chainOf(5).map(writeReceipt).with(2, '{}');
    expect(say(verifyExport(lines, { trusted }))).toEqual([
      'line 3: is neither a head, nor a key, nor a receipt: altered or added',
      'the head of the file is missing: whether receipts are missing at the end cannot be told',
      'receipt 3 is missing: removed',
    ]);
  });
});

describe('a body', () => {
  const text = (change: Readonly<Record<string, unknown>>): string =>
    canonicalJson({ ...bodyAt(1, ''), ...change });

  it.each([
    ['another version', { version: 2 }],
    ['another kind', { kind: 'note' }],
    ['no place', { sequence: 0 }],
    ['a member more', { name: 'Ada' }],
    ['no hash', { previousHash: 'x' }],
    ['no instant', { completedAt: 'yesterday' }],
    ['an unknown result', { probes: [{ at: '2026-03-01T10:00:00.000Z', result: 'perhaps', stage: 'X' }] }],
    ['a plain name', { subject: { email: 'ada@example.com', keyId: 'x', username: 'ada' } }],
  ])('with %s is none', (_what, change) => {
    expect(readBody(text({}))).toEqual(bodyAt(1, ''));
    expect(readBody(text(change))).toBeUndefined();
  });

  it('is read in its canonical form alone', () => {
    const [receipt] = chainOf(1);
    const body = receipt?.body ?? '';
    expect(readBody(body)).toEqual(bodyAt(1, ''));
    expect(readBody(` ${body}`)).toBeUndefined();
    expect(readBody(JSON.stringify(bodyAt(1, '')))).toBeUndefined();
  });
});
