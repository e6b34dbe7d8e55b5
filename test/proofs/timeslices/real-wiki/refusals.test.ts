import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { whyNoMediaWiki } from '../../../support/mediawiki.ts';
import { expectAlike } from './alike.ts';
import { SET_UP_MS, startTwoWikis, type Parameters, type TwoWikis } from './two-wikis.ts';

const missing = whyNoMediaWiki();
const skipped = missing === undefined ? '' : ` (skipped: ${missing})`;

const contributions: Parameters = { list: 'usercontribs', ucuser: 'Ada' };
const names = (count: number): string =>
  Array.from({ length: count }, (_, index) => `Name ${index}`).join('|');

/** As the product asks, as people do, and in words. */
const formats = ['raw', 'bc', 'plaintext'];

describe.skipIf(missing !== undefined)(
  `refusals of a real MediaWiki and of the sandbox wiki${skipped}`,
  () => {
    let wikis: TwoWikis;
    beforeAll(async () => {
      const edit = {
        user: 'Ada',
        title: 'Page',
        ns: 0,
        timestamp: '2024-03-01T00:00:00Z',
        sizediff: 5,
        new: true,
      };
      wikis = await startTwoWikis(['Ada'], [edit]);
    }, SET_UP_MS);
    afterAll(() => wikis.close());

    test.each([
      ...[
        'A#b',
        '#',
        '',
        'A[b',
        'A<b',
        'A>b',
        'A{b',
        'A/b',
        '/',
        'Talk:Ada',
        'File:Ada.png',
        'User:',
        'User talk:Ada',
      ],
      ...[
        '~~~',
        '%41',
        '.',
        '..',
        './Ada',
        '&amp;',
        'Ada\tB',
        'Ada\u0000B',
        'A@b',
        'A:b',
        ':Ada',
        '_',
        ' ',
        '192.0.2.256',
      ],
      ...[
        '192.0.2.0/24',
        '192.0.2.xxx',
        '2001:db8::1',
        '2001:DB8:0::1',
        '::',
        'imported>Ada',
        'x'.repeat(255),
      ],
      ...[
        'x'.repeat(256),
        'é'.repeat(128),
        '\u200e',
        'Ада',
        '阿達',
        '🙂',
        'ß',
        'ǆ',
        'ÿ',
        'İ',
        'Special:Ada',
        'Media:Ada',
      ],
    ])('of names are the same: %j', async (name) => {
      for (const ucuser of [name, `Ada|${name}|Nobody`]) {
        await expectAlike(wikis, { ...contributions, ucuser, errorformat: 'raw' });
      }
    });

    test.each<[string, Parameters]>([
      ['no user', { list: 'usercontribs' }],
      ['names with another separator', { ...contributions, ucuser: '\u001fAda\u001fA|b' }],
      ['two malformed names', { ...contributions, ucuser: 'A#b|Ada|C#d' }],
      ['fifty names', { ...contributions, ucuser: names(50) }],
      ['fifty-one names', { ...contributions, ucuser: names(51) }],
      ['a time that is none', { ...contributions, ucstart: 'yesterday' }],
      ['a day without a time', { ...contributions, ucend: '2024-03-09' }],
      ['a limit of nothing', { ...contributions, uclimit: '0' }],
      ['a limit beyond the limit', { ...contributions, uclimit: '501' }],
      ['a limit that is no number', { ...contributions, uclimit: 'many' }],
      ['a direction that is none', { ...contributions, ucdir: 'sideways' }],
      ['unknown properties', { ...contributions, ucprop: 'ids|texts|words' }],
      ['unknown namespaces', { ...contributions, ucnamespace: '0|7777' }],
      ['contradicting filters', { ...contributions, ucshow: 'new|!new' }],
      ['a property for patrols', { ...contributions, ucprop: 'patrolled' }],
      ['an invented continuation', { ...contributions, uccontinue: 'nonsense' }],
      ['unknown parameters', { ...contributions, ucusers: 'Ada', colour: 'red' }],
      ['an unknown list', { list: 'nothing' }],
      ['nothing at all', {}],
      ['a maximal lag that is no number', { maxlag: 'x' }],
      ['somebody who must be logged in', { ...contributions, assert: 'user' }],
      ['somebody who must be a bot', { ...contributions, assert: 'bot' }],
      ['somebody who must not be logged in', { ...contributions, assert: 'anon' }],
      ['an unknown format of errors', { ...contributions, errorformat: 'rhymes' }],
    ])('of requests are the same: %s', async (_what, parameters) => {
      for (const errorformat of formats) await expectAlike(wikis, { errorformat, ...parameters });
    });

    test('of an unknown action are the same, but for the actions that there are', async () => {
      const asked = { action: 'shout' };
      await expectAlike(wikis, asked);
      const [real, sandbox] = await Promise.all([wikis.real.ask(asked), wikis.sandbox.ask(asked)]);
      expect(real).toMatchObject({ status: 200, headers: { 'mediawiki-api-error': 'badvalue' } });
      expect(sandbox.headers).toEqual(real.headers);
    });

    test('for its lag are the same, but for whose lag it is', async () => {
      await expectAlike(wikis, { ...contributions, maxlag: '0' });
      // A wiki with one database is minus one second behind.
      const real = await wikis.real.ask({ ...contributions, maxlag: '-2', errorformat: 'raw' });
      const sandbox = await wikis.sandbox.ask({ ...contributions, maxlag: '-1', errorformat: 'raw' });
      const said = (lag: number): object => ({
        status: 200,
        headers: { 'mediawiki-api-error': 'maxlag', 'retry-after': '5', 'x-database-lag': String(lag) },
        body: {
          errors: [
            {
              code: 'maxlag',
              key: 'apierror-maxlag-generic',
              params: [lag],
              data: { lag, type: 'db' },
              module: 'main',
            },
          ],
        },
      });
      expect([real, sandbox]).toMatchObject([said(-1), said(0)]);
    });
  },
);
