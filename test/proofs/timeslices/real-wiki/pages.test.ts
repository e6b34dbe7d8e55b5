import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { whyNoMediaWiki } from '../../../support/mediawiki.ts';
import { expectAlike, NEVER_AN_ID, type Request } from './alike.ts';
import { courseEdits, users } from './course-edits.ts';
import { SET_UP_MS, startTwoWikis, type Parameters, type Side, type TwoWikis } from './two-wikis.ts';

const missing = whyNoMediaWiki();
const skipped = missing === undefined ? '' : ` (skipped: ${missing})`;

const info: Parameters = { prop: 'info', errorformat: 'raw' };
const place = (title: string, ns = 0) => ({ ns, title });

/** Ids of pages as they were loaded; ids that no wiki has follow. */
function ids(side: Side, names: readonly string[], absent = 0): Parameters {
  const found = names.map((name) => {
    const id = side.pageIds.get(name);
    if (id === undefined) throw new Error(`${side.name} has no page ${name}`);
    return id;
  });
  const others = Array.from({ length: absent }, (_, index) => NEVER_AN_ID + index);
  return { pageids: [...found, ...others].join('|') };
}

describe.skipIf(missing !== undefined)(`pages in a real MediaWiki and in the sandbox wiki${skipped}`, () => {
  let wikis: TwoWikis;
  beforeAll(async () => {
    wikis = await startTwoWikis(users, courseEdits);
  }, SET_UP_MS);
  afterAll(() => wikis.close());

  const everyPage = [...new Set(courseEdits.map(({ ns, title }) => `${ns}:${title}`))].slice(0, 40);

  test.each<[string, Request]>([
    ['one', (side) => ids(side, ['0:Physics'])],
    ['forty, and ten that never were', (side) => ids(side, everyPage, 10)],
    ['one that never was', (side) => ids(side, [], 1)],
    ['one twice', (side) => ids(side, ['0:Physics', '118:Comet', '0:Physics'])],
    ['no id at all', { pageids: '' }],
    ['ids that no page can have', { pageids: '0|-1' }],
    ['what is no id', { pageids: 'Physics' }],
    ['more than a request may name', (side) => ids(side, ['0:Physics'], 50)],
    [
      'titles',
      { titles: 'Physics|Draft:Comet|user:ada Lovelace/sandbox|Nowhere|Sandbox:About|Project:About' },
    ],
    [
      'titles spelled otherwise',
      { titles: 'physics|draft_talk:Comet|:Physics|Physics#History|Talk:Physics' },
    ],
    ['a title and an id', (side) => ({ titles: 'Physics', ...ids(side, ['0:Physics']) })],
    ['the old format', (side) => ({ ...ids(side, ['0:Physics'], 1), formatversion: '1' })],
    [
      'a revision of theirs',
      (side) => ({ revids: [...side.revisionIds.values()].slice(0, 2).concat(NEVER_AN_ID).join('|') }),
    ],
  ])('are described alike: %s', async (_what, request) => {
    await expectAlike(wikis, (side) => ({
      ...info,
      ...(typeof request === 'function' ? request(side) : request),
    }));
  });

  test('are described alike when they are deleted, moved, restored, and their titles taken again', async () => {
    const loaded = ['0:Doomed', '0:Wanderer', '0:Signpost', '118:Comet', '0:Secrets', '0:Old page'];
    const described = (): Promise<unknown> =>
      expectAlike(wikis, (side) => ({ ...info, ...ids(side, loaded) }));
    const titles = 'Doomed|Wanderer|Arrived|Signpost|Elsewhere|Draft:Comet|Comet|Secrets';
    const titled = (): Promise<unknown> => expectAlike(wikis, { ...info, titles });

    await wikis.change(async (changes) => {
      await changes.deletePage(place('Doomed'));
      await changes.movePage(place('Wanderer'), place('Arrived'), { redirect: false });
      await changes.movePage(place('Signpost'), place('Elsewhere'), { redirect: true });
      await changes.movePage(place('Comet', 118), place('Comet'), { redirect: true });
    });
    expect(JSON.stringify(await described())).toMatch(/"pageid":"0:Doomed","missing":true/);
    await titled();
    await expectAlike(wikis, { ...info, titles, redirects: '1' });

    await wikis.change((changes) => changes.undeletePage(place('Doomed')));
    expect(JSON.stringify(await described())).not.toContain('missing');
    await titled();

    // A new page takes the place of a deleted one, which is then another page.
    await wikis.change((changes) => changes.deletePage(place('Secrets')));
    const again = { user: 'Bede', title: 'Secrets', ns: 0, timestamp: '2024-04-01T00:00:00Z', sizediff: 99 };
    await wikis.edit([{ ...again, new: true }]);
    expect(JSON.stringify(await described())).toMatch(/"pageid":"0:Secrets","missing":true/);
    await titled();
  });
});
