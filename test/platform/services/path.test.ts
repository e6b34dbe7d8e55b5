import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fillPath } from '../../../platform/services/path.ts';

describe('a filled path', () => {
  it('has the template segments and the value, whatever the value', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        const filled = fillPath('/a/{x}/b?c={x}', () => value);
        if ('unusable' in filled) return value.trim() === '' || /[./\\%\p{Cc}]/u.test(value);
        const url = new URL(`http://host.example${filled.path}`);
        const [empty, a, x = '', b, ...more] = url.pathname.split('/');
        expect([url.host, empty, a, decodeURIComponent(x), b, more]).toEqual([
          'host.example',
          '',
          'a',
          value,
          'b',
          [],
        ]);
        expect([...url.searchParams]).toEqual([['c', value]]);
        return true;
      }),
    );
  });

  it.each(['.', '..'])('is refused where %s would fold it', (value) => {
    expect(fillPath('/a/{x}/b', () => value)).toEqual({ unusable: 'a value of dots only' });
    expect(fillPath('/a/b?x={x}', () => value)).toEqual({ path: `/a/b?x=${value}` });
  });

  it('is refused where two values together would fold it', () => {
    expect(fillPath('/a/{x}{y}/b', () => '.')).toEqual({ unusable: 'a value of dots only' });
  });

  it.each(['a/../b', '..\\..\\b', '%2e%2e%2fb', '..;x/b', 'a//b', '/', 'a/', '%252e%252e%252fb'])(
    'is refused where something that decodes %s would go elsewhere',
    (value) => {
      expect(fillPath('/a/{x}', () => value)).toHaveProperty('unusable');
      expect(fillPath('/a?x={x}', () => value)).toEqual({ path: `/a?x=${encodeURIComponent(value)}` });
    },
  );

  it.each(['a/b', 'a%b', 'a+b@example.com', '50% off', 'a..b', '...'])('holds %s', (value) => {
    expect(fillPath('/a/{x}', () => value)).toEqual({ path: `/a/${encodeURIComponent(value)}` });
  });

  it.each(['a\0b', 'a\r\nX-Evil: 1', 'a%00', 'a%250d%250a'])(
    'is refused where %j would end a line or a text',
    (value) => {
      expect(fillPath('/a/{x}', () => value)).toEqual({ unusable: 'a control character' });
      expect(fillPath('/a?x={x}', () => value)).toEqual({ unusable: 'a control character' });
    },
  );

  it('is refused where an empty value would name everybody', () => {
    expect(fillPath('/people/{x}', () => '')).toEqual({ unusable: 'an empty value' });
    expect(fillPath('/people?email={x}', () => '')).toEqual({ unusable: 'an empty value' });
    expect(fillPath('/people/{x}', () => ' \t')).toEqual({ unusable: 'an empty value' });
  });

  it('can hold half a surrogate pair, as the replacement character', () => {
    expect(fillPath('/{x}', () => '\ud83e')).toEqual({ path: '/%EF%BF%BD' });
  });
});
