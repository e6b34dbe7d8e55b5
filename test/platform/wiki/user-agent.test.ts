import { readFile } from 'node:fs/promises';
import { validateHeaderValue } from 'node:http';
import { expect, test } from 'vitest';
import { PRODUCT, userAgentOf } from '../../../platform/wiki/user-agent.ts';
import { oddValues } from '../services/stand-in.ts';

test('names the product and version that package.json has', async () => {
  const file = new URL('../../../package.json', import.meta.url);
  const { name, version } = JSON.parse(await readFile(file, 'utf8')) as { name: string; version: string };
  expect(PRODUCT).toBe(`${name}/${version}`);
});

test.each([undefined, '', ' \n '])('is the product alone without a contact (%j)', (contact) => {
  expect(userAgentOf(contact)).toBe(PRODUCT);
});

test.each(['ops@example.org', 'https://example.org/registrar?about=bot#us', 'Registry Office <a@b.c>'])(
  'carries the contact %s as it is',
  (contact) => {
    expect(userAgentOf(contact)).toBe(`${PRODUCT} (${contact})`);
  },
);

test.each([...oddValues, 'a(b)c', 'tab\there', '\0', '\x7f', 'half \ud83e', 'ü'.repeat(5000)])(
  'is a valid header of bounded length, one product and one comment, for the contact %j',
  (contact) => {
    const header = userAgentOf(contact);
    expect(() => validateHeaderValue('user-agent', header)).not.toThrow();
    expect(header).toMatch(/^registrar\/[\d.]+ \([\x20-\x27\x2a-\x5b\x5d-\x7e]{1,200}\)$/);
  },
);

test('keeps what is beyond ASCII readable for a program', () => {
  expect(userAgentOf('(élise)')).toBe(`${PRODUCT} (%28%C3%A9lise%29)`);
});
