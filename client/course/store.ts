import type { Queryable } from '../../db/database.ts';

/** A course as `courses` has it. */
export interface StoredCourse {
  readonly courseId: number;
  readonly slug: string;
  readonly title: string;
  /** Both inclusive. */
  readonly startsAt: Date;
  readonly endsAt: Date;
  /** A full rebuild was asked for and has not begun. */
  readonly fullRebuildAsked: boolean;
  readonly characterSum: number;
  readonly referencesCount: number;
  readonly revisionCount: number;
  readonly userCount: number;
  readonly articleCount: number;
  readonly newArticleCount: number;
  /** When an update last rolled the numbers up. */
  readonly updatedAt: Date | null;
  readonly slices: number;
  /** Slices whose numbers are stale. */
  readonly slicesMarked: number;
  /** Labels of the wikis of which the last update left something. */
  readonly wikisLeft: readonly string[];
}

const courseColumns = `
  courses.id as "courseId", slug, title, starts_at as "startsAt", ends_at as "endsAt",
  courses.needs_update as "fullRebuildAsked", courses.character_sum as "characterSum",
  courses.references_count as "referencesCount", courses.revision_count as "revisionCount", user_count as "userCount",
  article_count as "articleCount", new_article_count as "newArticleCount", updated_at as "updatedAt",
  coalesce(counted.slices, 0) as "slices", coalesce(counted.marked, 0) as "slicesMarked",
  array(
    select concat_ws('.', language, project) from courses_wikis join wikis on wikis.id = wiki_id
    where courses_wikis.course_id = courses.id and left_at is not null order by wiki_id) as "wikisLeft"`;

const coursesWithSlices = `
  courses left join lateral (
    select count(*) as slices, count(*) filter (where slice.needs_update) as marked
    from course_wiki_timeslices slice where slice.course_id = courses.id) counted on true`;

export async function listCourses(db: Queryable): Promise<readonly StoredCourse[]> {
  const { rows } = await db.query<StoredCourse>(
    `select ${courseColumns} from ${coursesWithSlices} order by starts_at desc, slug`,
  );
  return rows;
}

export async function findCourse(db: Queryable, slug: string): Promise<StoredCourse | undefined> {
  const { rows } = await db.query<StoredCourse>(
    `select ${courseColumns} from ${coursesWithSlices} where slug = $1::text`,
    [slug],
  );
  return rows[0];
}

export async function listCourseIds(db: Queryable): Promise<readonly number[]> {
  const { rows } = await db.query<{ id: number }>('select id from courses order by id');
  return rows.map(({ id }) => id);
}

/** A wiki of a course, with the state of its slices. */
export interface StoredCourseWiki {
  readonly wikiId: number;
  /** `en.wikipedia`, `wikidata`. */
  readonly wiki: string;
  readonly apiUrl: string;
  /** Tracked ones; only the mainspace when none is named. */
  readonly namespaces: readonly number[];
  readonly timesliceSeconds: number;
  readonly slices: number;
  readonly slicesMarked: number;
  /** Of the marked ones: their edits are fetched again. */
  readonly slicesToFetch: number;
  readonly characterSum: number;
  readonly referencesCount: number;
  readonly revisionCount: number;
  /** How far every student has been fetched; null while somebody was never. */
  readonly fetchedUntil: Date | null;
  /** Students whom no update has fetched yet, those who are refused left out. */
  readonly studentsToFetch: number;
  /** What the last update did not get, and why. */
  readonly left: { readonly at: string; readonly because: string } | null;
}

/** The wikis of a course, in the order of their ids. */
export async function listCourseWikis(db: Queryable, courseId: number): Promise<readonly StoredCourseWiki[]> {
  const { rows } = await db.query<StoredCourseWiki>(
    `select wikis.id as "wikiId", concat_ws('.', wikis.language, wikis.project) as wiki, wikis.api_url as "apiUrl",
       coalesce(tracked.namespaces, '{0}') as namespaces, mine.timeslice_seconds as "timesliceSeconds",
       summed.slices, summed.marked as "slicesMarked", summed.to_fetch as "slicesToFetch",
       summed.character_sum as "characterSum", summed.references_count as "referencesCount",
       summed.revision_count as "revisionCount",
       case when fetched.never = 0 then fetched.until end as "fetchedUntil", fetched.never as "studentsToFetch",
       case when mine.left_at is not null
         then jsonb_build_object('at', mine.left_at, 'because', mine.left_because) end as "left"
     from courses_wikis mine
     join wikis on wikis.id = mine.wiki_id
     cross join lateral (
       select array_agg(namespace order by namespace) as namespaces from course_wiki_namespaces named
       where (named.course_id, named.wiki_id) = (mine.course_id, mine.wiki_id)) tracked
     cross join lateral (
       select count(*) as slices, count(*) filter (where needs_update) as marked,
         count(*) filter (where needs_fetch) as to_fetch,
         coalesce(sum(character_sum), 0)::bigint as character_sum,
         coalesce(sum(references_count), 0)::bigint as references_count,
         coalesce(sum(revision_count), 0)::bigint as revision_count
       from course_wiki_timeslices slice
       where (slice.course_id, slice.wiki_id) = (mine.course_id, mine.wiki_id)) summed
     cross join lateral (
       select min(known.ingested_until) as until, count(*) filter (where known.ingested_until is null) as never
       from courses_users student
       left join course_user_wiki_cursors known
         on (known.course_id, known.wiki_id, known.user_id) = (student.course_id, mine.wiki_id, student.user_id)
       where student.course_id = mine.course_id and student.role = 0 and known.refused_at is null) fetched
     where mine.course_id = $1::bigint
     order by wikis.id`,
    [courseId],
  );
  return rows;
}

/** Somebody in a course; of other roles than students all numbers are 0. */
export interface StoredPerson {
  readonly userId: number;
  readonly username: string;
  /** Which learner of the LMS this is; null while nobody has said. */
  readonly lmsUserId: number | null;
  readonly role: number;
  readonly enrolledAt: Date;
  /** Characters in the mainspace, in user pages and in drafts. */
  readonly characterSum: number;
  readonly characterSumUser: number;
  readonly characterSumDraft: number;
  readonly referencesCount: number;
  readonly revisionCount: number;
  /** Wikis that take the username for malformed, so that the student's edits are not fetched there. */
  readonly refusedBy: readonly string[];
}

/** Everybody in the course: students first, those with the most characters first. */
export async function listPeople(db: Queryable, courseId: number): Promise<readonly StoredPerson[]> {
  const { rows } = await db.query<StoredPerson>(
    `select users.id as "userId", username, lms_user_id as "lmsUserId", role, enrolled_at as "enrolledAt",
       character_sum_ms as "characterSum", character_sum_us as "characterSumUser",
       character_sum_draft as "characterSumDraft", references_count as "referencesCount",
       revision_count as "revisionCount",
       case when role = 0 then array(
         select concat_ws('.', wikis.language, wikis.project)
         from course_user_wiki_cursors refused
         join courses_wikis using (course_id, wiki_id)
         join wikis on wikis.id = refused.wiki_id
         where refused.course_id = $1::bigint and refused.user_id = users.id and refused.refused_at is not null
         order by wikis.id) else '{}' end as "refusedBy"
     from courses_users enrolled
     join users on users.id = enrolled.user_id
     where course_id = $1::bigint
     order by role, character_sum_ms desc, username`,
    [courseId],
  );
  return rows;
}

/** An article that counts in a course, or would if it were not excluded by hand. */
export interface StoredArticle {
  readonly articleId: number;
  readonly wiki: string;
  readonly namespace: number;
  /** With underscores, without the namespace's name. */
  readonly title: string;
  readonly characterSum: number;
  readonly referencesCount: number;
  /** How many students edited it. */
  readonly students: number;
  readonly newArticle: boolean;
  readonly firstRevision: Date | null;
  /** False: excluded by hand. */
  readonly tracked: boolean;
}

/** The articles of a course, those with the most characters first. */
export async function listArticles(db: Queryable, courseId: number): Promise<readonly StoredArticle[]> {
  const { rows } = await db.query<StoredArticle>(
    `select article.id as "articleId", concat_ws('.', wikis.language, wikis.project) as wiki, namespace, article.title,
       mine.character_sum as "characterSum", mine.references_count as "referencesCount",
       cardinality(mine.user_ids) as students, mine.new_article as "newArticle",
       mine.first_revision as "firstRevision", mine.tracked
     from articles_courses mine
     join articles article on article.id = mine.article_id
     join wikis on wikis.id = article.wiki_id
     where mine.course_id = $1::bigint
     order by mine.character_sum desc, article.title, article.id`,
    [courseId],
  );
  return rows;
}

/** Asks for a full rebuild, which the next update carries out. */
export async function askFullRebuild(db: Queryable, courseId: number): Promise<void> {
  await db.query('update courses set needs_update = true where id = $1::bigint', [courseId]);
}
