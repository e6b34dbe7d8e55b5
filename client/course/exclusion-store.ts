import type { Queryable } from '../../db/database.ts';

/** A page of one of a course's wikis that has the title asked for. */
export interface TitledPage {
  readonly articleId: number;
  readonly wikiId: number;
  readonly wiki: string;
  readonly apiUrl: string;
  readonly namespace: number;
  readonly title: string;
  readonly deleted: boolean;
}

/** Pages with any of these titles on the wikis of a course, live and deleted, also those that no student edited. */
export async function listPagesTitled(
  db: Queryable,
  { courseId, titles }: { readonly courseId: number; readonly titles: readonly string[] },
): Promise<readonly TitledPage[]> {
  const { rows } = await db.query<TitledPage>(
    `select article.id as "articleId", wikis.id as "wikiId", concat_ws('.', wikis.language, wikis.project) as wiki,
       api_url as "apiUrl", namespace, title, deleted
     from courses_wikis mine
     join wikis on wikis.id = mine.wiki_id
     join articles article on article.wiki_id = mine.wiki_id
     where mine.course_id = $1::bigint and article.title = any($2::text[])
     order by wikis.id, namespace, article.id`,
    [courseId, titles],
  );
  return rows;
}

/** Takes articles out of a course's numbers; returns those that were in them. What counts them is marked with it. */
export async function insertExclusions(
  db: Queryable,
  courseId: number,
  articleIds: readonly number[],
): Promise<readonly number[]> {
  const { rows } = await db.query<{ articleId: number }>(
    `insert into course_excluded_articles (course_id, article_id)
     select $1::bigint, given from unnest($2::bigint[]) given order by given
     on conflict do nothing
     returning article_id as "articleId"`,
    [courseId, articleIds],
  );
  return rows.map(({ articleId }) => articleId);
}

/** Takes articles back into a course's numbers; returns those that were out of them. */
export async function deleteExclusions(
  db: Queryable,
  courseId: number,
  articleIds: readonly number[],
): Promise<readonly number[]> {
  const { rows } = await db.query<{ articleId: number }>(
    `delete from course_excluded_articles where course_id = $1::bigint and article_id = any($2::bigint[])
     returning article_id as "articleId"`,
    [courseId, articleIds],
  );
  return rows.map(({ articleId }) => articleId);
}
