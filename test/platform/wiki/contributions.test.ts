import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  createWikiClient,
  NAMES_A_REQUEST,
  type Continuation,
  type Contribution,
  type ContributionsAsked,
  type WikiClient,
} from '../../../platform/wiki/client.ts';
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
  wiki = await startWikiOfATest();
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

const second = (time: string): number => Date.parse(time) / 1000;
const always = { from: second('2024-01-01T00:00:00Z'), to: second('2024-12-31T23:59:59Z') };

async function onePage(
  usernames: readonly string[],
  more: Partial<ContributionsAsked> = {},
): Promise<{ contributions: readonly Contribution[]; continuation: Continuation | undefined }> {
  const answer = await client.listContributions({ usernames, ...always, ...more });
  if (answer.kind !== 'page') throw new Error(`expected a page, got ${answer.kind}`);
  return answer;
}

describe('a contribution', () => {
  test('carries everything that the numbers are made of', async () => {
    const made = await hand.edit(
      {
        user: 'Field A',
        title: 'Two words',
        timestamp: '2024-03-01T10:00:00Z',
        sizediff: 120,
        new: true,
        tags: ['visualeditor', 'OAuth CID: 252'],
      },
      { user: 'Field A', title: 'Two words', timestamp: '2024-03-02T10:00:01Z', sizediff: -20 },
    );
    const [first, next] = [oneOf(made), oneOf(made, 1)];
    const { contributions, continuation } = await onePage(['Field A']);
    expect(continuation).toBeUndefined();
    expect(contributions).toEqual([
      {
        username: 'Field A',
        revisionId: first.revid,
        parentId: 0,
        pageId: first.pageid,
        namespace: 0,
        title: 'Two_words',
        at: second('2024-03-01T10:00:00Z'),
        sizeDiff: 120,
        isNewPage: true,
        isTextHidden: false,
        tags: expect.arrayContaining(['visualeditor', 'OAuth CID: 252']) as string[],
      },
      {
        username: 'Field A',
        revisionId: next.revid,
        parentId: first.revid,
        pageId: first.pageid,
        namespace: 0,
        title: 'Two_words',
        at: second('2024-03-02T10:00:01Z'),
        sizeDiff: -20,
        isNewPage: false,
        isTextHidden: false,
        tags: [],
      },
    ]);
  });

  test('has a title without the prefix of its namespace, and keeps the colons that are its own', async () => {
    const timestamp = '2024-03-01T10:00:00Z';
    await hand.edit(
      { user: 'Title A', title: 'Ada b/sand box', ns: 2, timestamp },
      { user: 'Title A', title: 'Part: one: two', ns: 3, timestamp },
      { user: 'Title A', title: 'Space: the end', ns: 0, timestamp },
    );
    const { contributions } = await onePage(['Title A']);
    expect(contributions.map(({ namespace, title }) => [namespace, title])).toEqual([
      [2, 'Ada_b/sand_box'],
      [3, 'Part:_one:_two'],
      [0, 'Space:_the_end'],
    ]);
  });

  test('tells when its text is hidden', async () => {
    const timestamp = '2024-03-01T10:00:00Z';
    const made = await hand.edit(
      { user: 'Hidden A', title: 'Hidden', timestamp, new: true },
      { user: 'Hidden A', title: 'Hidden', timestamp },
    );
    await hand.control('revisions/hide', { revids: [oneOf(made).revid] });
    const { contributions } = await onePage(['Hidden A']);
    expect(contributions.map(({ isTextHidden }) => isTextHidden)).toEqual([true, false]);
  });
});

describe('a window', () => {
  test('holds both of its ends and nothing beyond them', async () => {
    await hand.edit(
      ...['11:59:59', '12:00:00', '12:30:00', '13:00:00', '13:00:01'].map((time) => ({
        user: 'Window A',
        title: 'Windows',
        timestamp: `2024-03-09T${time}Z`,
      })),
    );
    const from = second('2024-03-09T12:00:00Z');
    const to = second('2024-03-09T13:00:00Z');
    const { contributions } = await onePage(['Window A'], { from, to });
    expect(contributions.map(({ at }) => at - from)).toEqual([0, 1800, 3600]);
  });
});

describe('pages of results', () => {
  test('follow one another until there is no continuation, and hold every edit once', async () => {
    const edit = (user: string, index: number) => ({
      user,
      title: 'Long',
      timestamp: new Date(Date.UTC(2024, 3, 1) + index * 60_000).toISOString(),
    });
    const made = await hand.edit(
      ...Array.from({ length: 300 }, (_, index) => edit('Long A', index)),
      ...Array.from({ length: 301 }, (_, index) => edit('Long B', index)),
    );
    const usernames = ['Long B', 'Long A'];
    const first = await onePage(usernames);
    expect(first.contributions).toHaveLength(500);
    const second = await onePage(usernames, { continuation: first.continuation });
    expect(second.continuation).toBeUndefined();
    const ids = [...first.contributions, ...second.contributions].map(({ revisionId }) => revisionId);
    expect(ids).toEqual(made.map(({ revid }) => revid));
  });

  test('cost one request each', async () => {
    await hand.edit({ user: 'Cost A', title: 'Cost', timestamp: '2024-03-01T10:00:00Z' });
    await hand.control('requests', undefined, 'DELETE');
    await onePage(['Cost A', ...Array.from({ length: NAMES_A_REQUEST - 1 }, (_, index) => `Cost ${index}`)]);
    const requests: unknown = await (await hand.control('requests', undefined, 'GET')).json();
    expect(requests).toMatchObject({ 'GET /w/api.php': 1 });
  });

  test.each([0, NAMES_A_REQUEST + 1])('are refused before the request for %i names', async (count) => {
    const usernames = Array.from({ length: count }, (_, index) => `Name ${index}`);
    await expect(client.listContributions({ usernames, ...always })).rejects.toThrow(RangeError);
  });
});

describe('names', () => {
  beforeAll(async () => {
    const timestamp = '2024-03-01T10:00:00Z';
    await hand.edit(
      { user: 'Élise van Dam', title: 'Named', timestamp, new: true },
      { user: 'Other', title: 'Named', timestamp },
    );
  });

  test.each(['Élise van Dam', 'élise_van  Dam', ' Élise_van_Dam', 'User:Élise van Dam'])(
    'come back as they were given: %j',
    async (given) => {
      const { contributions } = await onePage(['Nobody at all', 'Other', given]);
      expect(contributions.map(({ username }) => username).toSorted()).toEqual([given, 'Other'].toSorted());
    },
  );

  test('that nobody has give nothing', async () => {
    expect(await onePage(['Nobody at all'])).toEqual({
      kind: 'page',
      contributions: [],
      continuation: undefined,
    });
  });

  test('too long for one address are asked about all the same', async () => {
    const long = Array.from({ length: 49 }, (_, index) => `${'学'.repeat(70)} ${index}`);
    await hand.control('requests', undefined, 'DELETE');
    const { contributions } = await onePage([...long, 'Élise van Dam']);
    expect(contributions).toMatchObject([{ username: 'Élise van Dam', title: 'Named' }]);
    const requests: unknown = await (await hand.control('requests', undefined, 'GET')).json();
    expect(requests).toMatchObject({ 'POST /w/api.php': 1 });
  });

  test.each(['A#b', 'A[b', 'A/b', 'Talk:A', '..', 'a%41', 'quo"te#', 'ucuser#'])(
    'that are malformed (%j) are told by the wiki and found among the others',
    async (bad) => {
      const usernames = ['Other', 'ucuser', bad, 'Élise van Dam'];
      const answer = await client.listContributions({ usernames, ...always });
      expect(answer).toEqual({ kind: 'bad-user', username: bad });
    },
  );

  test.each(['', ' ', '_', 'A|Other', 'A\u001fb', 'line\nbreak', '\0', 'half \ud83e'])(
    'that no request can carry (%j) are refused without one',
    async (bad) => {
      await hand.control('requests', undefined, 'DELETE');
      const answer = await client.listContributions({ usernames: ['Other', bad], ...always });
      expect(answer).toEqual({ kind: 'bad-user', username: bad });
      const requests: unknown = await (await hand.control('requests', undefined, 'GET')).json();
      expect(requests).not.toHaveProperty(['GET /w/api.php']);
    },
  );
});
