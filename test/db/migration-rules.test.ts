import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { listReleases, readDist } from '../upgrade/release-manifest.ts';
import { breachesOf } from './migration-rules.ts';

const FOLDER = fileURLToPath(new URL('../../db/migrations', import.meta.url));
const shipped = new Map(
  readdirSync(FOLDER)
    .sort()
    .map((name) => [name, readFileSync(`${FOLDER}/${name}`, 'utf8')] as const),
);
const release = listReleases().at(-1) ?? '';
const before = readDist(release);
const landed = new Map(
  [...before].flatMap(([file, text]) => {
    const name = /^dist\/db\/migrations\/(.*\.sql)$/.exec(file)?.[1];
    return name === undefined ? [] : [[name, text] as const];
  }),
);
const code = [...before].flatMap(([file, text]) =>
  file.endsWith('.js') && !file.startsWith('dist/sandbox/') ? [text] : [],
);

/** Names as words: too many count as used rather than one too few. */
const isNamed = (name: string): boolean => code.some((text) => new RegExp(`\\b${name}\\b`).test(text));

describe('migrations', () => {
  it('are numbered one after the other', () => {
    expect([...shipped.keys()].map((name) => Number.parseInt(name, 10))).toEqual(
      Array.from({ length: shipped.size }, (_, index) => index + 1),
    );
  });

  it(`of ${release} are as they were then`, () => {
    expect(landed.size).toBeGreaterThanOrEqual(13);
    for (const [name, text] of landed) expect(shipped.get(name), name).toBe(text);
  });

  // What to do when it is red: docs/upgrading.md, "Changing the database".
  it(`since ${release} let its workers go on`, () => {
    const since = [...shipped].filter(([name]) => !landed.has(name));
    expect(
      since.flatMap(([name, text]) => breachesOf(text, { isNamed }).map((why) => `${name}: ${why}`)),
    ).toEqual([]);
  });
});

describe('the rules refuse a migration that', () => {
  it.each([
    [
      'drops a table in use',
      'drop table if exists partner_report_files;',
      /^drops partner_report_files, which/,
    ],
    ['drops a column in use', 'alter table users drop column username;', /^drops users\.username, which/],
    ['drops a column in use, in short', 'alter table users drop username;', /^drops users\.username, which/],
    ['renames a column', 'alter table only public.users rename column username to name;', /^renames users/],
    ['renames a table', 'alter table wikis rename to sites;', /^renames wikis/],
    ['changes a type', 'alter table courses alter column slug type varchar(10);', /^changes the type/],
    [
      'changes a type, in other words',
      'alter table courses alter slug set data type text;',
      /^changes the type/,
    ],
    ['demands a value', 'alter table courses alter title set not null;', /^demands a column of courses/],
    [
      'takes a default away',
      'alter table users alter column lms_user_id drop default;',
      /^takes away a default/,
    ],
    [
      'adds a column nobody fills',
      'alter table wikis add column colour text not null;',
      /^adds a column to wikis/,
    ],
    [
      'does so behind something harmless',
      'alter table wikis add column shape numeric(3, 1), add colour text not null;',
      /^adds a column to wikis/,
    ],
    [
      'fills every row',
      'alter table users add column token uuid default gen_random_uuid();',
      /writes users anew/,
    ],
    ['numbers every row', 'alter table users add column number bigserial;', /writes users anew/],
    [
      'makes a big table unique',
      'alter table users add constraint u unique (lms_user_id);',
      /^builds an index/,
    ],
    ['indexes a big table', 'create index on users (lms_user_id);', /^builds an index on users/],
    [
      'indexes it by name',
      'create unique index if not exists i\n on only public.articles (id);',
      /on articles/,
    ],
    ['checks every row', 'alter table courses add constraint c check (title <> slug);', /`not valid`/],
    ['refers from every row', 'alter table courses add foreign key (id) references users;', /`not valid`/],
    ['locks a table', 'lock table wikis in exclusive mode;', /^lock holds a table/],
    ['empties a table', 'truncate wikis;', /^truncate holds a table/],
    ['waits without end', 'set local lock_timeout = 0;', /^changes a time-out/],
    ['changes every row', "update users set username = '; drop';", /^changes the rows of users/],
    ['deletes rows of a big table', 'delete from revision_references;', /^changes the rows of revision_ref/],
    ['builds concurrently', 'create index concurrently i on wikis (id);', /cannot run in a transaction/],
  ])('%s', (_what, migration, why) => {
    expect(breachesOf(`-- Up Migration\n\n${migration}`, { isNamed })).toEqual([expect.stringMatching(why)]);
  });

  it('tells everything that is wrong', () => {
    expect(
      breachesOf('truncate wikis; alter table users drop username, rename to people;', { isNamed }),
    ).toHaveLength(3);
  });
});

describe('the rules let a migration', () => {
  it.each([
    [
      'make a table, with indexes',
      'create table fresh (id bigint primary key, x text not null); create index on fresh (x);',
    ],
    ['alter a table that it made', 'create table fresh (id int); alter table fresh alter id set not null;'],
    ['add a column with a default', "alter table users add column colour text not null default 'none';"],
    ['add a column that may be missing', 'alter table users add column if not exists colour text;'],
    ['index a small table', 'create index on wikis (project);'],
    ['check new rows', "alter table users add constraint c check (username <> 'x; y') not valid;"],
    ['validate a check', 'alter table users validate constraint c;'],
    ['drop what the release before does not name', 'alter table users drop column never_named_in_code;'],
    ['drop a constraint', 'alter table users drop constraint c;'],
    ['replace a function', 'create or replace function f() returns int as $$ lock table x; $$ language sql;'],
    ['speak of anything in comments', '-- drop table users;\nselect 1; /* truncate users; */'],
  ])('%s', (_what, migration) => {
    expect(breachesOf(migration, { isNamed })).toEqual([]);
  });
});
