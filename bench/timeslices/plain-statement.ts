/**
 * One plain statement that computes every total of the course from the table `revisions`: what the roll-up is measured
 * against. Three ways to write it; each total is computed whole, and only counted at the end, so that nothing is sent.
 */

const rows = `
  select revisions.user_id, article.id as article_id, article.namespace, made_at,
    date_bin('1 day', made_at, course.starts_at) as start_at, characters, references_added, is_live, is_new_page,
    excluded.article_id is not null as is_excluded, tracked.namespace is not null as is_tracked
  from revisions
  join courses course on course.id = 1
  join articles article on article.wiki_id = 1 and article.mw_page_id = revisions.mw_page_id and not article.deleted
  join courses_users student on student.course_id = 1 and student.user_id = revisions.user_id and student.role = 0
  left join course_wiki_namespaces tracked
    on tracked.course_id = 1 and tracked.wiki_id = 1 and tracked.namespace = article.namespace
  left join course_excluded_articles excluded on excluded.course_id = 1 and excluded.article_id = article.id`;

const live = 'filter (where is_live)';
const liveSums = `
  coalesce(sum(greatest(characters, 0)) ${live}, 0)::bigint as character_sum,
  coalesce(sum(references_added) ${live}, 0)::bigint as references_count,
  count(*) ${live} as revision_count, bool_or(is_new_page) as new_article,
  min(made_at) ${live} as first_revision, max(made_at) ${live} as last_revision`;

const mainspace = 'is_tracked and namespace = 0';
const studentSums = (characters: string, references: string, revisions: string): string => `
  coalesce(sum(${characters}) filter (where ${mainspace}), 0)::bigint as character_sum_ms,
  coalesce(sum(${characters}) filter (where namespace = 2), 0)::bigint as character_sum_us,
  coalesce(sum(${characters}) filter (where namespace = 118), 0)::bigint as character_sum_draft,
  coalesce(sum(${references}) filter (where ${mainspace}), 0)::bigint as references_count,
  ${revisions} as revision_count`;

const summed = `
  sum(character_sum_ms)::bigint as character_sum_ms, sum(character_sum_us)::bigint as character_sum_us,
  sum(character_sum_draft)::bigint as character_sum_draft, sum(references_count)::bigint as references_count,
  sum(revision_count)::bigint as revision_count`;

/** Revisions are folded into facts once; all totals come from those. The fastest that we found. */
const folded: readonly (readonly [string, string])[] = [
  [
    'facts',
    `select article_id, namespace, is_excluded, is_tracked, user_id, start_at, ${liveSums}
     from (${rows}) edits group by 1, 2, 3, 4, 5, 6`,
  ],
  [
    'article_slices',
    `select article_id, start_at, sum(character_sum)::bigint as character_sum,
       sum(references_count)::bigint as references_count, sum(revision_count)::bigint as revision_count,
       array_agg(user_id order by user_id) filter (where revision_count > 0) as user_ids,
       bool_or(new_article) as new_article, min(first_revision) as first_revision
     from facts group by 1, 2`,
  ],
  [
    'student_slices',
    `select user_id, start_at, ${studentSums('character_sum', 'references_count', 'sum(revision_count)::bigint')},
       max(last_revision) as last_revision
     from facts where not is_excluded group by 1, 2`,
  ],
  [
    'wiki_slices',
    `select start_at, ${summed}, max(last_revision) as last_revision from student_slices group by 1`,
  ],
  [
    'course_articles',
    `select article_id, is_excluded, sum(character_sum)::bigint as character_sum,
       sum(references_count)::bigint as references_count,
       array_agg(distinct user_id order by user_id) filter (where revision_count > 0) as user_ids,
       bool_or(new_article) as new_article, min(first_revision) as first_revision
     from facts where is_tracked group by 1, 2 having sum(revision_count) > 0`,
  ],
  ['course_users', `select user_id, ${summed} from student_slices group by 1`],
  [
    'course',
    `select ${summed}, (select count(*) from course_articles where not is_excluded) as article_count from wiki_slices`,
  ],
];

/** Each total is grouped straight from the revisions, as one writes it down first: the statement of the bar. */
const direct: readonly (readonly [string, string])[] = [
  ['edits', rows],
  [
    'article_slices',
    `select article_id, start_at, ${liveSums}, array_agg(distinct user_id) ${live} as user_ids from edits group by 1, 2`,
  ],
  ...(
    [
      ['student_slices', 'user_id, start_at'],
      ['wiki_slices', 'start_at'],
      ['course_users', 'user_id'],
    ] as const
  ).map(
    ([name, key]) =>
      [
        name,
        `select ${key}, ${studentSums('greatest(characters, 0)', 'references_added', 'count(*)')}, max(made_at)
         from edits where is_live and not is_excluded group by ${key}`,
      ] as const,
  ),
  [
    'course_articles',
    `select article_id, is_excluded, ${liveSums}, array_agg(distinct user_id) ${live} as user_ids
     from edits where is_tracked group by 1, 2`,
  ],
  [
    'course',
    `select ${studentSums('greatest(characters, 0)', 'references_added', 'count(*)')},
       count(distinct article_id) filter (where is_tracked) as article_count
     from edits where is_live and not is_excluded`,
  ],
];

const named = (parts: readonly (readonly [string, string])[], isKept: (name: string) => boolean): string =>
  parts
    .map(([name, query]) => `${name} as ${isKept(name) ? 'materialized' : 'not materialized'} (${query})`)
    .join(',\n');

const totals = folded.map(([name]) => name).filter((name) => name !== 'facts');
const counts = totals.map((name) => `(select count(*) from ${name})`).join(', ');

export const plainStatements = {
  folded: `with ${named(folded, () => true)} select ${counts}`,
  direct: `with ${named(direct, (name) => name !== 'edits')} select ${counts}`,
  /** `folded`, and its result written into tables without keys or indexes, which `plainTables` makes. */
  writing: `with ${named(folded, () => true)},
    ${totals.map((name) => `write_${name} as (insert into plain_${name} select * from ${name})`).join(',\n')}
    select 1`,
} as const;

/** Empty tables for `writing`. */
export const plainTables = totals
  .map(
    (name) => `drop table if exists plain_${name};
    create table plain_${name} as with ${named(folded, () => true)} select * from ${name} with no data`,
  )
  .join(';\n');
