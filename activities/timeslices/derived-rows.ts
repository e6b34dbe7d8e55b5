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

/** Facts of current students about live articles; a user in two roles is one student. */
const countedFacts = `
  article_course_user_wiki_timeslices fact
  join articles article on article.id = fact.article_id and not article.deleted
  join courses_users student
    on student.course_id = fact.course_id and student.user_id = fact.user_id and student.role = 0`;

/** Rows of `article_course_timeslices`. `filter` narrows the facts. */
export function articleSlices(filter = 'true'): string {
  return `
    select $1::bigint as course_id, fact.wiki_id, fact.article_id, fact.start_at, max(fact.end_at) as end_at,
      sum(fact.character_sum)::bigint as character_sum,
      sum(fact.references_count)::bigint as references_count,
      sum(fact.revision_count)::bigint as revision_count,
      coalesce(array_agg(fact.user_id order by fact.user_id) filter (where fact.revision_count > 0), '{}') as user_ids,
      bool_or(fact.new_article) as new_article,
      min(fact.first_revision) as first_revision
    from ${countedFacts}
    where fact.course_id = $1::bigint and ${filter}
    group by fact.wiki_id, fact.start_at, fact.article_id`;
}

/** Rows of `course_user_wiki_timeslices`, and `last_revision` for the slice they are in. `filter` narrows the facts. */
export function studentSlices(filter = 'true'): string {
  const mainspace = `filter (where article.namespace = 0
        and fact.wiki_id in (select mine.wiki_id from ${trackedNamespaces} mine where mine.namespace = 0))`;
  return `
    select $1::bigint as course_id, fact.user_id, fact.wiki_id, fact.start_at, max(fact.end_at) as end_at,
      coalesce(sum(fact.character_sum) ${mainspace}, 0)::bigint as character_sum_ms,
      coalesce(sum(fact.character_sum) filter (where article.namespace = 2), 0)::bigint as character_sum_us,
      coalesce(sum(fact.character_sum) filter (where article.namespace = 118), 0)::bigint as character_sum_draft,
      coalesce(sum(fact.references_count) ${mainspace}, 0)::bigint as references_count,
      sum(fact.revision_count)::bigint as revision_count,
      max(fact.last_revision) as last_revision
    from ${countedFacts}
    where fact.course_id = $1::bigint and ${filter}
      and fact.article_id not in (
        select excluded.article_id from course_excluded_articles excluded where excluded.course_id = $1::bigint)
    group by fact.wiki_id, fact.start_at, fact.user_id`;
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
    select summed.*, excluded_article.article_id is null as tracked
    from (
      select slice.course_id, slice.article_id,
        (sum(slice.character_sum) ${once})::bigint as character_sum,
        (sum(slice.references_count) ${once})::bigint as references_count,
        array_agg(distinct editor.id order by editor.id) filter (where editor.id is not null) as user_ids,
        bool_or(slice.new_article) as new_article,
        min(slice.first_revision) as first_revision
      from ${schema}article_course_timeslices slice
      join articles article on article.id = slice.article_id and not article.deleted
      join ${trackedNamespaces} mine on mine.wiki_id = slice.wiki_id and mine.namespace = article.namespace
      left join lateral unnest(slice.user_ids) with ordinality editor(id, place) on true
      where slice.course_id = $1::bigint and ${filter}
      group by slice.course_id, slice.article_id
      having sum(slice.revision_count) > 0) summed
    left join course_excluded_articles excluded_article using (course_id, article_id)`;
}

/**
 * The numbers of `courses_users`: a student's sums over all wikis, zeros in other roles. `filter` narrows rows that have a
 * `user_id`, by whole users.
 */
export function courseUsers(schema: string, filter: (row: string) => string = () => 'true'): string {
  const sums = [
    'character_sum_ms',
    'character_sum_us',
    'character_sum_draft',
    'references_count',
    'revision_count',
  ];
  return `
    select enrolled.course_id, enrolled.user_id, enrolled.role,
      ${sums.map((column) => `coalesce(summed.${column}, 0) as ${column}`).join(', ')}
    from courses_users enrolled
    left join (
      select user_id, ${sums.map((column) => `sum(${column})::bigint as ${column}`).join(', ')}
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
