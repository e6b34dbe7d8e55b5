import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createWikiClient, type WikiClient } from '../../../platform/wiki/client.ts';
import { userAgentOf } from '../../../platform/wiki/user-agent.ts';
import { startWikiOfATest, type WikiOfATest } from '../../sandbox/wiki-client.ts';
import { failureOf } from '../services/stand-in.ts';

const asked = { usernames: ['Ada'], from: 1_709_251_200, to: 1_709_337_599 };
const userAgent = userAgentOf('ops@example.org');
const empty = JSON.stringify({ query: { usercontribs: [] } });

let behave: RequestListener;
let url: string;
let client: WikiClient;
let closeAll: () => Promise<void>;

beforeEach(async () => {
  const server = createServer((request, response) => behave(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  url = `http://127.0.0.1:${address.port}`;
  client = createWikiClient({ apiUrl: `${url}/w/api.php`, userAgent, timeoutMs: 10_000 });
  closeAll = async () => {
    server.closeAllConnections();
    await client.close();
    await new Promise((resolve) => server.close(resolve));
  };
});

afterEach(() => closeAll());

test('a request says who asks and how, and wants nothing of a wiki that lags', async () => {
  const seen: IncomingMessage[] = [];
  behave = (request, response) => {
    seen.push(request);
    response.end(empty);
  };
  const continuation = { uccontinue: 'actor|1|20240301000000|5', continue: '-||', odd: 'ä&b=c d+' };
  await client.listContributions({ ...asked, usernames: ['Ada B', 'C&d=e+'], continuation });
  const [request] = seen;
  expect(request?.headers).toMatchObject({ 'user-agent': userAgent, 'accept-encoding': 'gzip' });
  const query = new URL(request?.url ?? '', 'http://wiki').searchParams;
  expect(Object.fromEntries(query)).toEqual({
    action: 'query',
    list: 'usercontribs',
    format: 'json',
    formatversion: '2',
    errorformat: 'raw',
    maxlag: '5',
    ucuser: 'Ada B|C&d=e+',
    ucstart: '2024-03-01T00:00:00Z',
    ucend: '2024-03-01T23:59:59Z',
    ucdir: 'newer',
    ucprop: 'ids|title|timestamp|size|sizediff|flags|tags',
    uclimit: 'max',
    ...continuation,
  });
});

describe('an answer', () => {
  test('is unpacked when it comes as gzip', async () => {
    behave = (request, response) => {
      if (request.headers['accept-encoding'] !== 'gzip') return void response.writeHead(406).end();
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(empty));
    };
    expect(await client.listContributions(asked)).toMatchObject({ kind: 'page', contributions: [] });
  });

  test.each<[string, Buffer, RegExp]>([
    ['is cut off', gzipSync(empty).subarray(0, 20), /damaged gzip body/],
    ['is damaged', Buffer.from('no gzip at all'), /damaged gzip body/],
    // 65 MiB of blanks are 65 KB as gzip.
    ['is a bomb', gzipSync(Buffer.alloc(65 * 1024 * 1024, ' ')), /too large to be read/],
  ])('whose gzip %s is a transient failure', async (_, packed, message) => {
    behave = (_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(packed);
    };
    const failed = await failureOf(client.listContributions(asked));
    expect(failed.exchange.transient).toBe(true);
    expect(failed.message).toMatch(message);
  });
});

test('an abort ends a request under way with its own reason', async () => {
  const abort = new AbortController();
  const reason = new Error('the worker stops');
  const arrived = new Promise<void>((resolve) => {
    behave = () => resolve();
  });
  const calls = [
    client.listContributions({ ...asked, signal: abort.signal }),
    client.describePages([1], abort.signal),
    client.describeSite(abort.signal),
  ].map((call) =>
    call.then(
      () => 'answered',
      (error: unknown) => error,
    ),
  );
  await arrived;
  abort.abort(reason);
  expect(await Promise.all(calls)).toEqual([reason, reason, reason]);
});

test('at most three requests are under way at once', async () => {
  const waiting: (() => void)[] = [];
  let isOpen = false;
  const threeWait = new Promise<void>((resolve) => {
    behave = (request, response) => {
      if (isOpen || request.url === '/barrier') return void response.end(empty);
      waiting.push(() => response.end(empty));
      if (waiting.length === 3) resolve();
    };
  });
  const calls = Array.from({ length: 9 }, () => client.listContributions(asked));
  await threeWait;
  // Begun after the nine, so that what is on its way arrives before it.
  await fetch(`${url}/barrier`);
  expect(waiting).toHaveLength(3);
  isOpen = true;
  for (const answer of waiting) answer();
  expect(await Promise.all(calls)).toHaveLength(9);
});

test('an address that is none is refused at once', () => {
  expect(() => createWikiClient({ apiUrl: 'en.wikipedia.org', userAgent, timeoutMs: 1000 })).toThrow(
    TypeError,
  );
});

describe('the sandbox', () => {
  let wiki: WikiOfATest;

  beforeAll(async () => {
    wiki = await startWikiOfATest();
  });

  afterAll(async () => {
    await wiki.close();
  });

  test('sees the name of the caller', async () => {
    const apiUrl = `${wiki.client.wiki.url}/w/api.php`;
    const sandbox = createWikiClient({ apiUrl, userAgent, timeoutMs: 10_000 });
    await sandbox.describeSite();
    await sandbox.close();
    const callers: unknown = await (await wiki.client.control('callers', undefined, 'GET')).json();
    expect(callers).toEqual({ [userAgent]: 1 });
  });
});
