import { describe, expect, it } from 'vitest';
import { readCourse, type CourseFile } from '../../../domain/timeslices/course-file.ts';

const valid = {
  slug: 'botany',
  title: 'Botany',
  starts_at: '2026-03-01T00:00:00Z',
  ends_at: '2026-03-10T00:00:00Z',
  wikis: [{ language: 'en', project: 'wikipedia' }],
  students: ['Alice'],
};

function read(changed: Readonly<Record<string, unknown>>): CourseFile {
  const answer = readCourse({ ...valid, ...changed });
  if (answer.kind === 'invalid') throw new Error(JSON.stringify(answer.mistakes));
  return answer.course;
}

/** Paths of the mistakes. */
function wrong(changed: unknown): readonly string[] {
  const answer = readCourse(typeof changed === 'object' ? { ...valid, ...changed } : changed);
  return answer.kind === 'valid' ? [] : answer.mistakes.map(({ where }) => where);
}

const second = (iso: string): number => Date.parse(iso) / 1000;

describe('dates', () => {
  it.each([
    ['2026-03-01T08:00:00Z', '2026-03-01T08:00:00Z'],
    ['2026-03-01T08:00:00+02:00', '2026-03-01T06:00:00Z'],
    ['2026-03-01T08:00:00-0330', '2026-03-01T11:30:00Z'],
    ['2026-03-01 08:00', '2026-03-01T08:00:00Z'],
    ['2026-03-01T08:00:00.000Z', '2026-03-01T08:00:00Z'],
    ['2024-02-29', '2024-02-29T00:00:00Z'],
  ])('%s begins at %s', (text, iso) => {
    expect(read({ starts_at: text }).period.startsAt).toBe(second(iso));
  });

  it('a day alone ends with its last second', () => {
    expect(read({ ends_at: '2026-03-10' }).period.endsAt).toBe(second('2026-03-10T23:59:59Z'));
    expect(read({ starts_at: '2026-03-10', ends_at: '2026-03-10' }).period.startsAt).toBe(
      second('2026-03-10T00:00:00Z'),
    );
  });

  it.each([
    '2026-02-29', '2026-13-01', '2026-03-01T24:00:00Z', '2026-03-01T08:60:00Z', '2026-03-01T08:00:00.5Z',
    '2026-03-01T08:00:00+25:00', '01.03.2026', 'yesterday', '', 20260301, null,
  ])('refuses %j', (value) => {
    expect(wrong({ starts_at: value })).toEqual(['starts_at']);
  }); // prettier-ignore

  it('refuses an end before the start, and takes one moment', () => {
    expect(wrong({ ends_at: '2026-02-28T23:59:59Z' })).toEqual(['ends_at']);
    expect(wrong({ ends_at: '2026-03-01T00:00:00Z' })).toEqual([]);
  });
});

describe('wikis', () => {
  const wiki = (more: Readonly<Record<string, unknown>>): unknown => ({
    wikis: [{ language: 'en', project: 'wikipedia', ...more }],
  });

  it.each([
    [{ language: 'en', project: 'wikipedia' }, 'https://en.wikipedia.org/w/api.php', 'en'],
    [{ project: 'wikidata' }, 'https://www.wikidata.org/w/api.php', null],
    [{ project: 'wikidata', language: 'www' }, 'https://www.wikidata.org/w/api.php', null],
    [{ project: 'wikisource' }, 'https://wikisource.org/w/api.php', null],
    [{ project: 'wikisource', language: 'de' }, 'https://de.wikisource.org/w/api.php', 'de'],
    [{ project: 'wikimedia', language: 'commons' }, 'https://commons.wikimedia.org/w/api.php', 'commons'],
    [{ project: 'mywiki', api_url: 'http://LOCALHOST:80/api.php' }, 'http://localhost/api.php', null],
  ])('%j is at %s', (entry, apiUrl, language) => {
    expect(read({ wikis: [entry] }).wikis).toMatchObject([{ apiUrl, language }]);
  });

  it('tracks the mainspace alone by default, and sorts what is named', () => {
    expect(read({ wikis: [{ project: 'wikidata' }] }).wikis).toMatchObject([
      { namespaces: [], timesliceSeconds: 86_400 },
    ]);
    expect(read({ wikis: [{ project: 'wikidata', namespaces: [0] }] }).wikis).toMatchObject([
      { namespaces: [] },
    ]);
    expect(read({ wikis: [{ project: 'wikidata', namespaces: [118, 0, 2n] }] }).wikis).toMatchObject([
      { namespaces: [0, 2, 118] },
    ]);
  });

  it.each<[string, unknown, readonly string[]]>([
    ['none', { wikis: [] }, ['wikis']],
    ['no list', { wikis: {} }, ['wikis']],
    ['no mapping', { wikis: ['en.wikipedia'] }, ['wikis[0]']],
    ['no project', { wikis: [{ language: 'en' }] }, ['wikis[0].project']],
    ['no language', { wikis: [{ project: 'wikipedia' }] }, ['wikis[0].language']],
    ['a language as YAML reads Norwegian', wiki({ language: false }), ['wikis[0].language']],
    ['a language that is no part of a host', wiki({ language: 'en.evil.com/' }), ['wikis[0].language']],
    ['a negative namespace', wiki({ namespaces: [-1] }), ['wikis[0].namespaces[0]']],
    ['a namespace twice', wiki({ namespaces: [2, 2] }), ['wikis[0].namespaces[1]']],
    ['a namespace by name', wiki({ namespaces: ['User'] }), ['wikis[0].namespaces[0]']],
    ['slices of no length', wiki({ timeslice_seconds: 0 }), ['wikis[0].timeslice_seconds']],
    ['slices of half a second', wiki({ timeslice_seconds: 0.5 }), ['wikis[0].timeslice_seconds']],
    ['a length as text', wiki({ timeslice_seconds: '3600' }), ['wikis[0].timeslice_seconds']],
    ['slices without number', wiki({ timeslice_seconds: 1 }), ['wikis[0].timeslice_seconds']],
    ['an address of no kind', wiki({ api_url: 'en.wikipedia.org' }), ['wikis[0].api_url']],
    ['an address with a password', wiki({ api_url: 'https://a:b@host/api.php' }), ['wikis[0].api_url']],
    ['an unknown key', wiki({ apiurl: 'x' }), ['wikis[0].apiurl']],
    ['one address under two names', { wikis: [{ language: 'en', project: 'mywiki', api_url: 'https://wiki.example/api.php' }, { language: 'de', project: 'mywiki', api_url: 'https://WIKI.example:443/api.php' }] }, ['wikis[1]']],
    ['the same wiki twice', { wikis: [{ project: 'wikidata' }, { project: 'x', api_url: 'https://www.wikidata.org/w/api.php' }] }, ['wikis[1]']],
  ])('refuses %s', (_what, changed, places) => {
    expect(wrong(changed)).toEqual(places);
  }); // prettier-ignore
});

describe('a slug', () => {
  it.each(['botany-2026', 'University_of_X/Botany_(Spring_2026)', 'Ботаника', 'two words', 'x'.repeat(200)])(
    'may be %j',
    (slug) => {
      expect(read({ slug }).slug).toBe(slug);
    },
  );

  it('has no blanks around it', () => {
    expect(read({ slug: ' botany ' }).slug).toBe('botany');
  });

  it.each(['-botany', '--full', ' -b', 'x'.repeat(201), 'a\nb', 'a\u0000b', '   '])('is not %j', (slug) => {
    expect(wrong({ slug })).toEqual(['slug']);
  });
});

describe('a username', () => {
  it.each([
    'Ada', 'ada_lovelace', 'User:Ada', 'Ада', '愛', '192.0.2.1', '2001:db8::1', '192.0.2.xxx', 'A@b', 'A:b', 'A/b', '/', '@', 'A.b',
    '%41', '~~~', "O'Neil", 'A&B', 'A=b?', '"Q"', '\u{1f331}', 'imported>Ada', 'x'.repeat(255), `User:${'x'.repeat(255)}`,
    'é'.repeat(127), 'e\u0301'.repeat(127),
  ])('may be %j', (username) => {
    expect(read({ students: [username] }).students).toEqual([username]);
  }); // prettier-ignore

  it.each([
    'A#b', '#', 'A<b', 'A>', '>A', 'a>b>c', 'A[b', 'A]b', 'A|b', 'A{b', 'A}b', '_', ' _ ', 'User:', 'A\tb', 'A\u007fb', 'A\ufffdb',
    'A\ud83c', 'x'.repeat(256), 'é'.repeat(128),
  ])('is not %j, wherever it stands', (username) => {
    const other_roles = [{ username, role: 1 }];
    expect(wrong({ students: ['Bob', username], other_roles })).toEqual([
      'students[1]',
      'other_roles[0].username',
    ]);
  }); // prettier-ignore

  it('that is none is told with the reason', () => {
    const answer = readCourse({ ...valid, students: ['A#b', 'é'.repeat(128), '__'] });
    expect(answer).toMatchObject({
      mistakes: [
        { message: '"A#b" is no username (none has # < > [ ] { | } in it); correct it' },
        {
          message: expect.stringContaining('is no username (it has 256 bytes, and wikis keep 255)') as string,
        },
        { message: '"__" is no username (it is empty); correct it' },
      ],
    });
  });
});

describe('people', () => {
  it('takes an empty roster but not a missing one, which would drop everybody', () => {
    expect(read({ students: [] }).students).toEqual([]);
    expect(wrong({ students: undefined })).toEqual(['students']);
  });

  it('leaves other roles open when they are not given', () => {
    expect(read({}).otherRoles).toBeUndefined();
    expect(
      read({
        other_roles: [
          { username: 'P', role: 'staff' },
          { username: 'P', role: 1n },
        ],
      }).otherRoles,
    ).toEqual([
      { username: 'P', role: 4 },
      { username: 'P', role: 1 },
    ]);
  });

  it.each<[string, unknown, readonly string[]]>([
    ['a number for a name', { students: [2024n] }, ['students[0]']],
    ['an empty name', { students: ['__'] }, ['students[0]']],
    ['nothing for a name', { students: [null] }, ['students[0]']],
    ['a line break', { students: ['a\nb'] }, ['students[0]']],
    ['one person in two spellings', { students: ['alice b', 'Alice_b'] }, ['students[1]']],
    ['a student among other roles', { other_roles: [{ username: 'P', role: 0 }] }, ['other_roles[0].role']],
    ['a role that nobody has', { other_roles: [{ username: 'P', role: 5 }] }, ['other_roles[0].role']],
    ['a role without a name', { other_roles: [{ role: 1 }] }, ['other_roles[0].username']],
    ['a role twice', { other_roles: [{ username: 'p', role: 1 }, { username: 'P', role: 1 }] }, ['other_roles[1]']],
  ])('refuses %s', (_what, changed, places) => {
    expect(wrong(changed)).toEqual(places);
  }); // prettier-ignore
});

it('tells every mistake at once, unknown keys too', () => {
  expect(wrong({ slug: 7, titel: 'x', title: ' ', wikis: [], 'odd key': 1 })).toEqual([
    'titel',
    '["odd key"]',
    'slug',
    'title',
    'wikis',
  ]);
  expect(wrong('text')).toEqual(['']);
});
