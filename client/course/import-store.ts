import type { Queryable } from '../../db/database.ts';
import type { CourseFile } from '../../domain/timeslices/course-file.ts';
import type { WikiEntry } from '../../domain/timeslices/course-file-wikis.ts';
import { wikimediaApiUrl, type WikiName } from '../../domain/timeslices/wiki-address.ts';

/** What a course was called and when it took place; epoch seconds. */
export interface CourseHead {
  readonly title: string;
  readonly startsAt: number;
  readonly endsAt: number;
}

/** The id of a new course, or undefined when there is one of that slug. */
export async function insertCourse(
  db: Queryable,
  { slug, title, period }: CourseFile,
): Promise<number | undefined> {
  const { rows } = await db.query<{ id: number }>(
    `insert into courses (slug, title, starts_at, ends_at)
     values ($1::text, $2::text, to_timestamp($3::bigint), to_timestamp($4::bigint))
     on conflict (slug) do nothing
     returning id`,
    [slug, title, period.startsAt, period.endsAt],
  );
  return rows[0]?.id;
}

/** Gives a course another title and other dates. */
export async function updateCourse(
  db: Queryable,
  courseId: number,
  { title, period }: CourseFile,
): Promise<void> {
  await db.query(
    `update courses set title = $2::text, starts_at = to_timestamp($3::bigint), ends_at = to_timestamp($4::bigint)
     where id = $1::bigint`,
    [courseId, title, period.startsAt, period.endsAt],
  );
}

export async function oneCourseHead(db: Queryable, courseId: number): Promise<CourseHead> {
  const { rows } = await db.query<CourseHead>(
    `select title, extract(epoch from starts_at)::bigint as "startsAt", extract(epoch from ends_at)::bigint as "endsAt"
     from courses where id = $1::bigint`,
    [courseId],
  );
  const [head] = rows;
  if (!head) throw new Error(`course ${courseId} is gone`);
  return head;
}

/** A wiki as it is known to all courses. */
export interface StoredWiki extends WikiName {
  readonly wikiId: number;
  readonly apiUrl: string;
}

/** The wikis at these addresses under the names that they have, in the order of their addresses; new ones are created. */
export async function ensureWikis(
  db: Queryable,
  wikis: readonly WikiEntry[],
): Promise<readonly StoredWiki[]> {
  const apiUrls = wikis.map(({ apiUrl }) => apiUrl);
  await db.query(
    `insert into wikis (language, project, api_url)
     select language, project, api_url
     from unnest($1::text[], $2::text[], $3::text[]) as given(language, project, api_url)
     order by api_url
     on conflict (api_url) do nothing`,
    [wikis.map(({ language }) => language), wikis.map(({ project }) => project), apiUrls],
  );
  // Locked until the end, so that no two imports give a wiki two names.
  const { rows } = await db.query<StoredWiki>(
    `select id as "wikiId", language, project, api_url as "apiUrl" from wikis
     where api_url = any($1::text[])
     order by api_url
     for no key update`,
    [apiUrls],
  );
  return rows;
}

/**
 * Gives a wiki another name, and answers whether it did: only where no other course has the wiki, or where the name is the one by which
 * Wikimedia serves it there.
 */
export async function renameWiki(
  db: Queryable,
  courseId: number,
  { wikiId, language, project, apiUrl }: StoredWiki,
): Promise<boolean> {
  const { rowCount } = await db.query(
    `update wikis set language = $2::text, project = $3::text
     where id = $1::bigint and ($4::boolean or not exists (
       select from courses_wikis where wiki_id = $1::bigint and course_id <> $5::bigint))`,
    [wikiId, language, project, wikimediaApiUrl({ language, project }) === apiUrl, courseId],
  );
  return rowCount === 1;
}

/** A wiki of a course as its settings are stored. */
export interface WikiSettings {
  readonly wikiId: number;
  readonly wiki: string;
  /** Ascending; empty means the mainspace alone. */
  readonly namespaces: readonly number[];
  readonly timesliceSeconds: number;
}

export async function listWikiSettings(db: Queryable, courseId: number): Promise<readonly WikiSettings[]> {
  const { rows } = await db.query<WikiSettings>(
    `select mine.wiki_id as "wikiId", concat_ws('.', language, project) as wiki, timeslice_seconds as "timesliceSeconds",
       array(
         select namespace from course_wiki_namespaces named
         where (named.course_id, named.wiki_id) = (mine.course_id, mine.wiki_id) order by namespace) as namespaces
     from courses_wikis mine
     join wikis on wikis.id = mine.wiki_id
     where course_id = $1::bigint
     order by mine.wiki_id`,
    [courseId],
  );
  return rows;
}

/** Takes wikis out of a course; their slices stay until the next update. */
export async function deleteCourseWikis(
  db: Queryable,
  courseId: number,
  wikiIds: readonly number[],
): Promise<void> {
  await db.query('delete from courses_wikis where course_id = $1::bigint and wiki_id = any($2::bigint[])', [
    courseId,
    wikiIds,
  ]);
}

/** Adds a wiki to a course or changes its settings; what is right already is not written, and marks nothing. */
export async function putCourseWiki(
  db: Queryable,
  courseId: number,
  { wikiId, namespaces, timesliceSeconds }: Omit<WikiSettings, 'wiki'>,
): Promise<void> {
  await db.query(
    `insert into courses_wikis as known (course_id, wiki_id, timeslice_seconds)
     values ($1::bigint, $2::bigint, $3::integer)
     on conflict (course_id, wiki_id) do update set timeslice_seconds = excluded.timeslice_seconds
     where known.timeslice_seconds <> excluded.timeslice_seconds`,
    [courseId, wikiId, timesliceSeconds],
  );
  await db.query(
    `delete from course_wiki_namespaces
     where course_id = $1::bigint and wiki_id = $2::bigint and namespace <> all($3::integer[])`,
    [courseId, wikiId, namespaces],
  );
  await db.query(
    `insert into course_wiki_namespaces (course_id, wiki_id, namespace)
     select $1::bigint, $2::bigint, given from unnest($3::integer[]) given order by given
     on conflict do nothing`,
    [courseId, wikiId, namespaces],
  );
}
