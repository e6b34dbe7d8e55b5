import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { listDifferences } from '../../../activities/timeslices/rebuild.ts';
import { rollUpCourse, rollUpSlices } from '../../../activities/timeslices/roll-up.ts';
import { openDatabase, type Database, type Queryable } from '../../../db/database.ts';
import { createMigratedDatabase, type TestDatabase } from '../../support/database.ts';
import { createSmallCourse, listMarked, type SmallCourse } from './small-course.ts';

const RUNS = 150;
const DAYS = 3;
const [USERS, ARTICLES, WIKIS] = [4, 8, 2];
const namespaces = [0, 1, 2, 118];
const sliceTables = new Set([
  'article_course_timeslices',
  'course_user_wiki_timeslices',
  'course_wiki_timeslices',
]);

let testDatabase: TestDatabase;
let database: Database;

beforeAll(async () => {
  testDatabase = await createMigratedDatabase();
  database = openDatabase({ url: testDatabase.url });
});

afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});

/** People, articles and wikis are named by their place in the lists of a `World`. */
type Change =
  | {
      readonly kind: 'fact';
      readonly user: number;
      readonly article: number;
      readonly day: number;
      readonly revisions: number;
      readonly characters: number;
      readonly references: number;
      readonly newArticle: boolean;
      readonly first: number;
    }
  | { readonly kind: 'roll up'; readonly wiki: number; readonly days: readonly number[] }
  | { readonly kind: 'totals' }
  | { readonly kind: 'interrupted roll up'; readonly wiki: number; readonly days: readonly number[] }
  | { readonly kind: 'interrupted totals' }
  | { readonly kind: 'mark'; readonly wiki: number; readonly day: number }
  | { readonly kind: 'enroll' | 'drop' | 'rejoin' | 'promote'; readonly user: number }
  | {
      readonly kind: 'delete' | 'restore' | 'exclude' | 'include' | 'untrack' | 'retrack';
      readonly article: number;
    }
  | { readonly kind: 'move'; readonly article: number; readonly namespace: number }
  | { readonly kind: 'namespace' | 'no namespace'; readonly wiki: number; readonly namespace: number };

interface World {
  readonly course: SmallCourse;
  readonly users: readonly number[];
  readonly articles: readonly number[];
  readonly wikis: readonly number[];
}

const user = fc.nat({ max: USERS - 1 });
const article = fc.nat({ max: ARTICLES - 1 });
const wiki = fc.nat({ max: WIKIS - 1 });
const day = fc.nat({ max: DAYS - 1 });
const namespace = fc.constantFrom(...namespaces);
const kinds = <Kind extends string>(...names: readonly Kind[]): fc.Arbitrary<Kind> =>
  fc.constantFrom(...names);

const fact: fc.Arbitrary<Change> = fc.record({
  kind: fc.constant('fact' as const),
  user,
  article,
  day,
  revisions: fc.nat({ max: 3 }),
  characters: fc.nat({ max: 100 }),
  references: fc.integer({ min: -5, max: 5 }),
  newArticle: fc.boolean(),
  first: fc.nat({ max: 80_000 }),
});

const changes: fc.Arbitrary<readonly Change[]> = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: fact },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constant('roll up' as const), wiki, days: fc.subarray([0, 1, 2]) }),
    },
    { weight: 4, arbitrary: fc.record({ kind: kinds('totals', 'totals', 'interrupted totals') }) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('interrupted roll up' as const),
        wiki,
        days: fc.subarray([0, 1, 2]),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('mark' as const), wiki, day }) },
    { weight: 3, arbitrary: fc.record({ kind: kinds('enroll', 'drop', 'rejoin', 'promote'), user }) },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: kinds('delete', 'restore', 'exclude', 'include', 'untrack', 'retrack'),
        article,
      }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('move' as const), article, namespace }) },
    { weight: 1, arbitrary: fc.record({ kind: kinds('namespace', 'no namespace'), wiki, namespace }) },
  ),
  // Unless told, the library keeps arrays to about ten.
  { minLength: 1, maxLength: 60, size: 'max' },
);

test('after any changes, what is not marked equals a rebuild, and so does everything once the marks are worked', async () => {
  await fc.assert(
    fc.asyncProperty(changes, async (sequence) => {
      const world = await createWorld();
      for (const change of sequence) await apply(world, change);

      const marked = await listMarked(database, world.course.id);
      const differences = await listDifferences(database, { courseId: world.course.id });
      const unmarked = differences
        .filter((difference) => sliceTables.has(difference.table))
        .filter(
          ({ key }) => !marked.some((slice) => slice.startAt * 1000 === Date.parse(String(key['start_at']))),
        );
      expect(unmarked).toEqual([]);

      for (const place of world.wikis.keys())
        await apply(world, { kind: 'roll up', wiki: place, days: [0, 1, 2] });
      await apply(world, { kind: 'totals' });
      expect(await listDifferences(database, { courseId: world.course.id })).toEqual([]);
      expect(await listMarked(database, world.course.id)).toEqual([]);
    }),
    { numRuns: RUNS },
  );
}, 300_000);

async function createWorld(): Promise<World> {
  const course = await createSmallCourse(database, DAYS);
  const wikis = [course.wiki, await course.addWiki()];
  const users: number[] = [];
  while (users.length < USERS) users.push(await course.addUser(0));
  const articles: number[] = [];
  while (articles.length < ARTICLES) {
    const place = articles.length;
    articles.push(
      await course.addArticle({
        namespace: namespaces[place % namespaces.length] ?? 0,
        wiki: wikis[place % WIKIS] ?? course.wiki,
      }),
    );
  }
  return { course, users, articles, wikis };
}

const setDeleted = 'update articles set deleted = $2 where id = $1';
const setTracked = 'update articles_courses set tracked = $3 where course_id = $1 and article_id = $2';

async function apply({ course, users, articles, wikis }: World, change: Change): Promise<void> {
  const query = (statement: string, ...values: readonly unknown[]): Promise<unknown> =>
    database.query(statement, values);
  switch (change.kind) {
    case 'fact':
      return course.putFact({
        ...change,
        user: pick(users, change.user),
        article: pick(articles, change.article),
      });
    case 'roll up':
      return database.transaction((transaction) =>
        rollUpMarked(transaction, course.id, pick(wikis, change.wiki), change.days),
      );
    case 'totals':
      await database.transaction((transaction) => rollUpCourse(transaction, { courseId: course.id }));
      return;
    case 'interrupted roll up':
      return interrupted((transaction) =>
        rollUpMarked(transaction, course.id, pick(wikis, change.wiki), change.days),
      );
    case 'interrupted totals':
      return interrupted((transaction) => rollUpCourse(transaction, { courseId: course.id }));
    case 'mark':
      await query(
        `update course_wiki_timeslices set needs_update = true where course_id = $1 and wiki_id = $2
           and start_at = (select min(start_at) + make_interval(days => $3) from course_wiki_timeslices where course_id = $1)`,
        course.id,
        pick(wikis, change.wiki),
        change.day,
      );
      return;
    case 'enroll':
      await query(
        'insert into courses_users (course_id, user_id) values ($1, $2) on conflict do nothing',
        course.id,
        pick(users, change.user),
      );
      return;
    case 'drop':
      await query(
        'delete from courses_users where course_id = $1 and user_id = $2',
        course.id,
        pick(users, change.user),
      );
      return;
    case 'rejoin':
      await apply({ course, users, articles, wikis }, { kind: 'drop', user: change.user });
      return apply({ course, users, articles, wikis }, { kind: 'enroll', user: change.user });
    case 'promote':
      await query(
        `update courses_users enrolled set role = 1 where course_id = $1 and user_id = $2 and role = 0
           and not exists (select from courses_users other
             where other.course_id = $1 and other.user_id = $2 and other.role = 1)`,
        course.id,
        pick(users, change.user),
      );
      return;
    case 'delete':
      await query(setDeleted, pick(articles, change.article), true);
      return;
    case 'restore':
      await query(setDeleted, pick(articles, change.article), false);
      return;
    case 'exclude':
      await query(
        'insert into course_excluded_articles (course_id, article_id) values ($1, $2) on conflict do nothing',
        course.id,
        pick(articles, change.article),
      );
      return;
    case 'include':
      await query(
        'delete from course_excluded_articles where course_id = $1 and article_id = $2',
        course.id,
        pick(articles, change.article),
      );
      return;
    case 'untrack':
      await query(setTracked, course.id, pick(articles, change.article), false);
      return;
    case 'retrack':
      await query(setTracked, course.id, pick(articles, change.article), true);
      return;
    case 'move':
      await query(
        'update articles set namespace = $2 where id = $1',
        pick(articles, change.article),
        change.namespace,
      );
      return;
    case 'namespace':
      await query(
        'insert into course_wiki_namespaces (course_id, wiki_id, namespace) values ($1, $2, $3) on conflict do nothing',
        course.id,
        pick(wikis, change.wiki),
        change.namespace,
      );
      return;
    case 'no namespace':
      await query(
        'delete from course_wiki_namespaces where course_id = $1 and wiki_id = $2 and namespace = $3',
        course.id,
        pick(wikis, change.wiki),
        change.namespace,
      );
      return;
  }
}

/** The marked slices of a wiki among the first, second and third day. */
async function rollUpMarked(
  transaction: Queryable,
  courseId: number,
  wikiId: number,
  days: readonly number[],
): Promise<void> {
  const marked = await listMarked(transaction, courseId);
  const startsAt = marked
    .filter((slice) => slice.wikiId === wikiId)
    .map((slice) => slice.startAt)
    .filter((startAt) => days.includes(((startAt / 86_400) | 0) % DAYS));
  await rollUpSlices(transaction, { courseId, wikiId, startsAt });
}

/** The process dies just before the commit. */
async function interrupted(work: (transaction: Queryable) => Promise<unknown>): Promise<void> {
  const death = new Error('died before the commit');
  await database
    .transaction(async (transaction) => {
      await work(transaction);
      throw death;
    })
    .catch((error: unknown) => {
      if (error !== death) throw error;
    });
}

function pick(list: readonly number[], place: number): number {
  const value = list[place];
  if (value === undefined) throw new Error(`the list has no place ${place}`);
  return value;
}
