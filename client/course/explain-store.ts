import type { Queryable } from '../../db/database.ts';

/** Which part of a course's numbers is looked at; what is undefined narrows nothing. */
export interface Narrowing {
  readonly courseId: number;
  readonly userId?: number | undefined;
  readonly articleIds?: readonly number[] | undefined;
  /** A moment in the slices meant. */
  readonly at?: Date | undefined;
}

/** The parameters of {@link narrowed}. */
function valuesOf({ courseId, userId, articleIds, at }: Narrowing): readonly unknown[] {
  return [courseId, userId ?? null, articleIds ?? null, at ?? null];
}

/** Conditions on `row`. Every parameter is named, because the server must know its type. */
function narrowed(row: string, has: { readonly user: boolean; readonly article: boolean }): string {
  const user = has.user ? `${row}.user_id = $2::bigint` : 'true';
  const article = has.article ? `${row}.article_id = any($3::bigint[])` : 'true';
  return `${row}.course_id = $1::bigint and ($2::bigint is null or ${user}) and ($3::bigint[] is null or ${article})
    and ($4::timestamptz is null or ($4::timestamptz >= ${row}.start_at and $4::timestamptz < ${row}.end_at))`;
}

const wikiLabel = `concat_ws('.', wikis.language, wikis.project)`;

/** A slice of a wiki: whose numbers they are, `courses` sums them. */
export interface SliceRow {
  readonly wikiId: number;
  readonly wiki: string;
  readonly startAt: Date;
  readonly endAt: Date;
  readonly characterSum: number;
  readonly referencesCount: number;
  readonly revisionCount: number;
  readonly lastRevision: Date | null;
  readonly marked: boolean;
  readonly toFetch: boolean;
}

/** Slices in order, whoever edited in them; those of removed wikis too. */
export async function listSliceRows(db: Queryable, narrowing: Narrowing): Promise<readonly SliceRow[]> {
  const { rows } = await db.query<SliceRow>(
    `select wikis.id as "wikiId", ${wikiLabel} as wiki, start_at as "startAt", end_at as "endAt",
       character_sum as "characterSum", references_count as "referencesCount", revision_count as "revisionCount",
       last_mw_rev_datetime as "lastRevision", needs_update as marked, needs_fetch as "toFetch"
     from course_wiki_timeslices slice
     join wikis on wikis.id = slice.wiki_id
     where ${narrowed('slice', { user: false, article: false })}
     order by wikis.id, start_at`,
    valuesOf({ courseId: narrowing.courseId, at: narrowing.at }),
  );
  return rows;
}

/** A student's numbers in one slice: the slice's sum them. */
export interface StudentRow {
  readonly wikiId: number;
  readonly startAt: Date;
  readonly userId: number;
  readonly username: string;
  readonly characterSum: number;
  readonly characterSumUser: number;
  readonly characterSumDraft: number;
  readonly referencesCount: number;
  readonly revisionCount: number;
}

export async function listStudentRows(db: Queryable, narrowing: Narrowing): Promise<readonly StudentRow[]> {
  const { rows } = await db.query<StudentRow>(
    `select wiki_id as "wikiId", start_at as "startAt", user_id as "userId", username,
       character_sum_ms as "characterSum", character_sum_us as "characterSumUser",
       character_sum_draft as "characterSumDraft", references_count as "referencesCount",
       revision_count as "revisionCount"
     from course_user_wiki_timeslices mine
     join users on users.id = mine.user_id
     where ${narrowed('mine', { user: true, article: false })}
     order by wiki_id, start_at, username`,
    valuesOf({ ...narrowing, articleIds: undefined }),
  );
  return rows;
}

/** An article's numbers in one slice: the article's own sum them. */
export interface ArticleRow {
  readonly wikiId: number;
  readonly startAt: Date;
  readonly articleId: number;
  readonly namespace: number;
  readonly title: string;
  readonly characterSum: number;
  readonly referencesCount: number;
  readonly revisionCount: number;
  readonly newArticle: boolean;
}

/** Where a user is given: of the articles that they edited there. */
export async function listArticleRows(db: Queryable, narrowing: Narrowing): Promise<readonly ArticleRow[]> {
  const { rows } = await db.query<ArticleRow>(
    `select mine.wiki_id as "wikiId", start_at as "startAt", article_id as "articleId", namespace, title,
       character_sum as "characterSum", references_count as "referencesCount", revision_count as "revisionCount",
       new_article as "newArticle"
     from article_course_timeslices mine
     join articles on articles.id = mine.article_id
     where ${narrowed('mine', { user: false, article: true })} and ($5::bigint is null or user_ids @> array[$5::bigint])
     order by mine.wiki_id, start_at, title, article_id`,
    [...valuesOf({ ...narrowing, userId: undefined }), narrowing.userId ?? null],
  );
  return rows;
}

/** What one user did to one page in one slice, with everything that decides whether it counts. */
export interface FactRow {
  readonly wikiId: number;
  readonly startAt: Date;
  readonly userId: number;
  readonly username: string;
  readonly articleId: number;
  readonly namespace: number;
  readonly title: string;
  readonly characterSum: number;
  readonly referencesCount: number;
  readonly revisionCount: number;
  readonly newArticle: boolean;
  readonly firstRevision: Date | null;
  readonly lastRevision: Date | null;
  readonly isStudent: boolean;
  readonly isDeleted: boolean;
  readonly isExcluded: boolean;
  readonly isTrackedNamespace: boolean;
  readonly isCourseWiki: boolean;
  readonly isInPeriod: boolean;
  readonly isMarked: boolean;
}

export async function listFactRows(db: Queryable, narrowing: Narrowing): Promise<readonly FactRow[]> {
  const { rows } = await db.query<FactRow>(
    `select fact.wiki_id as "wikiId", fact.start_at as "startAt", fact.user_id as "userId", username,
       fact.article_id as "articleId", article.namespace, article.title, fact.character_sum as "characterSum",
       fact.references_count as "referencesCount", fact.revision_count as "revisionCount",
       fact.new_article as "newArticle", first_revision as "firstRevision", last_revision as "lastRevision",
       exists (select from courses_users student
         where (student.course_id, student.user_id, student.role) = (fact.course_id, fact.user_id, 0)) as "isStudent",
       article.deleted as "isDeleted",
       exists (select from course_excluded_articles excluded
         where (excluded.course_id, excluded.article_id) = (fact.course_id, fact.article_id)) as "isExcluded",
       case when exists (select from course_wiki_namespaces named
           where (named.course_id, named.wiki_id) = (fact.course_id, fact.wiki_id))
         then exists (select from course_wiki_namespaces named
           where (named.course_id, named.wiki_id, named.namespace) = (fact.course_id, fact.wiki_id, article.namespace))
         else article.namespace = 0 end as "isTrackedNamespace",
       exists (select from courses_wikis mine
         where (mine.course_id, mine.wiki_id) = (fact.course_id, fact.wiki_id)) as "isCourseWiki",
       fact.start_at <= course.ends_at and fact.end_at > course.starts_at as "isInPeriod",
       slice.needs_update as "isMarked"
     from article_course_user_wiki_timeslices fact
     join users on users.id = fact.user_id
     join articles article on article.id = fact.article_id
     join courses course on course.id = fact.course_id
     join course_wiki_timeslices slice
       on (slice.course_id, slice.wiki_id, slice.start_at) = (fact.course_id, fact.wiki_id, fact.start_at)
     where ${narrowed('fact', { user: true, article: true })}
     order by fact.wiki_id, fact.start_at, article.title, fact.article_id, username`,
    valuesOf(narrowing),
  );
  return rows;
}

/** How far a user has been fetched from each of the course's wikis. */
export interface CursorRow {
  readonly wiki: string;
  readonly fetchedUntil: Date | null;
  /** The wiki takes the username for malformed since then. */
  readonly refusedAt: Date | null;
}

export async function listCursors(
  db: Queryable,
  { courseId, userId }: { readonly courseId: number; readonly userId: number },
): Promise<readonly CursorRow[]> {
  const { rows } = await db.query<CursorRow>(
    `select ${wikiLabel} as wiki, ingested_until as "fetchedUntil", refused_at as "refusedAt"
     from courses_wikis mine
     join wikis on wikis.id = mine.wiki_id
     left join course_user_wiki_cursors known
       on (known.course_id, known.wiki_id, known.user_id) = (mine.course_id, mine.wiki_id, $2::bigint)
     where mine.course_id = $1::bigint
     order by wikis.id`,
    [courseId, userId],
  );
  return rows;
}
