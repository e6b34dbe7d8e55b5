import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { oneOf, startWikiOfATest, type WikiClient, type WikiOfATest } from './wiki-client.ts';

let wiki: WikiOfATest;
let client: WikiClient;

beforeAll(async () => {
  wiki = await startWikiOfATest();
  client = wiki.client;
});

afterAll(async () => {
  await wiki.close();
});

const at = (day: number, time = '12:00:00'): string => `2024-03-${String(day).padStart(2, '0')}T${time}Z`;

describe('the order of contributions', () => {
  beforeAll(async () => {
    await client.edit(
      { user: 'Order A', title: 'Order one', timestamp: at(1), new: true },
      { user: 'Order B', title: 'Order one', timestamp: at(2) },
      { user: 'Order A', title: 'Order one', timestamp: at(3) },
      { user: 'Order B', title: 'Order one', timestamp: at(4) },
    );
  });

  const seen = async (users: string, ucdir: string): Promise<readonly string[]> =>
    (await client.contributions(users, { ucdir })).map(
      ({ user, timestamp }) => `${user} ${timestamp.slice(8, 10)}`,
    );

  test('is by user and then by time, not merged, whatever the order of the names', async () => {
    const newer = ['Order A 01', 'Order A 03', 'Order B 02', 'Order B 04'];
    expect(await seen('Order B|Order A', 'newer')).toEqual(newer);
    expect(await seen('Order A|Order B', 'newer')).toEqual(newer);
  });

  test('turns the users round too when the newest come first', async () => {
    expect(await seen('Order A|Order B', 'older')).toEqual([
      'Order B 04',
      'Order B 02',
      'Order A 03',
      'Order A 01',
    ]);
  });

  test('is by revision where the times are the same', async () => {
    const made = await client.edit(
      { user: 'Order C', title: 'Same', timestamp: at(5), new: true },
      { user: 'Order C', title: 'Same', timestamp: at(5) },
      { user: 'Order C', title: 'Same', timestamp: at(5) },
    );
    const ids = (await client.contributions('Order C', { ucdir: 'newer' })).map(({ revid }) => revid);
    expect(ids).toEqual(made.map(({ revid }) => revid));
  });
});

describe('a continuation', () => {
  const collect = async (
    users: string,
    ucdir: string,
    uclimit: string,
  ): Promise<readonly (readonly number[])[]> => {
    const pages: (readonly number[])[] = [];
    let next: Readonly<Record<string, string>> | undefined = {};
    while (next !== undefined) {
      const asked = { list: 'usercontribs', ucuser: users, ucprop: 'ids', ucdir, uclimit, ...next };
      const answer = await client.api(asked);
      pages.push((answer.query?.usercontribs ?? []).map(({ revid }) => revid));
      next = answer.continue;
    }
    return pages;
  };

  beforeAll(async () => {
    await client.edit(
      ...[1, 2, 3, 3, 4].flatMap((day) =>
        ['Cont A', 'Cont B', 'Cont C'].map((user) => ({ user, title: 'Continued', timestamp: at(day) })),
      ),
    );
  });

  test.each([
    ['Cont A|Cont B|Cont C', 'newer'],
    ['Cont A|Cont B|Cont C', 'older'],
    ['Cont B', 'newer'],
    ['Cont B', 'older'],
    ['Cont B|Nobody at all', 'older'],
  ])('gives every edit of %s once, %s first as in one page', async (users, ucdir) => {
    const whole = oneOf(await collect(users, ucdir, 'max'));
    const pages = await collect(users, ucdir, '2');
    expect(whole.length).toBeGreaterThan(4);
    expect(pages.flat()).toEqual(whole);
    expect(pages.map((page) => page.length)).toEqual(
      pages.map((_, index) => Math.min(2, whole.length - 2 * index)),
    );
  });

  test('is absent when the last page is exactly full', async () => {
    expect(await collect('Cont A', 'older', '5')).toHaveLength(1);
  });

  test('has the form of MediaWiki, which differs for one user and for several', async () => {
    const one = await client.api({ list: 'usercontribs', ucuser: 'Cont A', uclimit: '1' });
    const several = await client.api({ list: 'usercontribs', ucuser: 'Cont A|Cont B', uclimit: '1' });
    expect(one.continue).toEqual({
      continue: '-||',
      uccontinue: expect.stringMatching(/^\d{14}\|\d+$/) as string,
    });
    expect(several.continue?.['uccontinue']).toMatch(/^actor\|\d+\|\d{14}\|\d+$/);
  });

  test('of one user is refused for several, and so is nonsense', async () => {
    const answer = await client.api({
      list: 'usercontribs',
      ucuser: 'Cont A|Cont B',
      uccontinue: '20240301120000|1',
    });
    expect(answer.error?.code).toBe('badcontinue');
    const nonsense = await client.api({ list: 'usercontribs', ucuser: 'Cont A', uccontinue: 'zzz' });
    expect(nonsense.error?.code).toBe('badcontinue');
  });
});

describe('a window of time', () => {
  beforeAll(async () => {
    await client.edit(
      ...['11:59:59', '12:00:00', '12:00:01', '12:00:02'].map((time) => ({
        user: 'Window',
        title: 'Windows',
        timestamp: at(9, time),
      })),
    );
  });

  test.each([
    [{ ucdir: 'newer', ucstart: at(9, '12:00:00'), ucend: at(9, '12:00:01') }, ['12:00:00', '12:00:01']],
    [{ ucdir: 'older', ucstart: at(9, '12:00:01'), ucend: at(9, '12:00:00') }, ['12:00:01', '12:00:00']],
    [{ ucdir: 'older', ucstart: '20240309115959' }, ['11:59:59']],
    [{ ucdir: 'newer', ucstart: String(Date.UTC(2024, 2, 9, 12, 0, 2) / 1000) }, ['12:00:02']],
    [{ ucdir: 'newer', ucstart: '2024-03-09T14:00:02+02:00' }, ['12:00:02']],
    [{ ucdir: 'newer', ucstart: '2024-02-38T12:00:02Z' }, ['12:00:02']],
    [{ ucdir: 'older', ucstart: at(9, '12:00:00'), ucend: at(9, '12:00:01') }, []],
  ])('is inclusive at both ends: %o', async (window, times) => {
    const found = await client.contributions('Window', window);
    expect(found.map(({ timestamp }) => timestamp.slice(11, 19))).toEqual(times);
  });

  test.each(['yesterday', '2024-03-09', '2024-3-9T12:00:00Z', '2024-03-09T12:00Z'])(
    'in a form that MediaWiki does not take (%s) is refused',
    async (ucstart) => {
      const answer = await client.api({ list: 'usercontribs', ucuser: 'Window', ucstart });
      expect(answer.error).toMatchObject({ code: 'badtimestamp' });
    },
  );
});

describe('users', () => {
  beforeAll(async () => {
    await client.edit({ user: 'Élise van_Dam', title: 'Named', timestamp: at(1), new: true });
  });

  test.each([
    ...['élise van Dam', 'Élise_van_Dam', ' User:élise van Dam '],
    ...['Élise van Dam'.normalize('NFD'), '\u200eÉlise van Dam\u200f'],
  ])('are found as %j', async (typed) => {
    expect(await client.contributions(typed)).toMatchObject([{ user: 'Élise van Dam' }]);
  });

  test('who are unknown give nothing and spoil nothing', async () => {
    expect(await client.contributions('Nobody')).toEqual([]);
    expect(await client.contributions('Nobody|Élise van Dam|192.0.2.7')).toHaveLength(1);
  });

  test.each(['A#b', 'A[b', 'A/b', 'Talk:A', '', ' ', '..', 'a%41', 'A\tb', '192.0.2.256'])(
    'with a malformed name (%j) fail the whole request with baduser, inside status 200',
    async (name) => {
      const answer = await client.raw({
        list: 'usercontribs',
        ucuser: `Élise van Dam|${name}`,
        formatversion: '2',
      });
      expect(answer.status).toBe(200);
      expect(answer.headers.get('mediawiki-api-error')).toBe('baduser');
      expect(await answer.json()).toMatchObject({
        error: { code: 'baduser', info: `Invalid value "${name}" for user parameter "ucuser".` },
      });
    },
  );

  test('over 50 in one request are refused, 50 are not', async () => {
    const names = Array.from({ length: 49 }, (_, index) => `U${index}`);
    const fifty = [...names, 'Élise van Dam'].join('|');
    expect(await client.contributions(fifty)).toHaveLength(1);
    const answer = await client.api({ list: 'usercontribs', ucuser: `${fifty}|One more` });
    expect(answer.error).toMatchObject({ code: 'toomanyvalues', limit: 50 });
  });

  test('can be renamed, and their edits with them', async () => {
    await client.edit({ user: 'Before', title: 'Renamed', timestamp: at(1), new: true });
    await client.control('users/rename', { from: 'Before', to: 'After' });
    expect(await client.contributions('Before|After')).toMatchObject([{ user: 'After', title: 'Renamed' }]);
  });
});

describe('what is told of an edit', () => {
  test('follows from the edits that were given', async () => {
    const [first, second] = await client.edit(
      { user: 'Told', title: 'told page', ns: 118, timestamp: at(1), sizediff: 100, new: true },
      {
        user: 'Told',
        title: 'Told_page',
        ns: 118,
        timestamp: at(2),
        sizediff: -30,
        tags: ['OAuth CID: 252', 'x'],
      },
    );
    expect(await client.contributions('Told', { ucdir: 'newer' })).toEqual([
      {
        userid: expect.any(Number) as number,
        user: 'Told',
        pageid: first?.pageid,
        revid: first?.revid,
        parentid: 0,
        ns: 118,
        title: 'Draft:Told page',
        timestamp: at(1),
        new: true,
        minor: false,
        top: false,
        size: 100,
        sizediff: 100,
        tags: [],
      },
      {
        userid: expect.any(Number) as number,
        user: 'Told',
        pageid: first?.pageid,
        revid: second?.revid,
        parentid: first?.revid,
        ns: 118,
        title: 'Draft:Told page',
        timestamp: at(2),
        new: false,
        minor: false,
        top: true,
        size: 70,
        sizediff: -30,
        tags: ['OAuth CID: 252', 'x'],
      },
    ]);
  });

  test('an edit of a page that was never made has a parent by somebody else', async () => {
    await client.edit({ user: 'Later', title: 'Was there', timestamp: at(2), sizediff: -40 });
    const [edit] = await client.contributions('Later');
    expect(edit).toMatchObject({ new: false, sizediff: -40 });
    expect(edit?.parentid).toBeGreaterThan(0);
  });

  test('the parent is the newest revision before it in time, though it was made later', async () => {
    const [late] = await client.edit({ user: 'Past', title: 'Past', timestamp: at(9), new: true });
    const [early] = await client.edit({ user: 'Past', title: 'Past', timestamp: at(3) });
    const [between] = await client.edit({ user: 'Past', title: 'Past', timestamp: at(5) });
    expect(between?.parentid).toBe(early?.revid);
    expect((await client.contributions('Past', { ucshow: 'top' })).map(({ revid }) => revid)).toEqual([
      late?.revid,
    ]);
  });

  test('is filtered by namespace, newness and tag', async () => {
    await client.edit(
      { user: 'Filter', title: 'Filter', ns: 0, timestamp: at(1), new: true },
      { user: 'Filter', title: 'Filter', ns: 1, timestamp: at(2), tags: ['here'] },
      { user: 'Filter', title: 'Filter', ns: 2, timestamp: at(3) },
    );
    const namespaces = async (more: Readonly<Record<string, string>>): Promise<readonly number[]> =>
      (await client.contributions('Filter', { ucdir: 'newer', ...more })).map(({ ns }) => ns);
    expect(await namespaces({ ucnamespace: '0|2' })).toEqual([0, 2]);
    expect(await namespaces({ ucshow: 'new' })).toEqual([0]);
    expect(await namespaces({ ucshow: '!new' })).toEqual([1, 2]);
    expect(await namespaces({ uctag: 'here' })).toEqual([1]);
    expect(await namespaces({ ucnamespace: '*' })).toEqual([0, 1, 2]);
  });

  test('with hidden text says so, keeps its size, and is gone with a hidden name', async () => {
    const [edit] = await client.edit({
      user: 'Hidden',
      title: 'Hidden',
      timestamp: at(1),
      sizediff: 60,
      new: true,
    });
    await client.control('revisions/hide', { revids: [edit?.revid] });
    const [hidden] = await client.contributions('Hidden');
    expect(hidden).toMatchObject({ texthidden: true, size: 60, sizediff: 60 });
    expect(hidden).not.toHaveProperty('suppressed');
    await client.control('revisions/hide', { revids: [edit?.revid], suppressed: true });
    expect(await client.contributions('Hidden')).toMatchObject([{ texthidden: true, suppressed: true }]);
    await client.control('revisions/hide', { revids: [edit?.revid], hidden: ['user'] });
    expect(await client.contributions('Hidden')).toEqual([]);
    await client.control('revisions/hide', { revids: [edit?.revid], hidden: [] });
    expect(oneOf(await client.contributions('Hidden'))).not.toHaveProperty('texthidden');
  });
});
