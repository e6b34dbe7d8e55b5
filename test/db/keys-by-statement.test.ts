import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openDatabase, type Database, type Queryable } from '../../db/database.ts';
import { createMigratedDatabase, type TestDatabase } from '../support/database.ts';
import { waitFor } from '../support/wait.ts';

const FACTS = 'article_course_user_wiki_timeslices';
const ARTICLE_SLICES = 'article_course_timeslices';
const STUDENT_SLICES = 'course_user_wiki_timeslices';
const CHILDREN = [FACTS, ARTICLE_SLICES, STUDENT_SLICES] as const;
type Child = (typeof CHILDREN)[number];

const FOREIGN_KEY_VIOLATION = '23503';

let testDatabase: TestDatabase;
let database: Database;
let made = 0;
let [course, wiki, otherWiki, article, user] = [0, 0, 0, 0, 0];

beforeAll(async () => {
  testDatabase = await createMigratedDatabase();
  database = openDatabase({ url: testDatabase.url });
});

afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});

/** Two days on each of two wikis, and one article, of the first wiki. */
beforeEach(async () => {
  made += 1;
  course = await id(
    `insert into courses (slug, title, starts_at, ends_at) values ($1, 'T', '2026-01-01Z', '2026-01-02Z')`,
    `course-${made}`,
  );
  const addWiki = `insert into wikis (project, api_url) values ('wikipedia', $1)`;
  wiki = await id(addWiki, `http://wiki-${made}`);
  otherWiki = await id(addWiki, `http://other-${made}`);
  article = await id(
    `insert into articles (wiki_id, mw_page_id, title, namespace) values ($1, 1, 'A', 0)`,
    wiki,
  );
  user = await id('insert into users (username) values ($1)', `user-${made}`);
  await database.query(
    `insert into course_wiki_timeslices (course_id, wiki_id, start_at, end_at)
     select $1, wiki_id, day, day + interval '1 day'
     from unnest(array[$2::bigint, $3::bigint]) wiki_id, unnest(array['2026-01-01Z', '2026-01-02Z']::timestamptz[]) day`,
    [course, wiki, otherWiki],
  );
});

/** Every way in which a row can be of something that is not there. */
const wrong = [
  [FACTS, 'an unknown article', () => ({ article_id: -1 }), 'article'],
  [FACTS, 'an article of another wiki', () => ({ wiki_id: otherWiki }), 'article'],
  [FACTS, 'an unknown user', () => ({ user_id: -1 }), 'user'],
  [FACTS, 'a slice that does not begin then', () => ({ start_at: '2026-01-01T01:00Z' }), 'slice'],
  [FACTS, 'a slice that does not end then', () => ({ end_at: '2026-01-03Z' }), 'slice'],
  [FACTS, 'a slice of an unknown course', () => ({ course_id: -1 }), 'slice'],
  [ARTICLE_SLICES, 'an unknown article', () => ({ article_id: -1 }), 'article'],
  [ARTICLE_SLICES, 'an article of another wiki', () => ({ wiki_id: otherWiki }), 'article'],
  [ARTICLE_SLICES, 'a slice that does not begin then', () => ({ start_at: '2026-01-01T01:00Z' }), 'slice'],
  [ARTICLE_SLICES, 'a slice that does not end then', () => ({ end_at: '2026-01-03Z' }), 'slice'],
  [STUDENT_SLICES, 'an unknown user', () => ({ user_id: -1 }), 'user'],
  [STUDENT_SLICES, 'a slice of an unknown wiki', () => ({ wiki_id: -1 }), 'slice'],
  [STUDENT_SLICES, 'a slice that does not begin then', () => ({ start_at: '2026-01-01T01:00Z' }), 'slice'],
  [STUDENT_SLICES, 'a slice that does not end then', () => ({ end_at: '2026-01-03Z' }), 'slice'],
] as const;

describe.each(wrong)('%s: %s', (table, _what, otherwise, parent) => {
  const refusal = {
    code: FOREIGN_KEY_VIOLATION,
    constraint: `${table}_${parent}_fkey`,
    message: expect.stringContaining(`violates foreign key constraint "${table}_${parent}_fkey"`) as unknown,
  };

  test('is refused in a new row, with all rows of its statement', async () => {
    await expect(addRows(database, table, [nextDay, otherwise()])).rejects.toMatchObject(refusal);
    expect(await countOf(table)).toBe(0);
  });

  test('is refused in a row that is changed', async () => {
    await addRows(database, table, [{}]);
    const [[column, value] = ['', '']] = Object.entries(otherwise());
    const change = `update ${table} set ${column} = $1 where course_id = $2`;
    await expect(database.query(change, [value, course])).rejects.toMatchObject(refusal);
  });

  test('is refused in an upsert that meets a row', async () => {
    await addRows(database, table, [{}]);
    const [column = ''] = Object.keys(otherwise());
    const onConflict = `on conflict on constraint ${table}_pkey do update set ${column} = $1`;
    await expect(
      addRows(database, table, [{}], onConflict, Object.values(otherwise())[0]),
    ).rejects.toMatchObject(refusal);
  });
});

test('the catalogue knows the keys, where it takes keys that it does not enforce itself', async () => {
  const { rows } = await database.query<{ key: string }>(
    `select conname as key from pg_constraint where contype = 'f' and conrelid = any($1::regclass[]) order by 1`,
    [`{${CHILDREN.join(',')}}`],
  );
  const { rows: version } = await database.query<{ number: number }>(
    `select current_setting('server_version_num')::integer as number`,
  );
  const known = [...new Set(wrong.map(([table, , , parent]) => `${table}_${parent}_fkey`))].sort();
  expect(rows.map(({ key }) => key)).toEqual((version[0]?.number ?? 0) < 180_000 ? [] : known);
});

describe('what rows are of', () => {
  beforeEach(async () => {
    for (const table of CHILDREN) await addRows(database, table, [{}, nextDay]);
  });

  test('a slice takes its own rows along, and no others', async () => {
    await database.query(
      `delete from course_wiki_timeslices where course_id = $1 and start_at = '2026-01-01Z'`,
      [course],
    );
    for (const table of CHILDREN) expect({ table, left: await countOf(table) }).toEqual({ table, left: 1 });
  });

  test.each([
    ['an article', 'delete from articles where id = $1', () => [article]],
    ['the id of an article', 'update articles set id = -id where id = $1', () => [article]],
    ['the wiki of an article', 'update articles set wiki_id = $2 where id = $1', () => [article, otherWiki]],
    ['a user', 'delete from users where id = $1', () => [user]],
    ['the id of a user', 'update users set id = -id where id = $1', () => [user]],
    [
      'the end of a slice',
      `update course_wiki_timeslices set end_at = end_at - interval '1 hour' where course_id = $1`,
      () => [course],
    ],
  ])('%s stays while a row is of it, in whatever table, and not longer', async (_what, statement, values) => {
    let refusals = 0;
    for (const table of CHILDREN) {
      const left = await refusalOf(database.query(statement, values()));
      if (left !== undefined) refusals += 1;
      expect([undefined, FOREIGN_KEY_VIOLATION]).toContain(left);
      await database.query(`delete from ${table} where course_id = $1`, [course]);
    }
    expect(refusals).toBeGreaterThan(1);
    await expect(database.query(statement, values())).resolves.toMatchObject({});
  });

  test('goes at an isolation level only that shows what was committed meanwhile', async () => {
    for (const statement of [
      'delete from articles',
      'delete from users',
      'delete from course_wiki_timeslices',
    ]) {
      await expect(
        database.transaction(async (transaction) => {
          await transaction.query('set transaction isolation level repeatable read');
          await transaction.query(statement);
        }),
      ).rejects.toThrow(/"read committed" only/);
    }
  });
});

describe('two at once:', () => {
  const parents = [
    [FACTS, 'an article', 'delete from articles where id = $1', () => article],
    [FACTS, 'a user', 'delete from users where id = $1', () => user],
    [FACTS, 'a slice', 'delete from course_wiki_timeslices where course_id = $1', () => course],
    [ARTICLE_SLICES, 'an article', 'delete from articles where id = $1', () => article],
    [ARTICLE_SLICES, 'a slice', 'delete from course_wiki_timeslices where course_id = $1', () => course],
    [STUDENT_SLICES, 'a user', 'delete from users where id = $1', () => user],
    [STUDENT_SLICES, 'a slice', 'delete from course_wiki_timeslices where course_id = $1', () => course],
  ] as const;

  test.each(parents)(
    'a row of %s waits for who deletes %s, and is refused',
    async (table, _w, remove, key) => {
      let writing: Promise<string | undefined> | undefined;
      await database.transaction(async (deleting) => {
        await deleting.query(remove, [key()]);
        writing = refusalOf(addRows(database, table, [{}]));
        await waitForLock();
      });
      expect(await writing).toBe(FOREIGN_KEY_VIOLATION);
      expect(await countOf(table)).toBe(0);
    },
  );

  test.each(parents)(
    'a row of %s waits for who deletes %s, and is kept if that fails',
    async (table, _w, remove, key) => {
      let writing: Promise<string | undefined> | undefined;
      const deleting = database.transaction(async (transaction) => {
        await transaction.query(remove, [key()]);
        writing = refusalOf(addRows(database, table, [{}]));
        await waitForLock();
        throw new Error('changed my mind');
      });
      await expect(deleting).rejects.toThrow('changed my mind');
      expect(await writing).toBeUndefined();
      expect(await countOf(table)).toBe(1);
    },
  );

  test.each(parents)(
    'a row of %s that was written first holds who deletes %s',
    async (table, what, remove, key) => {
      let deleting: Promise<string | undefined> | undefined;
      await database.transaction(async (writing) => {
        await addRows(writing, table, [{}]);
        deleting = refusalOf(database.query(remove, [key()]));
        await waitForLock();
      });
      expect(await deleting).toBe(what === 'a slice' ? undefined : FOREIGN_KEY_VIOLATION);
      expect(await countOf(table)).toBe(what === 'a slice' ? 0 : 1);
    },
  );
});

const nextDay = {
  start_at: '2026-01-02Z',
  end_at: '2026-01-03Z',
  first_revision: '2026-01-02T10:00Z',
  last_revision: '2026-01-02T10:00Z',
};

type Row = Readonly<Record<string, unknown>>;

/** Rows of the first slice in one statement, each with a few columns otherwise; `extra` is `$1` of `onConflict`. */
async function addRows(
  db: Queryable,
  table: Child,
  rows: readonly Row[],
  onConflict = '',
  extra?: unknown,
): Promise<void> {
  const usual: Row = {
    course_id: course,
    wiki_id: wiki,
    start_at: '2026-01-01Z',
    end_at: '2026-01-02Z',
    character_sum: 1,
    references_count: 1,
    revision_count: 1,
    article_id: article,
    user_id: user,
    first_revision: '2026-01-01T10:00Z',
    last_revision: '2026-01-01T11:00Z',
  };
  const columns = Object.keys(usual).filter((column) => !isAbsent(table, column));
  const given = extra === undefined ? [] : [extra];
  const values = rows.flatMap((row) => columns.map((column) => ({ ...usual, ...row })[column]));
  const tuples = rows.map(
    (_, row) =>
      `(${columns.map((_name, at) => `$${given.length + row * columns.length + at + 1}`).join(', ')})`,
  );
  await db.query(`insert into ${table} (${columns.join(', ')}) values ${tuples.join(', ')} ${onConflict}`, [
    ...given,
    ...values,
  ]);
}

function isAbsent(table: Child, column: string): boolean {
  switch (table) {
    case FACTS:
      return false;
    case ARTICLE_SLICES:
      return ['user_id', 'last_revision'].includes(column);
    case STUDENT_SLICES:
      return ['article_id', 'first_revision', 'last_revision', 'character_sum'].includes(column);
  }
}

/** The code that a statement was refused with; undefined when it was not. */
async function refusalOf(statement: Promise<unknown>): Promise<string | undefined> {
  try {
    await statement;
    return undefined;
  } catch (error) {
    return typeof error === 'object' && error !== null && 'code' in error
      ? String(error.code)
      : String(error);
  }
}

async function waitForLock(): Promise<void> {
  await waitFor(
    async () => {
      const { rows } = await database.query(
        `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      );
      return rows.length > 0;
    },
    { what: 'a statement to wait for a lock' },
  );
}

async function id(statement: string, ...values: readonly unknown[]): Promise<number> {
  const { rows } = await database.query<{ id: number }>(`${statement} returning id`, values);
  return rows[0]?.id ?? 0;
}

async function countOf(table: Child): Promise<number> {
  const { rows } = await database.query<{ count: number }>(
    `select count(*) as count from ${table} where course_id = $1`,
    [course],
  );
  return rows[0]?.count ?? 0;
}
