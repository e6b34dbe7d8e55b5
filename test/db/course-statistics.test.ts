import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openDatabase, type Database } from '../../db/database.ts';
import { migrate } from '../../db/migrate.ts';
import { createDatabase, createMigratedDatabase, type TestDatabase } from '../support/database.ts';

let testDatabase: TestDatabase;
let database: Database;
let [course, wiki, article, user] = [0, 0, 0, 0];
let made = 0;

beforeAll(async () => {
  testDatabase = await createMigratedDatabase();
  database = openDatabase({ url: testDatabase.url });
});

afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});

beforeEach(async () => {
  course = await id(
    `insert into courses (slug, title, starts_at, ends_at) values ($1, 'T', '2026-01-01Z', '2026-01-03Z')`,
    `course-${(made += 1)}`,
  );
  wiki = await id(`insert into wikis (project, api_url) values ('wikipedia', $1)`, `http://wiki-${made}`);
  article = await id(
    `insert into articles (wiki_id, mw_page_id, title, namespace) values ($1, 1, 'A', 0)`,
    wiki,
  );
  user = await id('insert into users (username) values ($1)', `user-${made}`);
  await run('insert into courses_wikis (course_id, wiki_id) values ($1, $2)', course, wiki);
  await addSlice('2026-01-01', '2026-01-02');
  await addSlice('2026-01-02', '2026-01-03');
});

test('migrates an empty database in one go, and again without a change', async () => {
  const empty = await createDatabase();
  try {
    expect(await migrate(empty.url)).toContain('0002_course-statistics');
    expect(await migrate(empty.url)).toEqual([]);
  } finally {
    await empty.drop();
  }
});

describe('slices', () => {
  test('of one course and wiki cannot overlap', async () => {
    await expect(addSlice('2026-01-02T23:00', '2026-01-04')).rejects.toThrow(/exclusion constraint/);
    await expect(addSlice('2026-01-01T06:00', '2026-01-01T07:00')).rejects.toThrow(/exclusion constraint/);
  });

  test('may follow one another without a gap, and overlap those of another wiki', async () => {
    await addSlice('2026-01-03', '2026-01-04');
    const other = await id(`insert into wikis (project, api_url) values ('wikipedia', $1)`, `other-${made}`);
    await addSlice('2026-01-01T12:00', '2026-01-05', other);
    expect(await countOf('course_wiki_timeslices')).toBe(4);
  });

  test('last some time', async () => {
    await expect(addSlice('2026-01-05', '2026-01-05')).rejects.toThrow(/check constraint/);
  });

  test('that are to be fetched are to be updated too', async () => {
    const statement = 'update course_wiki_timeslices set needs_fetch = true where course_id = $1';
    await expect(run(statement, course)).rejects.toThrow(/check constraint/);
  });

  test('take their facts and derived rows with them', async () => {
    await addFact({});
    await run(
      `insert into article_course_timeslices (course_id, wiki_id, article_id, start_at, end_at)
       values ($1, $2, $3, '2026-01-01Z', '2026-01-02Z')`,
      course,
      wiki,
      article,
    );
    await run(
      `insert into course_user_wiki_timeslices (course_id, wiki_id, user_id, start_at, end_at)
       values ($1, $2, $3, '2026-01-01Z', '2026-01-02Z')`,
      course,
      wiki,
      user,
    );
    await run('delete from course_wiki_timeslices where course_id = $1', course);
    expect(await countOf('article_course_user_wiki_timeslices')).toBe(0);
    expect(await countOf('article_course_timeslices')).toBe(0);
    expect(await countOf('course_user_wiki_timeslices')).toBe(0);
  });
});

describe('facts', () => {
  test('are in a slice that exists, and end where it ends', async () => {
    await expect(addFact({ start_at: '2026-01-01T01:00Z' })).rejects.toThrow(/foreign key/);
    await expect(addFact({ end_at: '2026-01-02T01:00Z' })).rejects.toThrow(/foreign key/);
  });

  test('are of the wiki of their article', async () => {
    const other = await id(`insert into wikis (project, api_url) values ('wikipedia', $1)`, `other-${made}`);
    await addSlice('2026-01-01', '2026-01-02', other);
    await expect(addFact({ wiki_id: other })).rejects.toThrow(/foreign key/);
  });

  test('have their revisions in their slice, and none where nothing counts', async () => {
    await expect(addFact({ first_revision: '2025-12-31T23:59:59Z' })).rejects.toThrow(/check constraint/);
    await expect(addFact({ last_revision: '2026-01-02Z' })).rejects.toThrow(/check constraint/);
    await expect(addFact({ revision_count: 0 })).rejects.toThrow(/check constraint/);
    await expect(addFact({ first_revision: null, last_revision: null })).rejects.toThrow(/check constraint/);
    await addFact({ revision_count: 0, first_revision: null, last_revision: null });
  });

  test('may have fewer references than before, and never fewer characters', async () => {
    await expect(addFact({ character_sum: -1 })).rejects.toThrow(/check constraint/);
    await addFact({ references_count: -1 });
  });
});

test('a page has one live article, and any number of deleted ones', async () => {
  const insert =
    'insert into articles (wiki_id, mw_page_id, title, namespace, deleted) values ($1, 1, $2, 0, $3)';
  await expect(run(insert, wiki, 'B', false)).rejects.toThrow(/articles_live_page/);
  await run(insert, wiki, 'B', true);
  await run(insert, wiki, 'C', true);
  await run('update articles set deleted = true where id = $1', article);
  await run(insert, wiki, 'D', false);
});

test('roles are those of 0 to 4, and somebody may have several', async () => {
  const insert = 'insert into courses_users (course_id, user_id, role) values ($1, $2, $3)';
  for (const role of [0, 1, 4]) await run(insert, course, user, role);
  await expect(run(insert, course, user, 4)).rejects.toThrow(/duplicate key/);
  await expect(run(insert, course, user, 5)).rejects.toThrow(/check constraint/);
  await expect(run(insert, course, user, -1)).rejects.toThrow(/check constraint/);
});

test('a course ends when it starts or later, both to the second', async () => {
  const update = 'update courses set ends_at = $2 where id = $1';
  await expect(run(update, course, '2025-12-31T23:59:59Z')).rejects.toThrow(/check constraint/);
  await expect(run(update, course, '2026-01-04T00:00:00.5Z')).rejects.toThrow(/check constraint/);
  await run(update, course, '2026-01-01Z');
});

test('a cursor is null at first', async () => {
  await run(
    'insert into course_user_wiki_cursors (course_id, wiki_id, user_id) values ($1, $2, $3)',
    course,
    wiki,
    user,
  );
  const { rows } = await database.query(
    'select ingested_until from course_user_wiki_cursors where course_id = $1',
    [course],
  );
  expect(rows).toEqual([{ ingested_until: null }]);
});

test('a kept page of results has arrays of one length, and goes with its walk', async () => {
  const walk = await id(
    `insert into wiki_fetches (course_id, wiki_id, user_ids, from_at, to_at, began_at)
     values ($1, $2, '{1}', '2026-01-01Z', '2026-01-02Z', now())`,
    course,
    wiki,
  );
  const keep = (page: number, titles: string): Promise<void> =>
    run(
      `insert into wiki_fetched_pages values
         ($1, $2, '{1,2}', '{0,0}', $3, '{1,1}', '{0,0}', '{9,9}', '{1,1}', '{0,0}', '{1,1}', '{f,f}', '{1,null}', '{1,null}')`,
      walk,
      page,
      titles,
    );
  await expect(keep(0, '{A}')).rejects.toThrow(/check constraint/);
  await keep(0, '{A,B}');
  await expect(keep(0, '{A,B}')).rejects.toThrow(/duplicate key/);
  await run('delete from wiki_fetches where id = $1', walk);
  const { rows } = await database.query('select from wiki_fetched_pages where fetch_id = $1', [walk]);
  expect(rows).toEqual([]);
});

test('a course goes with everything that is its own', async () => {
  await enroll();
  await addFact({});
  await run(
    'insert into course_wiki_namespaces (course_id, wiki_id, namespace) values ($1, $2, 118)',
    course,
    wiki,
  );
  await run('insert into course_excluded_articles (course_id, article_id) values ($1, $2)', course, article);
  await run('delete from courses where id = $1', course);
  expect(await countOf('article_course_user_wiki_timeslices')).toBe(0);
});

describe('whatever facts are summed by marks the slices that it touches:', () => {
  beforeEach(async () => {
    await enroll();
    await addFact({});
    await run('update course_wiki_timeslices set needs_update = false where course_id = $1', course);
  });

  test.each([
    ['a student who leaves', 'delete from courses_users where user_id = $1', () => [user]],
    ['a student who changes role', 'update courses_users set role = 2 where user_id = $1', () => [user]],
    ['a page that is deleted', 'update articles set deleted = true where id = $1', () => [article]],
    ['a page that is moved', 'update articles set namespace = 2 where id = $1', () => [article]],
    [
      'an article that is excluded',
      'insert into course_excluded_articles (course_id, article_id) values ($1, $2)',
      () => [course, article],
    ],
  ])('%s', async (_what, statement, values) => {
    await run(statement, ...values());
    expect(await listMarked()).toEqual(['2026-01-01']);
  });

  test('a student who comes back', async () => {
    await run('delete from courses_users where user_id = $1', user);
    await run('update course_wiki_timeslices set needs_update = false where course_id = $1', course);
    await enroll();
    expect(await listMarked()).toEqual(['2026-01-01']);
  });

  test('a namespace, all of the wiki', async () => {
    await run(
      'insert into course_wiki_namespaces (course_id, wiki_id, namespace) values ($1, $2, 2)',
      course,
      wiki,
    );
    expect(await listMarked()).toEqual(['2026-01-01', '2026-01-02']);
  });

  test('but not new sums, a new title, or an instructor without facts', async () => {
    await run('update courses_users set character_sum_ms = 5 where user_id = $1', user);
    await run(`update articles set title = 'B', checked_at = now(), namespace = 0 where id = $1`, article);
    const instructor = await id('insert into users (username) values ($1)', `instructor-${made}`);
    await run('insert into courses_users (course_id, user_id, role) values ($1, $2, 1)', course, instructor);
    expect(await listMarked()).toEqual([]);
  });
});

describe('whose totals are stale is written down with', () => {
  beforeEach(async () => {
    await enroll();
    await addFact({});
    await run(
      `insert into article_course_timeslices (course_id, wiki_id, article_id, start_at, end_at)
       values ($1, $2, $3, '2026-01-01Z', '2026-01-02Z')`,
      course,
      wiki,
      article,
    );
    await run(
      `insert into course_user_wiki_timeslices (course_id, wiki_id, user_id, start_at, end_at)
       values ($1, $2, $3, '2026-01-01Z', '2026-01-02Z')`,
      course,
      wiki,
      user,
    );
    await run('delete from stale_course_totals');
  });

  const theArticle = (): unknown => [{ articles: [article], users: [] }];
  const theUser = (): unknown => [{ articles: [], users: [user] }];

  test.each([
    [
      "an article's slice",
      'update article_course_timeslices set character_sum = 1 where course_id = $1',
      theArticle,
    ],
    ['its end', 'delete from article_course_timeslices where course_id = $1', theArticle],
    [
      "a student's slice",
      'update course_user_wiki_timeslices set references_count = 1 where course_id = $1',
      theUser,
    ],
    ['its end', 'delete from course_user_wiki_timeslices where course_id = $1', theUser],
    ['a role', 'update courses_users set role = 2 where course_id = $1', theUser],
    [
      'a second role',
      'insert into courses_users (course_id, user_id, role) select $1, user_id, 1 from courses_users where course_id = $1',
      theUser,
    ],
    [
      'a page that is moved',
      'update articles set namespace = 2 where wiki_id in (select wiki_id from courses_wikis where course_id = $1)',
      theArticle,
    ],
    [
      'a namespace',
      'insert into course_wiki_namespaces (course_id, wiki_id, namespace) select $1, wiki_id, 2 from courses_wikis where course_id = $1',
      () => [{ articles: null, users: [] }],
    ],
    [
      'a rebuild',
      'update courses set needs_update = true where id = $1',
      () => [{ articles: null, users: null }],
    ],
  ])('%s', async (_what, statement, stale) => {
    await run(statement, course);
    expect(await listStale()).toEqual(stale());
  });

  test('nothing that is no change of theirs, and goes with the course', async () => {
    await run('update courses_users set revision_count = 5 where course_id = $1', course);
    await run('update course_wiki_timeslices set needs_update = true where course_id = $1', course);
    await run('update courses set title = $2 where id = $1', course, 'Another');
    expect(await listStale()).toEqual([]);
    await run('update courses set needs_update = true where id = $1', course);
    await run('delete from courses where id = $1', course);
    expect(await listStale()).toEqual([]);
  });
});

describe('an exclusion by hand', () => {
  beforeEach(async () => {
    await enroll();
    await addFact({});
    await run('insert into articles_courses (course_id, article_id) values ($1, $2)', course, article);
    await run('update course_wiki_timeslices set needs_update = false where course_id = $1', course);
  });

  test('by a plain change of articles_courses.tracked is kept and marks, and so is its end', async () => {
    await run('update articles_courses set tracked = false where course_id = $1', course);
    expect(await countOf('course_excluded_articles')).toBe(1);
    expect(await listMarked()).toEqual(['2026-01-01']);

    await run('update course_wiki_timeslices set needs_update = false where course_id = $1', course);
    await run('update articles_courses set tracked = true where course_id = $1', course);
    expect(await countOf('course_excluded_articles')).toBe(0);
    expect(await listMarked()).toEqual(['2026-01-01']);
  });

  test('shows in articles_courses.tracked, as does its end', async () => {
    await run(
      'insert into course_excluded_articles (course_id, article_id) values ($1, $2)',
      course,
      article,
    );
    expect(await listTracked()).toEqual([false]);
    await run('delete from course_excluded_articles where course_id = $1', course);
    expect(await listTracked()).toEqual([true]);
  });

  test('outlives the row of articles_courses', async () => {
    await run('update articles_courses set tracked = false where course_id = $1', course);
    await run('delete from articles_courses where course_id = $1', course);
    expect(await countOf('course_excluded_articles')).toBe(1);
  });
});

async function run(statement: string, ...values: readonly unknown[]): Promise<void> {
  await database.query(statement, values);
}

async function id(statement: string, ...values: readonly unknown[]): Promise<number> {
  const { rows } = await database.query<{ id: number }>(`${statement} returning id`, values);
  return rows[0]?.id ?? 0;
}

async function addSlice(from: string, to: string, wikiId = wiki): Promise<void> {
  await run(
    `insert into course_wiki_timeslices (course_id, wiki_id, start_at, end_at)
     values ($1, $2, $3::timestamp at time zone 'UTC', $4::timestamp at time zone 'UTC')`,
    course,
    wikiId,
    from,
    to,
  );
}

async function enroll(): Promise<void> {
  await run('insert into courses_users (course_id, user_id) values ($1, $2)', course, user);
}

/** A fact of the first slice, with a few columns otherwise. */
async function addFact(otherwise: Readonly<Record<string, unknown>>): Promise<void> {
  const fact = {
    course_id: course,
    wiki_id: wiki,
    article_id: article,
    user_id: user,
    start_at: '2026-01-01Z',
    end_at: '2026-01-02Z',
    character_sum: 1,
    references_count: 1,
    revision_count: 1,
    first_revision: '2026-01-01T10:00Z',
    last_revision: '2026-01-01T11:00Z',
    ...otherwise,
  };
  const names = Object.keys(fact);
  await run(
    `insert into article_course_user_wiki_timeslices (${names.join(', ')})
     values (${names.map((_, index) => `$${index + 1}`).join(', ')})`,
    ...Object.values(fact),
  );
}

async function countOf(table: string): Promise<number> {
  const { rows } = await database.query<{ count: number }>(
    `select count(*) as count from ${table} where course_id = $1`,
    [course],
  );
  return rows[0]?.count ?? 0;
}

async function listMarked(): Promise<readonly string[]> {
  const { rows } = await database.query<{ day: string }>(
    `select to_char(start_at at time zone 'UTC', 'YYYY-MM-DD') as day from course_wiki_timeslices
     where course_id = $1 and needs_update order by start_at`,
    [course],
  );
  return rows.map((row) => row.day);
}

async function listStale(): Promise<readonly unknown[]> {
  const { rows } = await database.query(
    `select to_jsonb(article_ids) as articles, to_jsonb(user_ids) as users from stale_course_totals
     where course_id = $1 order by id`,
    [course],
  );
  return rows;
}

async function listTracked(): Promise<readonly boolean[]> {
  const { rows } = await database.query<{ tracked: boolean }>(
    'select tracked from articles_courses where course_id = $1 order by article_id',
    [course],
  );
  return rows.map((row) => row.tracked);
}
