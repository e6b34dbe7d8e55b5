import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  createReferenceCounter,
  REVISIONS_A_REQUEST,
  type ReferenceCounter,
} from '../../../platform/wiki/reference-counter.ts';
import { oneOf, startWikiOfATest, type WikiOfATest } from '../../sandbox/wiki-client.ts';
import { failureOf, html, startStandIn, type Answer, type StandIn } from '../services/stand-in.ts';

const options = { userAgent: 'test/1', timeoutMs: 10_000 };
const place = { project: 'wikipedia', language: 'en' };

describe('the counter of the sandbox', () => {
  let wiki: WikiOfATest;
  let counter: ReferenceCounter;

  beforeAll(async () => {
    wiki = await startWikiOfATest();
    counter = createReferenceCounter({ ...options, baseUrl: `${wiki.client.wiki.url}/` });
  });

  afterAll(async () => {
    await counter.close();
    await wiki.close();
  });

  test('tells a count, or null where nothing can be counted, for every revision', async () => {
    const timestamp = '2024-03-01T10:00:00Z';
    const made = await wiki.client.edit(
      { user: 'Ada', title: 'One', timestamp, new: true, refs: 3 },
      { user: 'Ada', title: 'One', timestamp, refs: 0 },
      { user: 'Ada', title: 'One', timestamp, refs: 7 },
      { user: 'Ada', title: 'Gone', timestamp, new: true, refs: 5 },
    );
    const [three, none, hidden, gone] = [0, 1, 2, 3].map((index) => oneOf(made, index).revid);
    if (three === undefined || none === undefined || hidden === undefined || gone === undefined) {
      throw new Error('the edits have no ids');
    }
    await wiki.client.control('revisions/hide', { revids: [hidden] });
    await wiki.client.control('pages/delete', { title: 'Gone', ns: 0 });
    const never = 999_999;
    const revisionIds = [three, none, hidden, gone, never, 0];
    expect([...(await counter.count({ ...place, revisionIds }))]).toEqual([
      [three, 3],
      [none, 0],
      [hidden, null],
      [gone, null],
      [never, null],
      [0, null],
    ]);
  });

  test('is asked once for fifty revisions, not at all for none, and refuses more', async () => {
    await wiki.client.control('requests', undefined, 'DELETE');
    const fifty = Array.from({ length: REVISIONS_A_REQUEST }, (_, index) => 900_000 + index);
    expect((await counter.count({ ...place, revisionIds: fifty })).size).toBe(REVISIONS_A_REQUEST);
    expect(await counter.count({ ...place, revisionIds: [] })).toEqual(new Map());
    expect(await counter.count({ ...place, revisionIds: [0] })).toEqual(new Map([[0, null]]));
    await expect(counter.count({ ...place, revisionIds: [...fifty, 1] })).rejects.toThrow(RangeError);
    const requests: unknown = await (await wiki.client.control('requests', undefined, 'GET')).json();
    expect(requests).toMatchObject({ 'POST /api/v1/references/wikipedia/en': 1 });
  });
});

describe('a request', () => {
  let standIn: StandIn;
  let counter: ReferenceCounter;
  let impatient: ReferenceCounter;

  beforeAll(async () => {
    standIn = await startStandIn();
    const baseUrl = `${standIn.url}/tools`;
    counter = createReferenceCounter({ ...options, baseUrl });
    impatient = createReferenceCounter({ ...options, timeoutMs: 300, baseUrl });
  });

  afterAll(async () => {
    await counter.close();
    await impatient.close();
    await standIn.close();
  });

  test.each([
    [{ project: 'wikipedia', language: 'en' }, '/tools/api/v1/references/wikipedia/en'],
    [{ project: 'wikisource', language: null }, '/tools/api/v1/references/wikisource/www'],
  ])('for %o goes to %s', async (asked, path) => {
    standIn.behave(() => ({ status: 200, body: { 7: { num_ref: 2 } } }));
    expect(await counter.count({ ...asked, revisionIds: [7] })).toEqual(new Map([[7, 2]]));
    expect(standIn.received).toMatchObject([{ verb: 'POST', path, body: '{"rev_ids":[7]}' }]);
    expect(standIn.received[0]?.headers).toMatchObject({
      'user-agent': 'test/1',
      'accept-encoding': 'gzip',
      'content-type': 'application/json',
    });
  });

  test.each<[string, Answer, boolean, number | undefined]>([
    ['500', { status: 500, body: 'oops' }, true, undefined],
    ['429', { status: 429, body: '', headers: { 'retry-after': '3' } }, true, 3000],
    ['HTML', html, true, undefined],
    ['a list', { status: 200, body: [] }, true, undefined],
    ['a count that is none', { status: 200, body: { 7: { num_ref: 'many' } } }, true, undefined],
    ['an entry that is none', { status: 200, body: { 7: 3 } }, true, undefined],
    ['a lost connection', 'drop', true, undefined],
    ['no answer', 'hang', true, undefined],
    ['400', { status: 400, body: { error: 'rev_ids' } }, false, undefined],
    ['404', { status: 404, body: '' }, false, undefined],
  ])('answered with %s fails', async (_, answer, transient, retryAfterMs) => {
    standIn.behave(() => answer);
    const by = answer === 'hang' ? impatient : counter;
    const failed = await failureOf(by.count({ ...place, revisionIds: [7] }));
    expect(failed.exchange).toMatchObject({ transient, service: 'reference counter' });
    expect(failed.exchange.retryAfterMs).toBe(retryAfterMs);
  });

  test('ends with the reason of its abort', async () => {
    const abort = new AbortController();
    const reason = new Error('the worker stops');
    standIn.behave(() => {
      abort.abort(reason);
      return 'hang';
    });
    const call = counter.count({ ...place, revisionIds: [7], signal: abort.signal });
    await expect(call).rejects.toBe(reason);
  });
});
