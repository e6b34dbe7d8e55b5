import type { Queryable } from '../../../db/database.ts';

export const DAY = 86_400;
/** 2026-01-01T00:00:00Z, when the course begins. */
export const START = 1_767_225_600;

export interface FactGiven {
  readonly article: number;
  readonly user: number;
  /** Of the slice, from 0. */
  readonly day: number;
  readonly characters?: number;
  readonly references?: number;
  readonly revisions?: number;
  readonly newArticle?: boolean;
  /** Seconds into the slice. */
  readonly first?: number;
  readonly last?: number;
}

/** A course of some days and one wiki, with a slice a day, to fill with people, articles and facts. */
export interface SmallCourse {
  readonly id: number;
  readonly wiki: number;
  addWiki(): Promise<number>;
  addUser(...roles: readonly number[]): Promise<number>;
  addArticle(given?: {
    readonly namespace?: number;
    readonly deleted?: boolean;
    readonly wiki?: number;
  }): Promise<number>;
  /** Adds or replaces a fact, and marks its slice. */
  putFact(fact: FactGiven): Promise<void>;
  track(namespace: number, wiki?: number): Promise<void>;
}

let made = 0;

export async function createSmallCourse(db: Queryable, days = 3): Promise<SmallCourse> {
  const id = await insert(
    db,
    `insert into courses (slug, title, starts_at, ends_at) values ($1, 'A course', to_timestamp($2), to_timestamp($3))`,
    [`course-${(made += 1)}`, START, START + days * DAY - 1],
  );
  const addWiki = async (): Promise<number> => {
    const wikiId = await insert(db, `insert into wikis (project, api_url) values ('wikipedia', $1)`, [
      `http://wiki-${(made += 1)}/w/api.php`,
    ]);
    await db.query(
      `insert into courses_wikis (course_id, wiki_id, sliced_from, sliced_until)
       select id, $2, starts_at, ends_at from courses where id = $1`,
      [id, wikiId],
    );
    await db.query(
      `insert into course_wiki_timeslices (course_id, wiki_id, start_at, end_at)
       select $1, $2, to_timestamp($3::bigint + day * 86400), to_timestamp($3::bigint + (day + 1) * 86400)
       from generate_series(0, $4::integer - 1) day`,
      [id, wikiId, START, days],
    );
    return wikiId;
  };
  const wiki = await addWiki();
  return {
    id,
    wiki,
    addWiki,
    async addUser(...roles) {
      const userId = await insert(db, 'insert into users (username) values ($1)', [`user-${(made += 1)}`]);
      for (const role of roles) {
        await db.query('insert into courses_users (course_id, user_id, role) values ($1, $2, $3)', [
          id,
          userId,
          role,
        ]);
      }
      return userId;
    },
    addArticle: (given = {}) =>
      insert(
        db,
        'insert into articles (wiki_id, mw_page_id, title, namespace, deleted) values ($1, $2, $3, $4, $5)',
        [given.wiki ?? wiki, (made += 1), `Page_${made}`, given.namespace ?? 0, given.deleted ?? false],
      ),
    putFact: (fact) => putFact(db, id, fact),
    async track(namespace, trackedWiki = wiki) {
      await db.query(
        'insert into course_wiki_namespaces (course_id, wiki_id, namespace) values ($1, $2, $3)',
        [id, trackedWiki, namespace],
      );
    },
  };
}

async function putFact(db: Queryable, courseId: number, fact: FactGiven): Promise<void> {
  const startAt = START + fact.day * DAY;
  const revisions = fact.revisions ?? 1;
  const first = revisions === 0 ? null : startAt + (fact.first ?? 60);
  const last = revisions === 0 ? null : startAt + (fact.last ?? fact.first ?? 60);
  await db.query(
    `with fact as (
       insert into article_course_user_wiki_timeslices as known
         (course_id, wiki_id, article_id, user_id, start_at, end_at, character_sum, references_count, revision_count,
          new_article, first_revision, last_revision)
       select $1, wiki_id, id, $3, to_timestamp($4), to_timestamp($4 + 86400), $5, $6, $7, $8, to_timestamp($9), to_timestamp($10)
       from articles where id = $2
       on conflict (course_id, wiki_id, start_at, article_id, user_id) do update set
         character_sum = excluded.character_sum, references_count = excluded.references_count,
         revision_count = excluded.revision_count, new_article = excluded.new_article,
         first_revision = excluded.first_revision, last_revision = excluded.last_revision
       returning course_id, wiki_id, start_at)
     update course_wiki_timeslices slice set needs_update = true from fact
     where (slice.course_id, slice.wiki_id, slice.start_at) = (fact.course_id, fact.wiki_id, fact.start_at)`,
    [
      courseId,
      fact.article,
      fact.user,
      startAt,
      fact.characters ?? 0,
      fact.references ?? 0,
      revisions,
      fact.newArticle ?? false,
      first,
      last,
    ],
  );
}

/** Starts of the marked slices, epoch seconds. */
export async function listMarked(
  db: Queryable,
  courseId: number,
): Promise<readonly { readonly wikiId: number; readonly startAt: number }[]> {
  const { rows } = await db.query<{ wikiId: number; startAt: number }>(
    `select wiki_id as "wikiId", extract(epoch from start_at)::bigint as "startAt" from course_wiki_timeslices
     where course_id = $1 and needs_update order by wiki_id, start_at`,
    [courseId],
  );
  return rows;
}

async function insert(db: Queryable, statement: string, values: readonly unknown[]): Promise<number> {
  const { rows } = await db.query<{ id: number }>(`${statement} returning id`, values);
  const [row] = rows;
  if (!row) throw new Error(`nothing inserted by ${statement}`);
  return row.id;
}
