import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  createWikiClient,
  type ContributionsAnswer,
  type WikiClient,
} from '../../../platform/wiki/client.ts';
import { startWikiOfATest, type WikiOfATest } from '../../sandbox/wiki-client.ts';
import { failureOf, html, startStandIn, type HttpReply, type StandIn } from '../services/stand-in.ts';

const NAME = 'Ada Secretname';
const window = { from: 1_709_251_200, to: 1_709_337_599 };

let standIn: StandIn;
let client: WikiClient;
let impatient: WikiClient;

beforeAll(async () => {
  standIn = await startStandIn();
  const options = { apiUrl: `${standIn.url}/w/api.php`, userAgent: 'test/1' };
  client = createWikiClient({ ...options, timeoutMs: 10_000 });
  impatient = createWikiClient({ ...options, timeoutMs: 300 });
});

afterAll(async () => {
  await client.close();
  await impatient.close();
  await standIn.close();
});

const ask = (by = client): Promise<ContributionsAnswer> =>
  by.listContributions({ usernames: [NAME], ...window });

const error = (code: string, more: Partial<HttpReply> = {}): HttpReply => ({
  status: 200,
  body: { errors: [{ code, key: `apierror-${code}`, params: [NAME], module: 'main' }], docref: NAME },
  ...more,
});

const row = {
  user: NAME,
  pageid: 1,
  revid: 2,
  parentid: 1,
  ns: 0,
  title: 'T',
  timestamp: '2024-03-01T10:00:00Z',
  new: false,
  sizediff: 5,
  tags: [],
};

const rows = (...given: readonly unknown[]): HttpReply => ({
  status: 200,
  body: { query: { usercontribs: given } },
});

describe('what may pass', () => {
  test.each<[string, HttpReply, number | undefined]>([
    ['500', { status: 500, body: 'oops' }, undefined],
    ['503 with a time', { status: 503, body: '', headers: { 'retry-after': '7' } }, 7000],
    ['429', { status: 429, body: '' }, 5000],
    ['429 with a time', { status: 429, body: '', headers: { 'retry-after': '60' } }, 60_000],
    ['429 with JSON', error('ratelimited', { status: 429 }), 5000],
    ['maxlag', error('maxlag', { headers: { 'retry-after': '11' } }), 11_000],
    ['maxlag without a time', error('maxlag'), 5000],
    ['ratelimited', error('ratelimited'), 5000],
    ['readonly', error('readonly'), undefined],
    ['internal error', error('internal_api_error_DBQueryError', { status: 500 }), undefined],
    ['internal error inside 200', error('internal_api_error_DBConnectionError'), undefined],
    ['any error of a server in trouble', error('badvalue', { status: 502 }), undefined],
    ['the old shape', { status: 200, body: { error: { code: 'maxlag', info: NAME, lag: 7 } } }, 5000],
    ['an error without a code', { status: 200, body: { error: NAME } }, undefined],
    ['HTML', html, undefined],
    ['no JSON', { status: 200, body: '{"query":' }, undefined],
    ['an empty body', { status: 200, body: '' }, undefined],
    ['a list', { status: 200, body: [] }, undefined],
    ['no query', { status: 200, body: { batchcomplete: true } }, undefined],
    ['no list of contributions', { status: 200, body: { query: {} } }, undefined],
    ['a row that is none', rows(row, null), undefined],
    ['a row without an id', rows({ ...row, revid: undefined }), undefined],
    ['a row without a time', rows({ ...row, timestamp: 'soon' }), undefined],
    ['a row without tags', rows({ ...row, tags: undefined }), undefined],
    [
      'a continuation that is none',
      { status: 200, body: { continue: true, query: { usercontribs: [] } } },
      undefined,
    ],
  ])('is a transient failure: %s', async (_, reply, retryAfterMs) => {
    standIn.behave(() => reply);
    const failed = await failureOf(ask());
    expect(failed.exchange).toMatchObject({
      transient: true,
      status: reply.status,
      route: '/w/api.php?list=usercontribs',
    });
    expect(failed.exchange.retryAfterMs).toBe(retryAfterMs);
    expect(failed.message).not.toMatch(/Ada|Secretname/);
  });

  test.each(['drop', 'hang'] as const)('is a connection that is lost: %s', async (answer) => {
    standIn.behave(() => answer);
    const failed = await failureOf(ask(answer === 'hang' ? impatient : client));
    expect(failed.exchange).toMatchObject({ transient: true, status: undefined });
    expect(failed.message).not.toMatch(/Ada|Secretname/);
  });

  test('is a wiki that sends its caller round in circles', async () => {
    const continuation = { uccontinue: '1|2', continue: '-||' };
    standIn.behave(() => ({ status: 200, body: { continue: continuation, query: { usercontribs: [row] } } }));
    expect(await ask()).toMatchObject({ kind: 'page', continuation });
    const failed = await failureOf(client.listContributions({ usernames: [NAME], ...window, continuation }));
    expect(failed.exchange.transient).toBe(true);
  });

  test('is an answer that does not tell of every page: none is taken for deleted', async () => {
    standIn.behave(() => ({ status: 200, body: { query: { pages: [{ pageid: 1, missing: true }] } } }));
    expect((await failureOf(client.describePages([1, 2]))).exchange.transient).toBe(true);
    expect(await client.describePages([1])).toEqual([{ kind: 'missing', pageId: 1 }]);
  });
});

describe('what will not pass', () => {
  test.each<[string, HttpReply, RegExp]>([
    ['404', { status: 404, body: 'Not Found' }, /answered 404$/],
    ['403 with HTML', { ...html, status: 403 }, /answered 403$/],
    [
      '301',
      { status: 301, body: '', headers: { location: `/x?ucuser=${encodeURIComponent(NAME)}` } },
      /api_url must be the final/,
    ],
    ['permissions', error('readapidenied'), /"readapidenied"$/],
    ['an assertion', error('assertuserfailed'), /"assertuserfailed"$/],
    ['a bad continuation', error('badcontinue'), /"badcontinue"$/],
    [
      'an error with a status',
      error('mwoauth-invalid-authorization', { status: 401 }),
      /answered 401 with the error/,
    ],
    [
      'an unknown parameter',
      {
        status: 200,
        body: {
          warnings: [{ code: 'unrecognizedparams', params: [], module: 'main' }],
          query: { usercontribs: [row] },
        },
      },
      /1\.29 or later/,
    ],
    [
      'an unknown property, in the old words',
      {
        status: 200,
        body: {
          warnings: { usercontribs: { warnings: 'Unrecognized value for parameter "ucprop": tags' } },
          query: { usercontribs: [row] },
        },
      },
      /1\.29 or later/,
    ],
  ])('is a permanent failure: %s', async (_, reply, words) => {
    standIn.behave(() => reply);
    const failed = await failureOf(ask());
    expect(failed.exchange.transient).toBe(false);
    expect(failed.message).toMatch(words);
    expect(failed.message).not.toMatch(/Ada|Secretname/);
  });

  test('does not show a code that is none', async () => {
    standIn.behave(() => error(`no ${NAME}`));
    expect((await failureOf(ask())).message).not.toMatch(/Ada|Secretname/);
  });
});

describe('what is no failure', () => {
  test.each([undefined, null])('is a byte change that the wiki does not know (%s)', async (sizediff) => {
    standIn.behave(() => rows({ ...row, sizediff, parentid: undefined }));
    expect(await ask()).toMatchObject({ contributions: [{ sizeDiff: null, parentId: 0, isNewPage: false }] });
  });

  test('is a warning about something else', async () => {
    standIn.behave(() => ({
      status: 200,
      body: {
        warnings: [{ code: 'badutf8', params: ['ucuser'] }, { code: 'truncatedresult' }],
        query: { usercontribs: [row] },
      },
    }));
    expect(await ask()).toMatchObject({ kind: 'page', contributions: [{ revisionId: 2 }] });
  });

  test('is a name whose accents the wiki composes, and one that is like none of those asked for', async () => {
    standIn.behave(() => rows({ ...row, user: '\u00c9lise' }, { ...row, user: 'Somebody' }));
    const usernames = [NAME, 'e\u0301lise'];
    expect(await client.listContributions({ usernames, ...window })).toMatchObject({
      contributions: [{ username: 'e\u0301lise' }, { username: 'Somebody' }],
    });
  });

  test.each<[string, unknown]>([
    [
      'raw',
      { errors: [{ code: 'baduser', params: [{ plaintext: 'ucuser' }, { plaintext: 'B#d \u00e9' }] }] },
    ],
    ['raw, as wikitext', { errors: [{ code: 'baduser_ucuser', params: ['ucuser', 'B&#35;d \u00e9'] }] }],
    ['in words', { error: { code: 'baduser', info: 'Invalid value "B#d \u00e9" for parameter "ucuser".' } }],
  ])('is a malformed name, told %s', async (_, body) => {
    standIn.behave(() => ({ status: 200, body }));
    const usernames = [NAME, 'ucuser', 'Ucuser', 'B#d e\u0301'];
    expect(await client.listContributions({ usernames, ...window })).toEqual({
      kind: 'bad-user',
      username: 'B#d e\u0301',
    });
  });

  test('is a malformed name that cannot be told, unless only one was asked for', async () => {
    standIn.behave(() => ({ status: 200, body: { errors: [{ code: 'baduser' }] } }));
    const usernames = [NAME, 'Other'];
    expect(await client.listContributions({ usernames, ...window })).toEqual({
      kind: 'bad-user',
      username: undefined,
    });
    expect(await ask()).toEqual({ kind: 'bad-user', username: NAME });
  });
});

describe('the sandbox', () => {
  let wiki: WikiOfATest;
  let sandbox: WikiClient;

  beforeAll(async () => {
    wiki = await startWikiOfATest();
    sandbox = createWikiClient({
      apiUrl: `${wiki.client.wiki.url}/w/api.php`,
      userAgent: 'test/1',
      timeoutMs: 10_000,
    });
  });

  beforeEach(async () => {
    await wiki.client.control('faults', undefined, 'DELETE');
    await wiki.client.control('lag', { seconds: 0 });
  });

  afterAll(async () => {
    await sandbox.close();
    await wiki.close();
  });

  const asked = { usernames: [NAME], ...window };

  test('lags: the wait that it asks for is handed on, and the next try succeeds', async () => {
    await wiki.client.control('lag', { seconds: 8 });
    const failed = await failureOf(sandbox.listContributions(asked));
    expect(failed.exchange).toMatchObject({ transient: true, status: 200, retryAfterMs: 5000 });
    expect(failed.message).toContain('"maxlag"');
    expect((await failureOf(sandbox.describePages([1]))).message).toContain('"maxlag"');
    await wiki.client.control('lag', { seconds: 0 });
    expect(await sandbox.listContributions(asked)).toMatchObject({ kind: 'page' });
  });

  test('is overrun: the wait comes with the status', async () => {
    const fault = { path: '/w/api.php', status: 429, body: {}, retry_after: 9, times: 1 };
    await wiki.client.control('faults', fault);
    const failed = await failureOf(sandbox.listContributions(asked));
    expect(failed.exchange).toMatchObject({ transient: true, status: 429, retryAfterMs: 9000 });
    expect(await sandbox.listContributions(asked)).toMatchObject({ kind: 'page' });
  });
});
