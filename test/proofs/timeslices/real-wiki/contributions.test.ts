import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { whyNoMediaWiki } from '../../../support/mediawiki.ts';
import { expectAlike, expectSameWalk, type Request } from './alike.ts';
import { BUSY, BUSY_EDITS, edits, groupNames, GUEST, march, users } from './course-edits.ts';
import { revisionName, SET_UP_MS, startTwoWikis, type Parameters, type TwoWikis } from './two-wikis.ts';

const missing = whyNoMediaWiki();
const skipped = missing === undefined ? '' : ` (skipped: ${missing})`;

/** As the product asks. */
const asked: Parameters = {
  list: 'usercontribs',
  ucprop: 'ids|title|timestamp|size|sizediff|flags|tags',
  ucdir: 'newer',
  uclimit: 'max',
  errorformat: 'raw',
};
const several = ['Ada Lovelace', 'Bede', 'Cyd-9', 'Žofie Nováková'].join('|');

describe.skipIf(missing !== undefined)(
  `contributions in a real MediaWiki and in the sandbox wiki${skipped}`,
  () => {
    let wikis: TwoWikis;
    beforeAll(async () => {
      wikis = await startTwoWikis(users, edits);
    }, SET_UP_MS);
    afterAll(() => wikis.close());

    test.each<[string, Parameters]>([
      ['one user', { ucuser: 'Ada Lovelace' }],
      ['one user, newest first', { ucuser: 'Ada Lovelace', ucdir: 'older' }],
      ['several users', { ucuser: several }],
      ['several users, newest first', { ucuser: several, ucdir: 'older' }],
      ['several users in another order', { ucuser: several.split('|').toReversed().join('|') }],
      ['fifty users', { ucuser: groupNames.join('|') }],
      ['a user who never edited', { ucuser: 'Silent' }],
      ['a name that nobody has', { ucuser: 'Nobody of that name' }],
      ['names that nobody has among others', { ucuser: `Nobody|${several}|Silent|Nobody else` }],
      ['an address', { ucuser: GUEST }],
      ['an address among users', { ucuser: `Ada Lovelace|${GUEST}|Bede` }],
      ['a name spelled otherwise', { ucuser: 'ada_Lovelace|User:Bede|user:_cyd-9| Žofie  Nováková ' }],
      ['one name in two spellings', { ucuser: 'Bede|bede' }],
      ['an accent in two characters', { ucuser: 'Žofie Nováková'.normalize('NFD') }],
      ['a name with marks of direction', { ucuser: '\u200eBede\u200f' }],
      ['a foreign namespace of users', { ucuser: 'Benutzer:Bede' }],
      ['the usual properties', { ucuser: several, ucprop: 'ids|title|timestamp|comment|flags|size' }],
      ['one property', { ucuser: 'Bede', ucprop: 'sizediff' }],
      ['tracked namespaces', { ucuser: several, ucnamespace: '0|2|118' }],
      ['new pages', { ucuser: several, ucshow: 'new' }],
      ['what is not on top', { ucuser: several, ucshow: '!top|!new' }],
      ['a tag', { ucuser: several, uctag: 'OAuth CID: 252' }],
      ['a tag that nobody uses', { ucuser: several, uctag: 'none' }],
      ['the old error format', { ucuser: several, errorformat: 'bc' }],
      ['the old format', { ucuser: several, formatversion: '1' }],
      ['a window whose ends are edits', { ucuser: several, ucstart: march(3), ucend: march(10) }],
      ['a window one second too late', { ucuser: several, ucstart: march(3, '12:00:01'), ucend: march(10) }],
      ['a window one second too short', { ucuser: several, ucstart: march(3), ucend: march(9, '23:59:59') }],
      ['a window of one second', { ucuser: several, ucstart: march(10), ucend: march(10) }],
      ['a window that ends before it begins', { ucuser: several, ucstart: march(10), ucend: march(3) }],
      [
        'a window in another zone',
        { ucuser: several, ucstart: '2024-03-03T14:00:00+02:00', ucend: march(9) },
      ],
      ['a window from a day that there is not', { ucuser: several, ucstart: '2024-02-32T12:00:00Z' }],
      ['a window in seconds of Unix', { ucuser: several, ucstart: String(Date.parse(march(5)) / 1000) }],
    ])('are the same for %s', async (_what, parameters) => {
      await expectAlike(wikis, { ...asked, ...parameters });
    });

    test.each<[string, Parameters, readonly number[]]>([
      ['one user by ones', { ucuser: 'Cyd-9', uclimit: '1' }, [1, 1, 1, 1, 1]],
      [
        'one second by ones',
        { ucuser: 'Bede', ucstart: march(10), ucend: march(10), uclimit: '1' },
        [1, 1, 1],
      ],
      [
        'several users by twos',
        { ucuser: 'Cyd-9|Žofie Nováková|Éa (tutor)', uclimit: '2' },
        [2, 2, 2, 2, 2, 1],
      ],
      ['a busy user by the maximum', { ucuser: BUSY }, [500, BUSY_EDITS - 500]],
    ])('are walked through alike: %s', async (_what, parameters, rows) => {
      expect(await expectSameWalk(wikis, { ...asked, ...parameters })).toEqual(rows);
      await expectSameWalk(wikis, { ...asked, ...parameters, ucdir: 'older', ...reversed(parameters) });
    });

    test('of fifty users are walked through alike, by sevens, both ways', async () => {
      const parameters = { ...asked, ucuser: groupNames.join('|'), uclimit: '7' };
      const rows = await expectSameWalk(wikis, parameters);
      expect(rows.length).toBeGreaterThan(10);
      await expectSameWalk(wikis, { ...parameters, ucdir: 'older' });
    });

    test('behind earlier ones, imported later, keep the others their parents', async () => {
      await wikis.edit([
        { user: 'Bede', title: 'Physics', ns: 0, timestamp: march(2, '18:00:00'), sizediff: 1000 },
        { user: 'Silent', title: 'Burst 1', ns: 0, timestamp: march(1), sizediff: 7, new: true },
      ]);
      await expectAlike(wikis, { ...asked, ucuser: `${several}|Silent` });
    });

    describe('after changes', () => {
      const everybody: Request = { ...asked, ucuser: `${several}|Éa (tutor)|Silent|Move page script` };
      const place = (title: string, ns = 0) => ({ ns, title });

      test('of a deleted page are gone, and come back when it is restored', async () => {
        await wikis.change((changes) => changes.deletePage(place('Doomed')));
        const gone = await expectAlike(wikis, everybody);
        await wikis.change((changes) => changes.undeletePage(place('Doomed')));
        const back = await expectAlike(wikis, everybody);
        expect([JSON.stringify(gone), JSON.stringify(back)].map((text) => text.includes('Doomed'))).toEqual([
          false,
          true,
        ]);
      });

      test('of a moved page have its new title, with and without a redirect', async () => {
        await wikis.change((changes) =>
          changes.movePage(place('Wanderer'), place('Arrived'), { redirect: false }),
        );
        await wikis.change((changes) =>
          changes.movePage(place('Signpost'), place('Elsewhere'), { redirect: true }),
        );
        await wikis.change((changes) =>
          changes.movePage(place('Comet', 118), place('Comet'), { redirect: true }),
        );
        await expectAlike(wikis, everybody);
      });

      test('whose text, user or both are hidden are marked or left out', async () => {
        const id = (side: TwoWikis['real'], time: string): number => {
          const secret = { user: 'Éa (tutor)', timestamp: march(13, time), ns: 0, title: 'Secrets' };
          return side.revisionIds.get(revisionName(secret)) ?? Number.NaN;
        };
        await wikis.change((changes, side) => changes.hide(id(side, '12:00:00'), { text: true }));
        await wikis.change((changes, side) => changes.hide(id(side, '12:30:00'), { user: true }));
        await wikis.change((changes, side) =>
          changes.hide(id(side, '13:00:00'), { text: true, suppressed: true }),
        );
        const said = await expectAlike(wikis, { ...asked, ucuser: 'Éa (tutor)' });
        expect(JSON.stringify(said).match(/texthidden/g)).toHaveLength(2);
      });
    });
  },
);

/** The other way round a window begins at its end. */
function reversed({ ucstart, ucend }: Parameters): Parameters {
  return ucstart === undefined || ucend === undefined ? {} : { ucstart: ucend, ucend: ucstart };
}
