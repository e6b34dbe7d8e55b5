import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../../receipts/canonical-json.ts';

describe('canonical JSON', () => {
  it('sorts keys at every depth and has no white space', () => {
    expect(canonicalJson({ b: [{ z: null, a: 'x y' }], a: true, ä: -1 })).toBe(
      '{"a":true,"b":[{"a":"x y","z":null}],"ä":-1}',
    );
  });

  it.each([
    ['undefined', { a: undefined }],
    ['a fraction', [1.5]],
    ['no number', [Number.NaN]],
    ['-0', [-0]],
    ['a number beyond the safe range', [2 ** 53]],
    ['a date', { at: new Date(0) }],
    ['half a surrogate pair', ['\ud800']],
    ['half a pair in a key', { '\udc00': 1 }],
    ['a hole', Array(1)],
    ['a bigint', [1n]],
    ['a map', new Map()],
  ])('refuses %s', (_what, value) => {
    expect(() => canonicalJson(value)).toThrow(TypeError);
  });

  it('says where it stands', () => {
    expect(() => canonicalJson({ stages: [{ at: undefined }] })).toThrow('undefined (at /stages/0/at)');
  });

  it('is one text for all orders of keys, and reads back as the same value', () => {
    const scalar = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.maxSafeInteger().map((number) => number + 0),
      fc.boolean(),
      fc.constant(null),
    );
    // `__proto__` as a key would be no key in the literal that the test builds.
    const key = fc.string({ unit: 'grapheme' }).filter((text) => text !== '__proto__');
    fc.assert(
      fc.property(fc.array(fc.tuple(key, scalar)), (entries) => {
        const one = Object.fromEntries(entries);
        const other = Object.fromEntries(Object.entries(one).reverse());
        expect(canonicalJson(one)).toBe(canonicalJson(other));
        expect(JSON.parse(canonicalJson(one))).toEqual(one);
      }),
    );
  });
});
