import type { Queryable } from '../../db/database.ts';
import { openFetch, keepPage, type FetchedPage } from '../../activities/timeslices/fetch-store.ts';
import { createStoreFacts } from '../../activities/timeslices/store-facts.ts';
import type { Database } from '../../db/database.ts';

export const STUDENTS = 500;
export const SLICES = 120;
export const COURSE = { courseId: 1, wikiId: 1 } as const;

/** 2026-01-01T00:00:00Z, epoch seconds. */
const BEGINS = 1_767_225_600;
const DAY = 86_400;
const STUDENTS_A_WALK = 50;
const RESULTS_A_PAGE = 500;

/**
 * Puts a course of one wiki into an empty, migrated database, and its edits into the plain table `revisions`: the same for
 * the same count. Students edit in sessions of six revisions to two pages: their articles, sandbox, draft and talk page,
 * now and then any article. Every tenth student edits on three days only.
 */
export async function createCourse(db: Queryable, revisions: number): Promise<void> {
  await db.query(`
    insert into courses (slug, title, starts_at, ends_at)
      values ('bench', 'Bench', to_timestamp(${BEGINS}), to_timestamp(${BEGINS + SLICES * DAY - 1}));
    insert into wikis (project, api_url) values ('bench', 'http://bench/w/api.php');
    insert into courses_wikis (course_id, wiki_id, sliced_from, sliced_until)
      select 1, 1, starts_at, ends_at from courses;
    insert into course_wiki_namespaces (course_id, wiki_id, namespace) values (1, 1, 0), (1, 1, 118);
    insert into course_wiki_timeslices (course_id, wiki_id, start_at, end_at)
      select 1, 1, to_timestamp(${BEGINS} + day * ${DAY}), to_timestamp(${BEGINS} + (day + 1) * ${DAY})
      from generate_series(0, ${SLICES} - 1) day;
    insert into users (username) select 'Student ' || n from generate_series(1, ${STUDENTS}) n;
    insert into courses_users (course_id, user_id) select 1, id from users;
    insert into course_user_wiki_cursors (course_id, wiki_id, user_id) select 1, 1, id from users;
    create function chance(bigint) returns bigint language sql immutable
      as 'select hashint8extended($1, 42) & 2147483647'`);
  await db.query(
    `create table revisions as
     with edit as (
       select n, n / 6 * 10 as session, chance(n / 6 * 10) % ${STUDENTS} + 1 as user_id, chance(n * 10 + 4) % 2 as place
       from generate_series(0, ${revisions} - 1) n),
     choice as (select *, chance(session + 5 + place) % 20 as pick, chance(session + 7 + place) as any_page from edit)
     select user_id,
       case when pick < 10 then chance(user_id * 100 + pick % 3) % 3000 + 1
         when pick < 14 then 4000 + user_id
         when pick < 16 then 3000 + user_id
         when pick < 18 then 5000 + user_id
         else any_page % 3000 + 1 end as mw_page_id,
       to_timestamp(${BEGINS} + n % 6 * 600 + chance(session + 3) % 80000 + ${DAY} * (case
         when user_id % 10 = 0 then chance(user_id * 1000 + chance(session + 2) % 3) else chance(session + 2) end
         % ${SLICES})) as made_at,
       (chance(n * 10 + 8) % 900 - 200)::bigint as characters,
       (chance(n * 10 + 9) % 5 = 0)::integer::bigint as references_added,
       chance(n * 10 + 6) % 200 <> 0 as is_live,
       chance(n * 10 + 1) % 300 = 0 as is_new_page
     from choice`,
  );
  await db.query('vacuum analyze');
}

/** A page of results as ingest keeps it. */
type Page = Pick<FetchedPage, 'facts' | 'revisions'>;

export interface Walk {
  readonly userIds: readonly number[];
  readonly pages: readonly Page[];
}

/** The whole course as ingest meets it: walks of 50 students, in pages of 500 revisions, student by student. */
export async function listWalks(db: Queryable): Promise<readonly Walk[]> {
  const { rows } = await db.query<Page['facts'][number] & { readonly walk: number; readonly page: number }>(
    `select walk, page, mw_page_id as "pageId", user_id as "userId",
       'Page_' || mw_page_id as title,
       case when mw_page_id <= 3000 then 0 when mw_page_id <= 4000 then 1 when mw_page_id <= 5000 then 2 else 118 end
         as namespace,
       extract(epoch from start_at)::bigint as "startAt", extract(epoch from start_at)::bigint + ${DAY} as "endAt",
       count(*) filter (where is_live) as "revisionCount",
       coalesce(sum(greatest(characters, 0)) filter (where is_live), 0)::bigint as "characterSum",
       coalesce(sum(references_added) filter (where is_live), 0)::bigint as "referencesCount",
       bool_or(is_new_page) as "newArticle",
       extract(epoch from min(made_at) filter (where is_live))::bigint as "firstRevision",
       extract(epoch from max(made_at) filter (where is_live))::bigint as "lastRevision"
     from (
       select *, date_bin('1 day', made_at, to_timestamp(${BEGINS})) as start_at, (user_id - 1) / ${STUDENTS_A_WALK} as walk,
         (row_number() over (partition by (user_id - 1) / ${STUDENTS_A_WALK} order by user_id, made_at) - 1)
           / ${RESULTS_A_PAGE} as page
       from revisions) result
     group by walk, page, mw_page_id, user_id, start_at
     order by walk, page`,
  );
  const walks: { userIds: number[]; pages: { facts: Page['facts'][number][]; revisions: number }[] }[] = [];
  for (const { walk, page, ...fact } of rows) {
    walks[walk] ??= {
      userIds: Array.from({ length: STUDENTS_A_WALK }, (_, index) => walk * STUDENTS_A_WALK + index + 1),
      pages: [],
    };
    const kept = (walks[walk].pages[page] ??= { facts: [], revisions: RESULTS_A_PAGE });
    kept.facts.push(fact);
  }
  return walks;
}

/** Keeps a walk's pages, each in a transaction of its own. Answers the walk's id. */
export async function keepWalk(database: Database, walk: Walk, now: string): Promise<number> {
  const order = {
    ...COURSE,
    from: BEGINS,
    to: BEGINS + SLICES * DAY - 1,
    userIds: walk.userIds,
    now,
  };
  const { fetchId } = await openFetch(database, order);
  for (const [after, page] of walk.pages.entries()) {
    const continuation = after + 1 < walk.pages.length ? { uccontinue: `page ${after + 1}` } : undefined;
    await database.transaction((transaction) =>
      keepPage(transaction, { fetchId, after, continuation, ...page }),
    );
  }
  return fetchId;
}

export async function storeWalk(database: Database, fetchId: number): Promise<void> {
  await createStoreFacts({ database })({ fetchId, fetchedUntil: BEGINS + SLICES * DAY - 1 });
}
