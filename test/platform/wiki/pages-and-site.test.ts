import { afterAll, beforeAll, expect, test } from 'vitest';
import { createWikiClient, PAGES_A_REQUEST, type WikiClient } from '../../../platform/wiki/client.ts';
import {
  oneOf,
  startWikiOfATest,
  type WikiClient as Hand,
  type WikiOfATest,
} from '../../sandbox/wiki-client.ts';

let wiki: WikiOfATest;
let hand: Hand;
let client: WikiClient;

beforeAll(async () => {
  wiki = await startWikiOfATest({ language: 'fr' });
  hand = wiki.client;
  client = createWikiClient({
    apiUrl: `${hand.wiki.url}/w/api.php`,
    userAgent: 'test/1',
    timeoutMs: 10_000,
  });
});

afterAll(async () => {
  await client.close();
  await wiki.close();
});

const timestamp = '2024-03-01T10:00:00Z';

async function makePage(title: string, ns: number): Promise<number> {
  return oneOf(await hand.edit({ user: 'Ada', title, ns, timestamp, new: true })).pageid;
}

test('pages are told in the order asked: where they are now, and which are gone', async () => {
  const stays = await makePage('Stays here', 0);
  const goes = await makePage('Goes', 0);
  const moves = await makePage('Moves', 0);
  await hand.control('pages/delete', { title: 'Goes', ns: 0 });
  await hand.control('pages/move', { title: 'Moves', ns: 0, to_title: 'Ada/moved: now', to_ns: 2 });
  const never = 987_654;
  expect(await client.describePages([moves, never, goes, stays])).toEqual([
    { kind: 'live', pageId: moves, namespace: 2, title: 'Ada/moved:_now' },
    { kind: 'missing', pageId: never },
    { kind: 'missing', pageId: goes },
    { kind: 'live', pageId: stays, namespace: 0, title: 'Stays_here' },
  ]);
  await hand.control('pages/undelete', { title: 'Goes', ns: 0 });
  expect(await client.describePages([goes])).toEqual([
    { kind: 'live', pageId: goes, namespace: 0, title: 'Goes' },
  ]);
});

test('no pages are no request, fifty are one, and more are refused', async () => {
  await hand.control('requests', undefined, 'DELETE');
  expect(await client.describePages([])).toEqual([]);
  const fifty = Array.from({ length: PAGES_A_REQUEST }, (_, index) => 900_000 + index);
  expect(await client.describePages(fifty)).toHaveLength(PAGES_A_REQUEST);
  await expect(client.describePages([...fifty, 1])).rejects.toThrow(RangeError);
  const requests: unknown = await (await hand.control('requests', undefined, 'GET')).json();
  expect(requests).toMatchObject({ 'GET /w/api.php': 1 });
});

test('the site tells its name, address, language and software, also while it lags', async () => {
  const site = {
    name: 'Sandbox',
    server: hand.wiki.url,
    language: 'fr',
    generator: expect.stringMatching(/^MediaWiki /) as string,
  };
  expect(await client.describeSite()).toEqual(site);
  await hand.control('lag', { seconds: 60 });
  try {
    expect(await client.describeSite()).toEqual(site);
  } finally {
    await hand.control('lag', { seconds: 0 });
  }
});
