import http from 'node:http';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startSandboxWiki } from '../../sandbox/wiki/server.ts';
import { startWikiOfATest, type WikiClient, type WikiOfATest } from './wiki-client.ts';

let wiki: WikiOfATest;
let client: WikiClient;

beforeAll(async () => {
  wiki = await startWikiOfATest();
  client = wiki.client;
  await client.edit(
    { user: 'Ada', title: 'Alpha', timestamp: '2024-01-01T00:00:00Z', sizediff: 40, new: true },
    { user: 'Bob', title: 'Alpha', timestamp: '2024-01-02T00:00:00Z', sizediff: 2 },
  );
});

afterAll(async () => {
  await wiki.close();
});

beforeEach(async () => {
  await client.control('faults', undefined, 'DELETE');
  await client.control('requests', undefined, 'DELETE');
  await client.control('lag', { seconds: 0 });
});

const contributions = { list: 'usercontribs', ucuser: 'Ada', ucprop: 'ids' };

describe('what is no error to MediaWiki', () => {
  test.each([
    [
      { uclimit: '501' },
      'usercontribs',
      'The value "501" for parameter "uclimit" must be between 1 and 500.',
    ],
    [{ uclimit: '0' }, 'usercontribs', 'The value "0" for parameter "uclimit" must be between 1 and 500.'],
    [{ ucprop: 'ids|foo|bar' }, 'usercontribs', 'Unrecognized values for parameter "ucprop": foo, bar'],
    [{ ucnamespace: '0|99' }, 'usercontribs', 'Unrecognized value for parameter "ucnamespace": 99'],
    [{ foo: '1', bar: '2' }, 'main', 'Unrecognized parameters: foo, bar.'],
    [{ meta: 'nothing' }, 'query', 'Unrecognized value for parameter "meta": nothing'],
  ])('is a warning: %o', async (given, module, text) => {
    const answer = await client.api({ ...contributions, ...given });
    expect(answer.query?.usercontribs).toHaveLength(1);
    expect(answer.warnings).toEqual({ [module]: { warnings: text } });
  });

  test('gives no warning for what is in order', async () => {
    const answer = await client.api({ ...contributions, uclimit: 'max', maxlag: '5', ucdir: 'newer' });
    expect(answer).not.toHaveProperty('warnings');
    expect(answer).toMatchObject({ batchcomplete: true, limits: { usercontribs: 500 } });
  });
});

describe('an error', () => {
  test.each([
    [{ ...contributions, uclimit: 'abc' }, 'badinteger'],
    [{ ...contributions, ucdir: 'sideways' }, 'badvalue'],
    [{ list: 'usercontribs' }, 'missingparam'],
    [{ list: 'usercontribs', ucuser: '' }, 'paramempty_ucuser'],
    [{ ...contributions, ucshow: 'new|!new' }, 'show'],
    [{ ...contributions, assert: 'user' }, 'assertuserfailed'],
    [{ action: 'nothing' }, 'badvalue'],
    [{ prop: 'info', titles: 'A', pageids: '1' }, 'multisource'],
    [{ prop: 'info', pageids: 'A' }, 'badinteger'],
  ])('comes inside status 200, with its code in a header: %o', async (given, code) => {
    const answer = await client.raw({ formatversion: '2', ...given });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('mediawiki-api-error')).toBe(code);
    expect(await answer.json()).toMatchObject({ error: { code } });
  });

  test('has another shape with errorformat=plaintext', async () => {
    const answer = await client.api({ ...contributions, ucuser: 'A#b', errorformat: 'plaintext' });
    expect(answer).toMatchObject({ errors: [{ code: 'baduser', module: 'query+usercontribs' }] });
  });

  test('names its message with errorformat=raw, and what the message is about', async () => {
    const answer = await client.api({ ...contributions, ucuser: 'A#b', errorformat: 'raw' });
    const params = [{ plaintext: 'ucuser' }, { plaintext: 'A#b' }];
    const said = { code: 'baduser', key: 'paramvalidator-baduser', params, module: 'query+usercontribs' };
    expect(answer).toMatchObject({ errors: [said] });
    expect(JSON.stringify(answer)).not.toContain('Invalid value');
  });
});

describe('maxlag', () => {
  test('is answered with the wait that the client asked for, and at least five seconds', async () => {
    await client.control('lag', { seconds: 24 });
    const answer = await client.raw({ ...contributions, maxlag: '3', formatversion: '2' });
    expect(answer.status).toBe(200);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'mediawiki-api-error': 'maxlag',
      'retry-after': '5',
      'x-database-lag': '24',
    });
    expect(await answer.json()).toMatchObject({ error: { code: 'maxlag', lag: 24 } });
    const patient = await client.raw({ ...contributions, maxlag: '9' });
    expect(patient.headers.get('retry-after')).toBe('9');
  });

  test('lets pass whoever bears the lag or does not ask', async () => {
    await client.control('lag', { seconds: 5 });
    expect((await client.api({ ...contributions, maxlag: '5' })).error).toBeUndefined();
    expect((await client.api(contributions)).error).toBeUndefined();
  });
});

describe('formats', () => {
  test('version 1 has no booleans and keys pages by id', async () => {
    const answer = await (await client.raw({ prop: 'info', pageids: '1|999', ...contributions })).json();
    expect(answer).toMatchObject({
      batchcomplete: '',
      query: { pages: { 1: { title: 'Alpha' }, 999: { missing: '' } } },
    });
    const flags = await client.raw({ ...contributions, ucprop: 'flags' });
    expect(await flags.json()).toMatchObject({ query: { usercontribs: [{ user: 'Ada', new: '' }] } });
  });

  test('without format=json it is a page for people', async () => {
    const answer = await fetch(`${client.wiki.url}/w/api.php?action=query&prop=info&pageids=1`);
    expect(answer.headers.get('content-type')).toContain('text/html');
  });

  test('a form is as good as a query', async () => {
    const body = new URLSearchParams({
      action: 'query',
      format: 'json',
      formatversion: '2',
      ...contributions,
    });
    const answer = await fetch(`${client.wiki.url}/w/api.php`, { method: 'POST', body });
    expect(await answer.json()).toMatchObject({ query: { usercontribs: [{ user: 'Ada' }] } });
  });

  test('is compressed for those who take gzip, and for nobody else', async () => {
    const path = `/w/api.php?${new URLSearchParams({ action: 'query', format: 'json', ...contributions }).toString()}`;
    const read = (headers: http.OutgoingHttpHeaders): Promise<readonly [http.IncomingHttpHeaders, Buffer]> =>
      new Promise((resolve, reject) => {
        http
          .get({ host: '127.0.0.1', port: client.wiki.port, path, headers, agent: false }, (response) => {
            const chunks: Buffer[] = [];
            response.on('data', (chunk: Buffer) => chunks.push(chunk));
            response.on('end', () => resolve([response.headers, Buffer.concat(chunks)]));
          })
          .on('error', reject);
      });
    const [packedHeaders, packed] = await read({ 'accept-encoding': 'deflate, gzip;q=0.5' });
    const [plainHeaders, plain] = await read({ 'accept-encoding': 'gzip;q=0' });
    expect(packedHeaders['content-encoding']).toBe('gzip');
    expect(plainHeaders['content-encoding']).toBeUndefined();
    expect(gunzipSync(packed).toString()).toBe(plain.toString());
  });
});

describe('pages', () => {
  test('that are missing are told apart from those that are there', async () => {
    const answer = await client.api({ prop: 'info', pageids: '1|999' });
    expect(answer.query?.pages).toMatchObject([
      { pageid: 1, ns: 0, title: 'Alpha', length: 42, touched: '2024-01-02T00:00:00Z' },
      { pageid: 999, missing: true },
    ]);
  });

  test('are found by titles in any spelling; what cannot be a title is invalid', async () => {
    const answer = await client.api({ prop: 'info', titles: 'alpha|draft:some_thing|A[b|Special:Foo' });
    expect(answer.query).toMatchObject({
      normalized: [
        { from: 'alpha', to: 'Alpha', fromencoded: false },
        { from: 'draft:some_thing', to: 'Draft:Some thing' },
      ],
      pages: [
        { ns: 118, title: 'Draft:Some thing', missing: true },
        { ns: -1, special: true },
        { title: 'A[b', invalid: true, invalidreason: expect.stringContaining('"["') as string },
        { pageid: 1, title: 'Alpha' },
      ],
    });
  });

  test('over 50 are refused', async () => {
    const pageids = Array.from({ length: 51 }, (_, index) => index + 1).join('|');
    expect((await client.api({ prop: 'info', pageids })).error?.code).toBe('toomanyvalues');
  });

  test('of a revision are found; a revision that is not there is bad', async () => {
    const [edit] = await client.contributions('Bob');
    const answer = await client.api({ prop: 'info', revids: `${edit?.revid}|99999` });
    expect(answer.query).toMatchObject({
      badrevids: { 99999: { revid: 99999, missing: true } },
      pages: [{ title: 'Alpha', lastrevid: edit?.revid }],
    });
  });
});

test('siteinfo names the namespaces, userinfo an anonymous caller without high limits', async () => {
  const answer = await client.api({
    meta: 'siteinfo|userinfo',
    siprop: 'general|namespaces',
    uiprop: 'rights',
  });
  expect(answer.query).toMatchObject({
    general: {
      generator: expect.stringContaining('MediaWiki') as string,
      lang: 'en',
      server: client.wiki.url,
    },
    namespaces: { 0: { id: 0, name: '', content: true }, 118: { name: 'Draft', canonical: 'Draft' } },
    userinfo: { id: 0, anon: true, rights: expect.not.arrayContaining(['apihighlimits']) as string[] },
  });
});

describe('faults and logs', () => {
  test('fail the requests that carry a name, and count', async () => {
    await client.control('faults', {
      path: '/w/api.php',
      username: 'Ada',
      status: 429,
      retry_after: 7,
      times: 1,
    });
    expect(await client.contributions('Bob')).toHaveLength(1);
    const failed = await client.raw({ ...contributions, ucuser: 'Bob|Ada' });
    expect([failed.status, failed.headers.get('retry-after')]).toEqual([429, '7']);
    expect(await client.contributions('Bob|Ada')).toHaveLength(2);
    const counts = await client.control('requests', undefined, 'GET');
    expect(await counts.json()).toEqual({ 'GET /w/api.php': 3 });
  });

  test('hang up where they are told to', async () => {
    await client.control('faults', { drop: 'after', times: 1 });
    await expect(client.raw(contributions)).rejects.toThrow('fetch failed');
    expect(await client.contributions('Ada')).toHaveLength(1);
  });

  test('tell with which User-Agent the wiki was called', async () => {
    await client.control('callers', undefined, 'DELETE');
    await client.raw(contributions, { 'user-agent': 'Registrar (mail@example.com)' });
    const callers = await client.control('callers', undefined, 'GET');
    expect(await callers.json()).toEqual({ 'Registrar (mail@example.com)': 1 });
  });
});

describe('the server', () => {
  test('refuses another host, a strange schema name and a schema of somebody else', async () => {
    const options = { databaseUrl: wiki.databaseUrl, port: 0 };
    const elsewhere = { ...options, host: '0.0.0.0' } as unknown as typeof options;
    await expect(startSandboxWiki(elsewhere)).rejects.toThrow('127.0.0.1 only');
    await expect(startSandboxWiki({ ...options, schema: 'a"b' })).rejects.toThrow('no plain schema name');
    await expect(startSandboxWiki({ ...options, schema: 'pg_catalog' })).rejects.toThrow(
      'no sandbox wiki made',
    );
  });

  test('shows people its newest edits', async () => {
    const page = await (await fetch(`${client.wiki.url}/`)).text();
    expect(page).toContain('Alpha');
  });
});
