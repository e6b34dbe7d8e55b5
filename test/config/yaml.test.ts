import { expect, it } from 'vitest';
import { loadConfiguration } from '../../config/load.ts';
import { configurationOf, lines, load, minimal, writtenFile } from './written-file.ts';

const malformed: readonly (readonly [kind: string, text: string, line: string])[] = [
  [
    'a tab as indentation',
    'base_urls:\n\tlms: x\n',
    'line 2, column 1: a tab is used for indentation; use spaces',
  ],
  [
    'keys of one mapping in different columns',
    'base_urls:\n    lms: x\n  ecommerce: y\n',
    'line 3, column 1: the indentation does not fit the lines above; start the keys of one mapping in the same column',
  ],
  [
    'a key indented under a value',
    'client_id: someone\n  client_secret: hush-hush\n',
    'line 1, column 12: a value and a new key are mixed up here; indent the next line like its neighbours, or put a value that holds ": " in quotes',
  ],
  [
    'a colon in a value without quotes',
    'client_secret: hush: hush\n',
    'line 1, column 16: a value and a new key are mixed up here; indent the next line like its neighbours, or put a value that holds ": " in quotes',
  ],
  [
    'a key without its colon',
    'client_id: someone\nclient_secret hush-hush\nbase_urls: {}\n',
    'line 2, column 1: there is no "key: value" here; add the missing colon and a space after it, or correct the indentation',
  ],
  [
    'a row without the space after its dash',
    'retirement_pipeline:\n-row\n',
    'line 2, column 1: something is missing here, such as a colon, a comma or the space after "-"; compare with the lines around it',
  ],
  [
    'a quote that is not closed',
    'client_id: "someone\nclient_secret: hush-hush\n',
    'line 3, column 1: a quoted text that was opened before is not closed; add the missing quote',
  ],
  [
    'a list that is not closed',
    'retirement_pipeline:\n  - [A, B, LMS\nclient_id: x\n',
    'line 3, column 1: a [ or { that was opened before is not closed; add the missing ] or }',
  ],
  [
    'a mapping that is not closed',
    'base_urls: {lms: x\n',
    'line 2, column 1: a [ or { that was opened before is not closed; add the missing ] or }',
  ],
  [
    'a stray bracket',
    'retirement_pipeline: [[A, B]]]\n',
    'line 1, column 30: something is here that does not belong; look for a stray bracket, quote or comma',
  ],
  [
    'a value that begins with a reserved character',
    'client_secret: @hush-hush\n',
    'line 1, column 16: a value may not begin with this character; put the value in quotes',
  ],
  [
    'an unknown escape',
    'client_secret: "hush\\qhush"\n',
    'line 1, column 21: an escape (\\) that YAML does not know; write \\\\ for a backslash, or use single quotes',
  ],
  [
    'a second document',
    'client_id: x\n---\nclient_id: y\n',
    'line 2, column 1: a second document begins (after ---); keep one document in the file',
  ],
  [
    'a mapping in the place of a key',
    'client_id: x\n? client_secret: hush-hush\n: y\n',
    'line 2, column 16: a list or a mapping stands where the name of a key belongs; write the name alone before the colon',
  ],
  [
    'an alias to nothing',
    'client_id: *someone\n',
    'line 1, column 12: an alias (*name) names nothing that was defined before it; define &name first or put the text in quotes',
  ],
  [
    'a tag of another language',
    'client_id: !!python/object:os.system {}\n',
    'line 1, column 12: a tag (!name) that is not allowed in a configuration; remove it, or put the value in quotes',
  ],
];

for (const [kind, text, line] of malformed) {
  it(`reports ${kind} in one line with its place`, async () => {
    expect(lines(await load(text))).toEqual([line]);
  });
}

it('reports every duplicate key together with the mistakes of the rest', async () => {
  const text = minimal('client_secret: another-secret\nbraze_instance: [1]\n"client_id": x');
  expect(lines(await load(text))).toEqual([
    'line 5, column 1: the key client_secret is there twice; keep one of them',
    'line 7, column 1: the key client_id is there twice; keep one of them',
    'braze_instance: must be text, found a list; put the value in quotes',
  ]);
});

it('reports an alias that contains itself', async () => {
  expect(lines(await load(minimal('registrar: {archive: {a: &loop [*loop, *loop]}}')))).toEqual([
    'registrar.archive.a[0]: contains itself through an alias (*name); write the value out',
    'registrar.archive.a[1]: contains itself through an alias (*name); write the value out',
  ]);
});

it('reports aliases that multiply beyond measure', async () => {
  const tens = (name: string, of: string): string => `${name}: &${name} [${Array(10).fill(of).join(', ')}]`;
  const text = [tens('a', '1'), tens('b', '*a'), tens('c', '*b'), tens('d', '*c')].join('\n');
  expect(lines(await load(text))).toEqual([
    'the file uses aliases (*name) more than 100 times over; write the values out',
  ]);
});

it('reports a file that is empty, is no mapping, is no UTF-8, is missing or is a folder', async () => {
  const { folder, path } = await writtenFile('# nothing\n');
  expect(lines(await loadConfiguration({ path, env: {} }))).toEqual([
    `${path} is empty; begin with client_id, client_secret, base_urls and retirement_pipeline`,
  ]);
  const list = await writtenFile('- hush-hush\n');
  expect(lines(await loadConfiguration({ path: list.path, env: {} }))).toEqual([
    `${list.path} must hold a mapping of keys, found a list; begin with client_id: …`,
  ]);
  const latin = await writtenFile(Uint8Array.from([0x61, 0x3a, 0x20, 0xe9, 0x0a]));
  expect(lines(await loadConfiguration({ path: latin.path, env: {} }))).toEqual([
    `cannot read ${latin.path}: it is not UTF-8 text; save it as UTF-8`,
  ]);
  expect(lines(await loadConfiguration({ path: `${folder}/none.yml`, env: {} }))).toEqual([
    `cannot read ${folder}/none.yml: no such file; set REGISTRAR_CONFIG or create it`,
  ]);
  expect(lines(await loadConfiguration({ path: folder, env: {} }))).toEqual([
    `cannot read ${folder}: it is a folder; set REGISTRAR_CONFIG to a file in it`,
  ]);
});

it('reads plain values as PyYAML does: yes is a truth value; y, 0899 and 12e45 are texts; numbers pass as texts', async () => {
  const text = minimal(
    [
      'fetch_ecommerce_segment_id: off',
      'segment_workspace_slug: y',
      'segment_auth_token: 0899',
      'braze_api_key: 12e4567',
      'braze_instance: 12345678901234567890123',
      'hubspot_api_key: 4711',
    ].join('\n'),
  );
  const { thirdParties, fetchEcommerceSegmentId } = configurationOf(await load(text));
  expect(fetchEcommerceSegmentId).toBe(false);
  expect(thirdParties).toEqual({
    segment: { authToken: '0899', workspaceSlug: 'y' },
    braze: { apiKey: '12e4567', instance: '12345678901234567890123' },
    hubspot: { apiKey: '4711' },
  });
});

it('reports nesting without end in one line', async () => {
  const [line, ...others] = lines(await load(`client_id: ${'['.repeat(20_000)}`));
  expect(others).toEqual([]);
  expect(line).toMatch(
    /^line 1, column \d+: lists or mappings are nested too deeply from here on; write them flatter$/,
  );
});

it('fills merge keys and aliases in', async () => {
  const text = minimal('registrar: {archive: {<<: &base {destination: /a, every: &time 2d}, every: *time}}');
  expect(configurationOf(await load(text)).registrar.archive).toMatchObject({
    destination: { kind: 'folder', path: '/a' },
    everyMs: 172_800_000,
  });
});
