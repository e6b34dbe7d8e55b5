import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startSandboxWiki } from '../../sandbox/wiki/server.ts';
import { oneOf, startWikiOfATest, WikiClient, type WikiOfATest } from './wiki-client.ts';

let wiki: WikiOfATest;
let client: WikiClient;

beforeAll(async () => {
  wiki = await startWikiOfATest();
  client = wiki.client;
});

afterAll(async () => {
  await wiki.close();
});

const day = (number: number): string => `2024-05-${String(number).padStart(2, '0')}T08:00:00Z`;

async function pageOf(pageid: number): Promise<Readonly<Record<string, unknown>>> {
  return oneOf((await client.api({ prop: 'info', pageids: String(pageid) })).query?.pages ?? []);
}

describe('a deleted page', () => {
  test('takes its revisions out of the contributions and brings them back as they were', async () => {
    const [made] = await client.edit(
      { user: 'Del A', title: 'Doomed', timestamp: day(1), new: true },
      { user: 'Del B', title: 'Doomed', timestamp: day(2), sizediff: -3, tags: ['kept'] },
      { user: 'Del A', title: 'Spared', timestamp: day(3), new: true },
    );
    const before = await client.contributions('Del A|Del B');
    const place = { title: 'Doomed', ns: 0 };
    expect((await client.control('pages/delete', place)).status).toBe(200);
    expect((await client.contributions('Del A|Del B')).map(({ title }) => title)).toEqual(['Spared']);
    expect(await pageOf(made?.pageid ?? 0)).toEqual({ pageid: made?.pageid, missing: true });

    const back = await client.control('pages/undelete', place);
    expect(await back.json()).toEqual({ pageid: made?.pageid });
    expect(await client.contributions('Del A|Del B')).toEqual(before);
    expect(await pageOf(made?.pageid ?? 0)).toMatchObject({ title: 'Doomed', length: 7, new: true });
    await client.edit({ user: 'Del B', title: 'Doomed', timestamp: day(4) });
    expect(await pageOf(made?.pageid ?? 0)).not.toHaveProperty('new');
  });

  test('comes back into the page that has the title by then', async () => {
    const place = { title: 'Twice', ns: 0 };
    await client.edit({ user: 'Twice', title: 'Twice', timestamp: day(1), new: true });
    await client.control('pages/delete', place);
    const [second] = await client.edit({ user: 'Twice', title: 'Twice', timestamp: day(2), new: true });
    await client.control('pages/undelete', place);
    const found = await client.contributions('Twice');
    expect(found.map(({ pageid }) => pageid)).toEqual([second?.pageid, second?.pageid]);
    expect(found.map(({ top }) => top)).toEqual([true, false]);
  });

  test('has no other to delete, and nothing comes back twice', async () => {
    await client.edit({ user: 'Once', title: 'Once', timestamp: day(1), new: true });
    const place = { title: 'Once', ns: 0 };
    const statuses: number[] = [];
    for (const path of [
      'pages/undelete',
      'pages/delete',
      'pages/delete',
      'pages/undelete',
      'pages/undelete',
    ]) {
      statuses.push((await client.control(path, place)).status);
    }
    expect(statuses).toEqual([404, 200, 404, 200, 404]);
  });
});

describe('a moved page', () => {
  test('has its new title and namespace in all its contributions and keeps its id', async () => {
    const [made] = await client.edit(
      { user: 'Mover', title: 'Mover/sandbox', ns: 2, timestamp: day(1), new: true },
      { user: 'Mover', title: 'Mover/sandbox', ns: 2, timestamp: day(2) },
    );
    const move = { title: 'Mover/sandbox', ns: 2, to_title: 'Now an article', to_ns: 0 };
    expect((await client.control('pages/move', move)).status).toBe(200);
    expect(await client.contributions('Mover')).toMatchObject([
      { ns: 0, title: 'Now an article', pageid: made?.pageid, top: false },
      { ns: 0, title: 'Now an article', pageid: made?.pageid, new: true },
    ]);
    expect(await pageOf(made?.pageid ?? 0)).toMatchObject({ ns: 0, title: 'Now an article', length: 20 });
    const old = await client.api({ prop: 'info', titles: 'User:Mover/sandbox' });
    expect(old.query?.pages).toMatchObject([{ missing: true }]);
  });

  test('leaves a redirect where that is asked for', async () => {
    await client.edit({ user: 'Redirector', title: 'Old name', timestamp: day(1), new: true });
    await client.control('pages/move', {
      title: 'Old name',
      ns: 0,
      to_title: 'New name',
      to_ns: 0,
      redirect: true,
    });
    const plain = await client.api({ prop: 'info', titles: 'Old name' });
    expect(plain.query?.pages).toMatchObject([{ title: 'Old name', redirect: true }]);
    const followed = await client.api({ prop: 'info', titles: 'Old name', redirects: '1' });
    expect(followed.query).toMatchObject({
      redirects: [{ from: 'Old name', to: 'New name' }],
      pages: [{ title: 'New name' }],
    });
  });

  test('cannot take the title of another', async () => {
    await client.edit(
      { user: 'M', title: 'Here', timestamp: day(1), new: true },
      { user: 'M', title: 'There', timestamp: day(1), new: true },
    );
    const move = (title: string): Promise<Response> =>
      client.control('pages/move', { title, ns: 0, to_title: 'There', to_ns: 0 });
    expect((await move('Here')).status).toBe(409);
    expect((await move('Nowhere')).status).toBe(404);
  });
});

describe('control input', () => {
  test.each([
    [{}, 'expected array'],
    [
      [{ user: 'A#b', title: 'T', ns: 0, timestamp: day(1), sizediff: 1 }],
      '0.user: "A#b" cannot be a username',
    ],
    [[{ user: 'A', title: 'Talk:T', ns: 0, timestamp: day(1), sizediff: 1 }], 'give its number as ns'],
    [[{ user: 'A', title: 'T|', ns: 0, timestamp: day(1), sizediff: 1 }], 'invalid characters: "|"'],
    [[{ user: 'A', title: 'T', ns: 77, timestamp: day(1), sizediff: 1 }], '0.ns: '],
    [[{ user: 'A', title: 'T', ns: 0, timestamp: 'today', sizediff: 1 }], '0.timestamp: '],
    [[{ user: 'A', title: 'T', ns: 0, timestamp: day(1), sizediff: 1, ref: 1 }], '"ref"'],
  ])('that nobody can use is refused in a line: %j', async (body, text) => {
    const answer = await client.control('edits', body);
    expect(answer.status).toBe(400);
    const { error } = (await answer.json()) as { readonly error: string };
    expect(error).toContain(text);
    expect(error).not.toContain('\n');
  });

  test('without any edit changes nothing', async () => {
    expect(await client.edit()).toEqual([]);
  });

  test('registers users, who have no edits yet', async () => {
    const answer = await client.control('users', ['fresh face', 'Fresh face']);
    expect(await answer.json()).toMatchObject([{ user: 'Fresh face' }, { user: 'Fresh face' }]);
    expect(await client.contributions('Fresh face')).toEqual([]);
  });

  test('sent by several at once makes every edit once', async () => {
    const sent = Array.from({ length: 8 }, (_, index) =>
      client.edit({ user: `Rush ${index % 2}`, title: 'Rush', timestamp: day(index + 1) }),
    );
    await Promise.all(sent);
    const found = await client.contributions('Rush 0|Rush 1');
    expect(found).toHaveLength(8);
    expect(new Set(found.map(({ pageid }) => pageid)).size).toBe(1);
  });
});

describe('the reference counter', () => {
  test('counts what a revision has; hidden and deleted ones have no content, unknown ones are absent', async () => {
    const [one, two, hidden, deleted] = await client.edit(
      { user: 'Ref', title: 'Referenced', timestamp: day(1), new: true, refs: 3 },
      { user: 'Ref', title: 'Referenced', timestamp: day(2) },
      { user: 'Ref', title: 'Referenced', timestamp: day(3), refs: 5 },
      { user: 'Ref', title: 'Unreferenced', timestamp: day(4), new: true, refs: 7 },
    );
    await client.control('revisions/hide', { revids: [hidden?.revid] });
    await client.control('pages/delete', { title: 'Unreferenced', ns: 0 });
    const ids = [one, two, hidden, deleted].map((edit) => edit?.revid ?? 0);
    const answer = await client.references([...ids, 99_999_999]);
    const none = { num_ref: null, error: 'no content' };
    expect(await answer.json()).toEqual({
      [String(ids[0])]: { num_ref: 3 },
      [String(ids[1])]: { num_ref: 0 },
      [String(ids[2])]: none,
      [String(ids[3])]: none,
    });
  });

  test('refuses more than 50, and what is no list of ids', async () => {
    const ids = Array.from({ length: 51 }, (_, index) => index + 1);
    expect((await client.references(ids)).status).toBe(400);
    expect((await client.references(ids.slice(1))).status).toBe(200);
    expect((await client.references([])).status).toBe(400);
  });

  test('answers for one revision', async () => {
    const [made] = await client.edit({ user: 'Ref', title: 'Single', timestamp: day(1), new: true, refs: 2 });
    const url = `${client.wiki.url}/api/v1/references/wikipedia/en`;
    const answer = await fetch(`${url}/${made?.revid}`);
    expect(await answer.json()).toEqual({ num_ref: 2, lang: 'en', project: 'wikipedia', revid: made?.revid });
    expect((await fetch(`${url}/99999999`)).status).toBe(404);
    expect((await fetch(`${url}/x`)).status).toBe(400);
  });

  test('reads the revisions of a second wiki where it is told to', async () => {
    const other = await startSandboxWiki({
      databaseUrl: wiki.databaseUrl,
      port: 0,
      schema: 'sandbox_wiki_fr',
    });
    const first = await startSandboxWiki({
      databaseUrl: wiki.databaseUrl,
      port: 0,
      countedSchemas: { 'wikipedia/fr': 'sandbox_wiki_fr' },
    });
    try {
      const [made] = await new WikiClient(other).edit({
        user: 'Fr',
        title: 'Fr',
        timestamp: day(1),
        new: true,
        refs: 41,
      });
      const id = made?.revid ?? 0;
      const counter = new WikiClient(first);
      expect(await (await counter.references([id], 'wikipedia/fr')).json()).toEqual({
        [id]: { num_ref: 41 },
      });
      expect(await (await counter.references([id], 'wikipedia/en')).json()).not.toEqual({
        [id]: { num_ref: 41 },
      });
    } finally {
      await first.close();
      await other.close();
    }
  });
});

test('a restart loses nothing', async () => {
  await client.edit({ user: 'Lasting', title: 'Lasting', timestamp: day(1), new: true });
  await client.edit({ user: 'Lasting', title: 'Gone', timestamp: day(1), new: true });
  await client.control('pages/delete', { title: 'Gone', ns: 0 });
  const before = await client.contributions('Lasting');
  const { port } = client.wiki;
  client = await wiki.restart();
  expect(client.wiki.port).toBe(port);
  expect(await client.contributions('Lasting')).toEqual(before);
  expect((await client.control('pages/undelete', { title: 'Gone', ns: 0 })).status).toBe(200);
  expect(await client.contributions('Lasting')).toHaveLength(2);
});
