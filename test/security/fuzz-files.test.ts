import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadCourseFile } from '../../client/course/load-file.ts';
import { OperationError } from '../../client/operation-error.ts';
import { describeProblem } from '../../config/problem.ts';
import { loadConfiguration } from '../../config/load.ts';
import { registrar } from '../client/command-line.ts';
import { fuzzing } from './fuzz.ts';
import { hostileText } from './hostile-text.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'registrar-files-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const course = `slug: history-2026
title: History of science
starts_at: 2026-09-01T00:00:00Z
ends_at: 2026-12-15T23:59:59Z
wikis:
  - { language: en, project: wikipedia, namespaces: [0, 2, 118] }
  - { language: fr, project: wikipedia, timeslice_seconds: 43200 }
  - { project: wiki, api_url: "https://wiki.example/w/api.php" }
students: [Ada L, Hypatia]
other_roles: [{ username: Jane, role: 1 }]
`;

const configuration = `client_id: someone
client_secret: top-secret-value
base_urls: {lms: "https://lms.example", ecommerce: "https://shop.example"}
org_partner_mapping: {edX: [Partner One], Other: [Two, Three]}
retirement_pipeline:
  - [RETIRING_LMS, LMS_COMPLETE, LMS, retirement_lms_retire]
  - [RETIRING_CRM, CRM_COMPLETE, CRM, erase]
registrar:
  cool_off_days: 7
  retry_budget: 10m
  services:
    CRM:
      base_url: https://crm.example
      auth: {header: {name: X-Key, value: key-7731-value}}
      methods:
        erase:
          verb: POST
          path: /people/{user_id}
          body: {mail: "{original_email}", list: [1, {name: "{original_name}"}]}
          verify: {path: "/people/{user_id}", gone: [404]}
  archive: {destination: ./archive, batch_size: 10}
  receipts: {earlier_keys: ["0123456789abcdef"]}
`;

const receipts = [
  '{"format":"registrar-receipts","version":1}',
  '{"key":{"id":"0123456789abcdef","algorithm":"Ed25519","publicKey":"MCowBQYDK2VwAyEA"}}',
  '{"sequence":1,"hash":"00","body":"{}","signature":"AA==","keyId":"0123456789abcdef"}',
  '',
].join('\n');

const snippets: fc.Arbitrary<string> = fc.oneof(
  hostileText,
  fc.constantFrom(
    '&a [*a]',
    '*nothing',
    '&a',
    '!!js/function "x"',
    '!!python/object/apply:os.system ["id"]',
    '<<: *a',
    '---\n',
    '...\n',
    '{{{{',
    ']]]',
    '- - - -',
    '1e999',
    '-.inf',
    '.nan',
    '0x7fffffffffffffffff',
    '99999999999999999999999999',
    '2026-99-99T99:99:99Z',
    '${HOME}',
    '${',
    '$${',
    '? [a, b]',
    '__proto__: {polluted: true}',
    'constructor: {prototype: {polluted: true}}',
    '\t',
    '\uFEFF',
    '|\n  x',
    '"\\ud800"',
    'null',
    '[]',
    '{}',
    'true',
  ),
);

/** A valid text with some places cut out, doubled, or written over. */
function mutated(text: string): fc.Arbitrary<string> {
  const change = fc.tuple(
    fc.nat(text.length),
    fc.nat(60),
    fc.oneof(snippets, fc.constant(''), fc.constant(undefined)),
  );
  return fc.array(change, { minLength: 1, maxLength: 4 }).map((changes) =>
    changes.reduce((now, [at, length, put]) => {
      const from = at % (now.length + 1);
      const piece = now.slice(from, from + length);
      return now.slice(0, from) + (put ?? piece + piece) + now.slice(from + (put === undefined ? 0 : length));
    }, text),
  );
}

function fileWith(content: string | Uint8Array): string {
  const file = path.join(folder, 'file.yml');
  writeFileSync(file, content);
  return file;
}

/** Every mistake in one line, without what would move a terminal. */
function expectLines(lines: readonly string[]): void {
  expect(lines.length).toBeGreaterThan(0);
  for (const line of lines) {
    expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/);
    expect(line).not.toMatch(/\[object |undefined|^\s+at /);
    expect(line).not.toContain('top-secret-value');
    expect(line).not.toContain('key-7731-value');
  }
}

async function readCourse(content: string | Uint8Array): Promise<'read' | 'refused'> {
  try {
    await loadCourseFile(fileWith(content));
    return 'read';
  } catch (error) {
    if (!(error instanceof OperationError)) throw error;
    expectLines(error.message.split('\n'));
    return 'refused';
  }
}

async function readConfiguration(content: string | Uint8Array): Promise<'read' | 'refused'> {
  const loaded = await loadConfiguration({ path: fileWith(content), env: {} });
  for (const warning of loaded.warnings) expectLines([describeProblem(warning)]);
  if (loaded.kind === 'valid') return 'read';
  expectLines(loaded.problems.map(describeProblem));
  return 'refused';
}

async function checkReceipts(content: string | Uint8Array): Promise<'read' | 'refused'> {
  const ran = await registrar([
    'receipts',
    'check',
    fileWith(content),
    '--key',
    '0123456789abcdef',
    '--json',
  ]);
  expect([0, 1, 2, 3, 4]).toContain(ran.status);
  if (ran.stdout !== '') expect(() => ran.json()).not.toThrow();
  for (const line of ran.stderr.split('\n').filter((each) => each !== '')) expectLines([line]);
  return ran.status === 0 ? 'read' : 'refused';
}

const kinds = [
  { what: 'a course file', text: course, read: readCourse, isReadAtFirst: true },
  { what: 'a configuration', text: configuration, read: readConfiguration, isReadAtFirst: true },
  { what: 'a file of receipts', text: receipts, read: checkReceipts, isReadAtFirst: false },
] as const;

/** Nine times nine times …: a few lines that want to be a billion. */
const bomb = [
  'a: &a [x, x, x, x, x, x, x, x, x]',
  ...'bcdefghi'.split('').map((name, index) => {
    const before = 'abcdefghi'[index] ?? 'a';
    return `${name}: &${name} [${Array.from({ length: 9 }, () => `*${before}`).join(', ')}]`;
  }),
].join('\n');

const bombs: readonly (readonly [what: string, content: string | Uint8Array])[] = [
  ['aliases of aliases', bomb],
  ['itself', 'a: &a [*a]\n'],
  ['a hundred thousand lists in each other', '['.repeat(100_000)],
  ['ten thousand mappings in each other', `${'{a: '.repeat(10_000)}1${'}'.repeat(10_000)}`],
  ['ten thousand levels', Array.from({ length: 2_000 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')],
  ['a line of five megabytes', `slug: ${'x'.repeat(5_000_000)}`],
  ['three thousand keys', Array.from({ length: 3_000 }, (_, key) => `k${key}: 1`).join('\n')],
  ['the same key twice', 'slug: a\nslug: b\n'],
  ['a number without end', `slug: ${'9'.repeat(100_000)}\n`],
  ['bytes that are no text', Uint8Array.from({ length: 4_096 }, (_, index) => (index * 197) % 256)],
  ['UTF-16', Buffer.from(`\uFEFF${course}`, 'utf16le')],
  ['NUL', `slug: a\0b\n`],
  ['nothing', ''],
  ['blanks', ' \n\t\n '],
];

describe.each(kinds)('$what', ({ what, text, read, isReadAtFirst }) => {
  it('is read as it was written', async () => {
    expect(await read(text)).toBe(isReadAtFirst ? 'read' : 'refused');
  });

  it('with anything in it is read or refused in clean lines', { timeout: 300_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(mutated(text), async (content) => void (await read(content))),
      fuzzing(what, 300),
    );
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it.each(bombs)('that holds %s is refused', { timeout: 120_000 }, async (_, content) => {
    expect(await read(content)).toBe('refused');
  });

  it('that is a folder is refused', async () => {
    const place = path.join(folder, 'a-folder');
    mkdirSync(place, { recursive: true });
    if (what === 'a configuration') {
      expect((await loadConfiguration({ path: place, env: {} })).kind).toBe('invalid');
    } else if (what === 'a course file') {
      await expect(loadCourseFile(place)).rejects.toThrow(OperationError);
    } else {
      expect((await registrar(['receipts', 'check', place, '--key', '0123456789abcdef'])).status).toBe(2);
    }
  });
});

describe('a file that is none', () => {
  it.each(['/dev/null', '/proc/self/mem'])(
    '%s is refused by each reader',
    { timeout: 60_000 },
    async (place) => {
      expect((await loadConfiguration({ path: place, env: {} })).kind).toBe('invalid');
      await expect(loadCourseFile(place)).rejects.toThrow(OperationError);
      const ran = await registrar(['receipts', 'check', place, '--key', '0123456789abcdef']);
      expect(ran.status).not.toBe(0);
    },
  );
});

/** Reading a pipe that nobody writes, or a device that never ends, would last for ever. */
describe('a file that never ends', () => {
  it.each(['a pipe', '/dev/zero'])('is refused by each reader: %s', { timeout: 20_000 }, async (place) => {
    const file = place === 'a pipe' ? path.join(folder, 'pipe') : place;
    if (place === 'a pipe') execFileSync('mkfifo', [file]);
    expect((await loadConfiguration({ path: file, env: {} })).kind).toBe('invalid');
    await expect(loadCourseFile(file)).rejects.toThrow(OperationError);
  });
});
