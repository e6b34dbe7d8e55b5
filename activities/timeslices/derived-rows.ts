import { studentSums } from './derived-tables.ts';

/**
 * What every derived table holds, as SELECT statements over the facts and over each other: the formulas, written once for
 * the roll-up and for the rebuild. `$1` is the course. `schema` (`''` or `name.`) says whose derived tables are read.
 */

/** Namespaces that count as the course's own, by wiki; a wiki without a row of its own tracks the mainspace. */
const trackedNamespaces = `(
  select courses_wikis.wiki_id, coalesce(named.namespace, 0) as namespace
  from courses_wikis
  left join course_wiki_namespaces named using (course_id, wiki_id)
  where courses_wikis.course_id = $1::bigint)`;

/**
 * Facts of current students about live articles, with what they are summed by; a user in two roles is one student. `facts`
 * and `articles` name the tables, or CTEs that hold what is needed of them.
 */
export function countedFacts(facts = 'article_course_user_wiki_timeslices', articles = 'articles'): string {
  return `
    select fact.wiki_id, fact.start_at, fact.end_at, fact.article_id, fact.user_id, fact.character_sum, fact.references_count,
      fact.revision_count, fact.new_article, fact.first_revision, fact.last_revision, article.namespace,
      article.namespace = 0 and fact.wiki_id in (
        select mine.wiki_id from ${trackedNamespaces} mine where mine.namespace = 0) as is_mainspace,
      fact.article_id in (
        select excluded.article_id from course_excluded_articles excluded where excluded.course_id = $1::bigint) as is_excluded
    from ${facts} fact
    join ${articles} article on article.id = fact.article_id and not article.deleted
    join courses_users student
      on student.course_id = $1::bigint and student.user_id = fact.user_id and student.role = 0
    where fact.course_id = $1::bigint`;
}

/** Rows of `article_course_timeslices`. `counted` names rows of `countedFacts`. */
export function articleSlices(counted = `(${countedFacts()})`): string {
  return `
    select $1::bigint as course_id, fact.wiki_id, fact.article_id, fact.start_at, max(fact.end_at) as end_at,
      sum(fact.character_sum)::bigint as character_sum,
      sum(fact.references_count)::bigint as references_count,
      sum(fact.revision_count)::bigint as revision_count,
      coalesce(array_agg(fact.user_id order by fact.user_id) filter (where fact.revision_count > 0), '{}') as user_ids,
      bool_or(fact.new_article) as new_article,
      min(fact.first_revision) as first_revision
    from ${counted} fact
    group by fact.article_id, fact.start_at, fact.wiki_id`;
}

/** Rows of `course_user_wiki_timeslices`, and `last_revision` for the slice they are in. `counted` names rows of `countedFacts`. */
export function studentSlices(counted = `(${countedFacts()})`): string {
  const mainspace = 'filter (where fact.is_mainspace)';
  return `
    select $1::bigint as course_id, fact.user_id, fact.wiki_id, fact.start_at, max(fact.end_at) as end_at,
      coalesce(sum(fact.character_sum) ${mainspace}, 0)::bigint as character_sum_ms,
      coalesce(sum(fact.character_sum) filter (where fact.namespace = 2), 0)::bigint as character_sum_us,
      coalesce(sum(fact.character_sum) filter (where fact.namespace = 118), 0)::bigint as character_sum_draft,
      coalesce(sum(fact.references_count) ${mainspace}, 0)::bigint as references_count,
      sum(fact.revision_count)::bigint as revision_count,
      max(fact.last_revision) as last_revision
    from ${counted} fact
    where not fact.is_excluded
    group by fact.user_id, fact.start_at, fact.wiki_id`;
}

/** The numbers of `course_wiki_timeslices`, of slices with students' edits and without. `students` names rows of `studentSlices`. */
export function courseSlices(students: string, filter = 'true'): string {
  return `
    select slice.course_id, slice.wiki_id, slice.start_at,
      coalesce(by_slice.character_sum, 0) as character_sum,
      coalesce(by_slice.references_count, 0) as references_count,
      coalesce(by_slice.revision_count, 0) as revision_count,
      by_slice.last_mw_rev_datetime
    from course_wiki_timeslices slice
    left join (
      select course_id, wiki_id, start_at,
        sum(character_sum_ms)::bigint as character_sum,
        sum(references_count)::bigint as references_count,
        sum(revision_count)::bigint as revision_count,
        max(last_revision) as last_mw_rev_datetime
      from ${students}
      group by course_id, wiki_id, start_at) by_slice using (course_id, wiki_id, start_at)
    where slice.course_id = $1::bigint and ${filter}`;
}

/** Rows of `articles_courses`; `tracked` as the exclusions have it. `filter` narrows the slices, by whole articles. */
export function courseArticles(schema: string, filter = 'true'): string {
  // A slice comes once for each of its editors, so that one pass gathers both; it is summed where it comes first.
  const once = 'filter (where coalesce(editor.place, 1) = 1)';
  return `
    select summed.course_id, summed.article_id, summed.character_sum, summed.references_count, summed.user_ids,
      summed.new_article, summed.first_revision, excluded_article.article_id is null as tracked
    from (
      select slice.course_id, slice.wiki_id, slice.article_id,
        (sum(slice.character_sum) ${once})::bigint as character_sum,
        (sum(slice.references_count) ${once})::bigint as references_count,
        array_agg(distinct editor.id order by editor.id) filter (where editor.id is not null) as user_ids,
        bool_or(slice.new_article) as new_article,
        min(slice.first_revision) as first_revision
      from ${schema}article_course_timeslices slice
      left join lateral unnest(slice.user_ids) with ordinality editor(id, place) on true
      where slice.course_id = $1::bigint and ${filter}
      group by slice.article_id, slice.course_id, slice.wiki_id
      having sum(slice.revision_count) > 0) summed
    join articles article on article.id = summed.article_id and not article.deleted
    join ${trackedNamespaces} mine on mine.wiki_id = summed.wiki_id and mine.namespace = article.namespace
    left join course_excluded_articles excluded_article
      on excluded_article.course_id = summed.course_id and excluded_article.article_id = summed.article_id`;
}

/**
 * The numbers of `courses_users`: a student's sums over all wikis, zeros in other roles. `filter` narrows rows that have a
 * `user_id`, by whole users.
 */
export function courseUsers(schema: string, filter: (row: string) => string = () => 'true'): string {
  return `
    select enrolled.course_id, enrolled.user_id, enrolled.role,
      ${studentSums.map((column) => `coalesce(summed.${column}, 0) as ${column}`).join(', ')}
    from courses_users enrolled
    left join (
      select user_id, ${studentSums.map((column) => `sum(${column})::bigint as ${column}`).join(', ')}
      from ${schema}course_user_wiki_timeslices slice
      where course_id = $1::bigint and ${filter('slice')}
      group by user_id) summed on enrolled.role = 0 and summed.user_id = enrolled.user_id
    where enrolled.course_id = $1::bigint and ${filter('enrolled')}`;
}

/** The numbers of `courses`: one row. */
export function courseTotals(schema: string): string {
  return `
    select $1::bigint as id, slices.*, students.*, articles.*
    from (
      select coalesce(sum(character_sum), 0)::bigint as character_sum,
        coalesce(sum(references_count), 0)::bigint as references_count,
        coalesce(sum(revision_count), 0)::bigint as revision_count
      from ${schema}course_wiki_timeslices where course_id = $1::bigint) slices,
    (
      select count(*) as user_count from courses_users where course_id = $1::bigint and role = 0) students,
    (
      select count(*) as article_count, count(*) filter (where new_article) as new_article_count
      from ${schema}articles_courses where course_id = $1::bigint and tracked) articles`;
}
