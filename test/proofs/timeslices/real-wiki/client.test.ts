import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  createWikiClient,
  type Continuation,
  type ContributionsAnswer,
  type WikiClient,
} from '../../../../platform/wiki/client.ts';
import { whyNoMediaWiki } from '../../../support/mediawiki.ts';
import { NEVER_AN_ID } from './alike.ts';
import { BUSY, BUSY_EDITS, edits, groupNames, GUEST, march, users } from './course-edits.ts';
import { revisionName, SET_UP_MS, startTwoWikis, type Side, type TwoWikis } from './two-wikis.ts';

const missing = whyNoMediaWiki();
const skipped = missing === undefined ? '' : ` (skipped: ${missing})`;

const second = (timestamp: string): number => Date.parse(timestamp) / 1000;
const wholeCourse = { from: second(march(1, '00:00:00')), to: second(march(31)) };
const place = (title: string, ns = 0) => ({ ns, title });

describe.skipIf(missing !== undefined)(`what the product reads of a real MediaWiki${skipped}`, () => {
  let wikis: TwoWikis;
  let clients: Readonly<Record<Side['name'], WikiClient>>;
  beforeAll(async () => {
    wikis = await startTwoWikis(users, edits);
    const open = ({ url }: Side): WikiClient =>
      createWikiClient({ apiUrl: `${url}/w/api.php`, userAgent: 'registrar-test', timeoutMs: 20_000 });
    clients = { MediaWiki: open(wikis.real), sandbox: open(wikis.sandbox) };
  }, SET_UP_MS);
  afterAll(async () => {
    await Promise.all([clients.MediaWiki.close(), clients.sandbox.close()]);
    await wikis.close();
  });

  /** Asks both, with ids made comparable; both must say the same. Returns what the real one says. */
  async function both<Said>(ask: (client: WikiClient, side: Side) => Promise<Said>): Promise<Said> {
    const [real, sandbox] = await Promise.all([
      ask(clients.MediaWiki, wikis.real),
      ask(clients.sandbox, wikis.sandbox),
    ]);
    expect(sandbox).toEqual(real);
    return real;
  }

  test.each<[string, readonly string[]]>([
    ['one user', ['Ada Lovelace']],
    ['several, some of whom never edited', ['Ada Lovelace', 'Silent', 'Cyd-9', 'Nobody', 'Bede', GUEST]],
    [
      'names spelled otherwise',
      ['ada_Lovelace', 'User:Bede', 'Žofie Nováková'.normalize('NFD'), '\u200eÉa (tutor)'],
    ],
    ['fifty', groupNames],
    ['one with more than a page of edits', [BUSY, 'Silent']],
  ])('are the contributions of %s', async (_what, usernames) => {
    const pages = await both((client, side) => walk(client, side, usernames, wholeCourse));
    const loaded = new Set(pages.flat().map(({ revision }) => revision));
    expect(loaded.size).toBe(pages.flat().length);
    if (usernames.includes(BUSY)) expect(pages.map((page) => page.length)).toEqual([500, BUSY_EDITS - 500]);
    if (usernames === groupNames) {
      expect(loaded).toEqual(new Set(edits.filter(({ user }) => user.startsWith('Group')).map(revisionName)));
    }
  });

  test('is a window with both its ends', async () => {
    const window = { from: second(march(3)), to: second(march(9)) };
    const pages = await both((client, side) => walk(client, side, ['Ada Lovelace', 'Cyd-9'], window));
    const times = pages.flat().map(({ at }) => at);
    expect([Math.min(...times), Math.max(...times)]).toEqual([window.from, window.to]);
  });

  test.each(['A#b', 'A/b', 'Talk:Ada', 'A[b', '192.0.2.256', 'x'.repeat(256), 'A|b', '', '%41'])(
    'is which name is malformed: %j',
    async (name) => {
      const usernames = ['Ada Lovelace', name, 'Bede'];
      const said = await both((client) => client.listContributions({ usernames, ...wholeCourse }));
      expect(said).toEqual({ kind: 'bad-user', username: name });
    },
  );

  test('are texts that were hidden, pages that were deleted, moved and restored', async () => {
    await wikis.change(async (changes, side) => {
      const secret = { user: 'Éa (tutor)', timestamp: march(13), ns: 0, title: 'Secrets' };
      await changes.hide(side.revisionIds.get(revisionName(secret)) ?? Number.NaN, { text: true });
      await changes.deletePage(place('Doomed'));
      await changes.movePage(place('Wanderer'), place('Way out', 118), { redirect: true });
      await changes.deletePage(place('Signpost'));
      await changes.undeletePage(place('Signpost'));
    });
    const names = ['0:Doomed', '0:Wanderer', '0:Signpost', '1:Physics', '2:Ada Lovelace/sandbox'];
    const pages = await both(async (client, side) => {
      const ids = names.map((name) => side.pageIds.get(name) ?? Number.NaN);
      const states = await client.describePages([...ids, NEVER_AN_ID]);
      return states.map(({ pageId: _, ...state }) => state);
    });
    expect(pages).toEqual([
      { kind: 'missing' },
      { kind: 'live', namespace: 118, title: 'Way_out' },
      { kind: 'live', namespace: 0, title: 'Signpost' },
      { kind: 'live', namespace: 1, title: 'Physics' },
      { kind: 'live', namespace: 2, title: 'Ada_Lovelace/sandbox' },
      { kind: 'missing' },
    ]);
    const rows = await both((client, side) =>
      walk(client, side, ['Éa (tutor)', 'Cyd-9', 'Bede'], wholeCourse),
    );
    expect(rows.flat().filter(({ isTextHidden }) => isTextHidden)).toHaveLength(1);
  });

  test('is what the wiki calls itself', async () => {
    const site = await clients.MediaWiki.describeSite();
    expect(site).toEqual({
      name: 'Sandbox',
      server: wikis.real.url,
      language: 'en',
      generator: expect.stringMatching(/^MediaWiki \d/) as string,
    });
    expect(await clients.sandbox.describeSite()).toEqual({
      ...site,
      server: wikis.sandbox.url,
      generator: expect.stringMatching(/^MediaWiki \d/) as string,
    });
  });
});

type Row = Omit<
  Extract<ContributionsAnswer, { kind: 'page' }>['contributions'][number],
  'revisionId' | 'parentId' | 'pageId'
> & {
  readonly revision: string | undefined;
  readonly parent: string | undefined;
  readonly page: string | undefined;
};

/** All pages of what a client reads, ids replaced by the names of what they are ids of. */
async function walk(
  client: WikiClient,
  side: Side,
  usernames: readonly string[],
  window: { readonly from: number; readonly to: number },
): Promise<readonly (readonly Row[])[]> {
  const revisions = new Map([...side.revisionIds].map(([name, id]) => [id, name]));
  const pageNames = new Map([...side.pageIds].map(([name, id]) => [id, name]));
  const pages: (readonly Row[])[] = [];
  let continuation: Continuation | undefined;
  do {
    const answer = await client.listContributions({ usernames, ...window, continuation });
    if (answer.kind === 'bad-user') throw new Error('a name is malformed');
    pages.push(
      answer.contributions.map(({ revisionId, parentId, pageId, ...row }) => ({
        ...row,
        revision: revisions.get(revisionId),
        parent: parentId === 0 ? 'none' : revisions.get(parentId),
        page: pageNames.get(pageId),
      })),
    );
    continuation = answer.continuation;
  } while (continuation !== undefined);
  return pages;
}
