import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { loadConfiguration } from '../../config/load.ts';
import { configurationOf, lines, load, minimal, warnings, writtenFile } from './written-file.ts';

const method = '{verb: POST, path: "/retire/{user_id}"}';

function withService(service: string, row = '[A, B, CRM, erase]', more = ''): string {
  return minimal(`${more}\nregistrar:\n  services:\n    ${service}`, `[${row}]`);
}

function withMethod(text: string): string {
  return withService(`CRM: {base_url: "https://crm.example", methods: {erase: ${text}}}`);
}

function withAuth(auth: string): string {
  return withService(`CRM: {base_url: "https://crm.example", auth: ${auth}, methods: {erase: ${method}}}`);
}

const placeholders =
  'known are user_id, original_username, original_email, original_name, retired_username, retired_email, ecommerce_segment_id';
const verbs = 'GET, POST, PUT, PATCH, DELETE';

const wrongMethods: readonly (readonly [text: string, where: string, message: string])[] = [
  ['{path: "/x/{user_id}"}', '.verb', `is missing; write one of ${verbs}`],
  ['{verb: TRACE, path: "/{user_id}"}', '.verb', `must be one of ${verbs}, found "TRACE"; correct it`],
  ['{verb: POST}', '.path', 'is missing; write one that begins with "/"'],
  ['{verb: POST, path: "x/{user_id}"}', '.path', 'must begin with one "/", found "x/{user_id}"; correct it'],
  [
    '{verb: POST, path: "//evil.example/{user_id}"}',
    '.path',
    'must begin with one "/", found "//evil.example/{user_id}"; correct it',
  ],
  [
    '{verb: POST, path: "/../{user_id}"}',
    '.path',
    'must not have "." or ".." as a part, found "/../{user_id}"; correct it',
  ],
  [
    '{verb: POST, path: "/a b/{user_id}"}',
    '.path',
    'must not have spaces, "\\" or "#", found "/a b/{user_id}"; correct it',
  ],
  [
    '{verb: POST, path: "/{user_id"}',
    '.path',
    'has a "{" or "}" that is no part of a placeholder, found "/{user_id"; correct it',
  ],
  [
    '{verb: POST, path: "/{user_idd}"}',
    '.path',
    `unknown placeholder {user_idd}; ${placeholders}; did you mean user_id?`,
  ],
  [
    '{verb: POST, path: "/{user_id}", body: {deep: [{mail: "to {mail}"}]}}',
    '.body.deep[0].mail',
    `unknown placeholder {mail}; ${placeholders}`,
  ],
  [
    '{verb: POST, path: "/{user_id}", body: {since: 2020-01-01}}',
    '.body.since',
    'cannot be sent as JSON, found a date; put the value in quotes',
  ],
  [
    '{verb: POST, path: "/{ecommerce_segment_id}"}',
    '.path',
    '{ecommerce_segment_id} is not known unless fetch_ecommerce_segment_id is true; set that or remove the placeholder',
  ],
  ['{verb: GET, path: "/{user_id}", body: {}}', '.body', 'cannot be sent with GET; remove it or use POST'],
  [
    '{verb: POST, path: "/{user_id}", ok: [99]}',
    '.ok[0]',
    'must be a whole number from 200 to 399, found the number 99; correct it',
  ],
  [
    '{verb: POST, path: "/{user_id}", nothing_to_erase: [429]}',
    '.nothing_to_erase[0]',
    '429 means "try again later", and is; remove it',
  ],
  [
    '{verb: POST, path: "/{user_id}", nothing_to_erase: [500]}',
    '.nothing_to_erase[0]',
    'must be a whole number from 200 to 499, found the number 500; correct it',
  ],
  [
    '{verb: POST, path: "/{user_id}", ok: [204], nothing_to_erase: [204]}',
    '.nothing_to_erase',
    '204 is also in ok; keep it in one of the two',
  ],
  [
    '{verb: POST, path: "/{user_id}", verify: {verb: DELETE, path: "/{user_id}"}}',
    '.verify.verb',
    'must be GET, because a verification only reads, found "DELETE"; correct it or leave it out',
  ],
  [
    '{verb: POST, path: "/{user_id}", verify: {verb: GET}}',
    '.verify.path',
    'is missing; write one that begins with "/"',
  ],
];

for (const [text, where, message] of wrongMethods) {
  it(`refuses the method ${text}`, async () => {
    expect(lines(await load(withMethod(text)))).toEqual([
      `registrar.services.CRM.methods.erase${where}: ${message}`,
    ]);
  });
}

it('fills the defaults of a method in', async () => {
  const loaded = await load(
    withMethod('{verb: delete, path: "/{user_id}?hard=1", nothing_to_erase: [204, 404]}'),
  );
  const service = configurationOf(loaded).registrar.services['CRM'];
  expect(service).toEqual({
    kind: 'http',
    baseUrl: 'https://crm.example',
    auth: { kind: 'none' },
    methods: {
      erase: { verb: 'DELETE', path: '/{user_id}?hard=1', ok: [200, 201, 202], nothingToErase: [204, 404] },
    },
  });
});

const goodAuths: readonly (readonly [text: string, auth: object])[] = [
  ['{bearer: some-token}', { kind: 'bearer', token: 'some-token' }],
  ['{basic: {username: me, password: pass-word}}', { kind: 'basic', username: 'me', password: 'pass-word' }],
  ['{header: {name: X-Key, value: some-token}}', { kind: 'header', name: 'X-Key', value: 'some-token' }],
  [
    '{oauth: {client_id: me, client_secret: pass-word}}',
    {
      kind: 'oauth',
      tokenUrl: 'https://lms.example/oauth2/access_token',
      clientId: 'me',
      clientSecret: 'pass-word',
      scheme: 'JWT',
    },
  ],
  [
    '{oauth: {token_url: "https://id.example/token/", client_id: me, client_secret: pass-word, scope: erase}}',
    {
      kind: 'oauth',
      tokenUrl: 'https://id.example/token',
      clientId: 'me',
      clientSecret: 'pass-word',
      scope: 'erase',
      scheme: 'Bearer',
    },
  ],
];

for (const [text, auth] of goodAuths) {
  it(`reads auth ${text}`, async () => {
    expect(configurationOf(await load(withAuth(text))).registrar.services['CRM']).toMatchObject({ auth });
  });
}

const oneOf =
  'must have exactly one of bearer, basic, header, oauth; write {bearer: TOKEN}, {basic: {username, password}}, ' +
  '{header: {name, value}} or {oauth: {client_id, client_secret}}';

const wrongAuths: readonly (readonly [text: string, where: string, message: string])[] = [
  ['{forgotten-token}', '', oneOf],
  ['{bearer: token-one, basic: {username: a, password: token-two}}', '', oneOf],
  ['forgotten-token', '', 'must be a mapping of one key, found text; indent its keys below it'],
  ['{bearer: }', '.bearer', 'is missing; set it'],
  ['{basic: {username: me}}', '.basic.password', 'is missing; set it'],
  [
    '{basic: {username: "a:b", password: pass-word}}',
    '.basic.username',
    'must not hold a ":", which ends the name in basic authentication; use another account',
  ],
  [
    '{header: {name: "X Key", value: some-token}}',
    '.header.name',
    'is no name of an HTTP header; write one such as X-Api-Key',
  ],
  [
    '{header: {name: X-Key, value: "some\\r\\ntoken"}}',
    '.header.value',
    'has a line break or another control character; remove it',
  ],
  ['{oauth: {client_id: me}}', '.oauth.client_secret', 'is missing; set it'],
];

for (const [text, where, message] of wrongAuths) {
  it(`refuses auth ${text}`, async () => {
    expect(lines(await load(withAuth(text)))).toEqual([`registrar.services.CRM.auth${where}: ${message}`]);
  });
}

it('checks rows against the methods of a declared service, which may stand in for a built-in one', async () => {
  const service = `BRAZE: {base_url: "https://own.example", methods: {erase: ${method}}}`;
  expect(lines(await load(withService(service, '[A, B, BRAZE, erase]')))).toEqual([]);
  expect(lines(await load(withService(service, '[A, B, BRAZE, delete_user]')))).toEqual([
    'retirement_pipeline[0]: service BRAZE has no method "delete_user"; it has erase',
  ]);
});

it('refuses to declare LMS, and blames no row for it', async () => {
  const service = `LMS: {base_url: "https://own.example", methods: {erase: ${method}}}`;
  expect(lines(await load(withService(service, '[A, B, LMS, retirement_unenroll]')))).toEqual([
    'registrar.services.LMS: LMS is built in and cannot be declared; choose another name, or remove it',
  ]);
});

it('says what a service lacks, and blames no row for it', async () => {
  expect(lines(await load(withService('CRM: {}')))).toEqual([
    'registrar.services.CRM.base_url: is missing; write the address of the service, or use module',
    'registrar.services.CRM.methods: has no method; declare one, such as retire_learner: {verb: POST, path: /retire/}',
  ]);
});

it('warns of unknown keys inside a service and of a method that names no learner', async () => {
  const loaded = await load(
    withService(
      'CRM: {base_url: "https://crm.example", retries: 3, methods: {erase: {verb: POST, path: /all}}}',
    ),
  );
  expect(loaded.kind).toBe('valid');
  expect(warnings(loaded)).toEqual([
    'registrar.services.CRM.retries: unknown key, ignored; remove it or check its spelling',
    'registrar.services.CRM.methods.erase: names no learner; put a placeholder such as {user_id} into its path or body',
  ]);
});

it('finds a module beside the file, and leaves its methods to whoever loads it', async () => {
  const { folder, path } = await writtenFile(withService('CRM: {module: ./services/crm.js}'));
  const missing =
    'registrar.services.CRM.module: no such file "./services/crm.js" in the folder of the configuration; create it or correct the path';
  expect(lines(await loadConfiguration({ path, env: {} }))).toEqual([missing]);
  await mkdir(join(folder, 'services'));
  await writeFile(join(folder, 'services/crm.js'), 'export async function erase() {}\n');
  expect(configurationOf(await loadConfiguration({ path, env: {} })).registrar.services['CRM']).toEqual({
    kind: 'module',
    path: join(folder, 'services/crm.js'),
  });
});

it('reports a module whose name no file can have', async () => {
  const [line, ...others] = lines(await load(withService(`CRM: {module: ./${'a'.repeat(5000)}.js}`)));
  expect(others).toEqual([]);
  expect(line).toMatch(/^registrar\.services\.CRM\.module: no such file "\.\/a{58}…" in the folder/);
});

it('refuses a module that is no JavaScript and a service in both forms', async () => {
  expect(lines(await load(withService('CRM: {module: ./crm.py}')))).toEqual([
    'registrar.services.CRM.module: must name a JavaScript file (.js, .mjs or .cjs), found "./crm.py"; correct it',
  ]);
  expect(lines(await load(withService('CRM: {module: ./crm.js, base_url: "https://crm.example"}')))).toEqual([
    'registrar.services.CRM: has both module and base_url, auth, methods or allow_link_local; keep one of the two forms',
  ]);
});
