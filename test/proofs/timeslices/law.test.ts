import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Database, Queryable } from '../../../db/database.ts';
import { setCourseStage, type CourseStage } from '../../support/courses.ts';
import { beginLife, lives, type Change, type Life } from './law-model.ts';

const RUNS = Number(process.env['LAW_RUNS'] ?? 20);
/** Six updates and two courses a life, and waits of a second behind every death. */
const LIMIT_MS = 60_000 + RUNS * 60_000;
const SEED = Number(process.env['LAW_SEED'] ?? Date.now() % 2 ** 31);

/** The next death of an activity: at the so-many-th call to the database from now. */
let death: { at: number; readonly how: 'before' | 'after' } | undefined;
let deaths = 0;
let stage: CourseStage;

beforeAll(async () => {
  stage = await setCourseStage({ retry_budget: '60s' }, { wrapDatabase: dying });
  await stage.startWorker();
});

afterAll(() => stage.close());

/** An activity that dies before its call takes effect, or after, when nobody learns of it any more. */
function dying(database: Database): Database {
  const take = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    if (death === undefined || (death.at -= 1) >= 0) return work();
    const { how } = death;
    death = undefined;
    deaths += 1;
    if (how === 'after') await work();
    throw new Error(`died ${how} its call to the database`);
  };
  return {
    ...database,
    query: (statement, values) => take(() => database.query(statement, values)),
    connection: (work) =>
      database.connection((connection) =>
        work({
          query: (...given: Parameters<Queryable['query']>) => take(() => connection.query(...given)),
        }),
      ),
    transaction: (work) =>
      take(() =>
        database.transaction((transaction) =>
          work({
            query: (...given: Parameters<Queryable['query']>) => take(() => transaction.query(...given)),
          }),
        ),
      ),
  };
}

test(
  'after any life of a course its numbers are those of a rebuild, and of a course that was never changed',
  { timeout: LIMIT_MS },
  async () => {
    process.stderr.write(`law of the house: LAW_SEED=${SEED} LAW_RUNS=${RUNS}\n`);
    let lived = 0;
    await fc.assert(
      fc.asyncProperty(lives, async ({ before, after }) => {
        const name = `Life ${(lived += 1)}`;
        death = undefined;
        const life = await beginLife(stage, name, (at, how) => {
          death = { at, how };
        });
        for (const change of before) await life.play(change);
        await life.play({ kind: 'update' });
        for (const change of after) await life.play(change);
        death = undefined;
        await life.play({ kind: 'update' });
        // What came back with the last update is fetched by the next one.
        if (await isMarked(life)) await life.play({ kind: 'update' });

        expect(await isMarked(life)).toBe(false);
        expect(await stage.differences(life.courseId)).toEqual([]);
        const grown = await numbersOf(life.courseId);

        await life.play({ kind: 'full' });
        await life.play({ kind: 'update' });
        expect(await stage.differences(life.courseId)).toEqual([]);
        const rebuilt = await numbersOf(life.courseId);
        // Whoever is fetched for the first time while a page is away has edits behind their cursors when it comes back.
        if (!isFetchedAnew(after)) expect(grown).toEqual(rebuilt);

        expect(rebuilt).toEqual(await numbersOf(await twinOf(life)));
      }),
      { numRuns: RUNS, seed: SEED, endOnFailure: true },
    );
    expect(deaths).toBeGreaterThan(0);
  },
);

/** True when a page was restored in a life in which students, wikis or slices came. */
function isFetchedAnew(changes: readonly Change[]): boolean {
  const kinds = new Set(changes.map(({ kind }) => kind));
  return kinds.has('undelete') && (kinds.has('enroll') || kinds.has('wiki') || kinds.has('dates'));
}

async function isMarked({ courseId }: Life): Promise<boolean> {
  const { rows } = await stage.database.query(
    'select 1 from course_wiki_timeslices where course_id = $1 and (needs_update or needs_fetch) limit 1',
    [courseId],
  );
  return rows.length > 0;
}

/** A course that is now what this one became, updated once. */
async function twinOf({ courseId }: Life): Promise<number> {
  const { rows } = await stage.database.query<{ id: number }>(
    `insert into courses (slug, title, starts_at, ends_at)
     select slug || '-twin', title, starts_at, ends_at from courses where id = $1 returning id`,
    [courseId],
  );
  const twin = rows[0]?.id ?? 0;
  for (const copy of [
    `insert into courses_wikis (course_id, wiki_id, timeslice_seconds) select $2, wiki_id, timeslice_seconds from courses_wikis where course_id = $1`,
    `insert into course_wiki_namespaces (course_id, wiki_id, namespace) select $2, wiki_id, namespace from course_wiki_namespaces where course_id = $1`,
    `insert into courses_users (course_id, user_id, role) select $2, user_id, role from courses_users where course_id = $1`,
    `insert into course_excluded_articles (course_id, article_id) select $2, article_id from course_excluded_articles where course_id = $1`,
  ]) {
    await stage.database.query(copy, [courseId, twin]);
  }
  await stage.update(twin);
  return twin;
}

/** All that a course shows, whatever its slices are. */
async function numbersOf(courseId: number): Promise<unknown> {
  const list = async (statement: string): Promise<unknown> =>
    (await stage.database.query(statement, [courseId])).rows;
  return {
    course: await list(
      `select character_sum, references_count, revision_count, user_count, article_count, new_article_count from courses where id = $1`,
    ),
    users: await list(
      `select user_id, role, character_sum_ms, character_sum_us, character_sum_draft, references_count, revision_count
       from courses_users where course_id = $1 order by 1, 2`,
    ),
    articles: await list(
      `select article_id, character_sum, references_count, user_ids, new_article, first_revision, tracked
       from articles_courses where course_id = $1 order by 1`,
    ),
    wikis: await list(
      `select wiki_id, sum(character_sum) as characters, sum(revision_count) as revisions, max(last_mw_rev_datetime) as last
       from course_wiki_timeslices where course_id = $1 group by 1 order by 1`,
    ),
  };
}
