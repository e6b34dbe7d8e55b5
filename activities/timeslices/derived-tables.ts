import type { DerivedTable } from './replacing-rows.ts';

/** What is summed for a student, by slice and in the course. */
export const studentSums = [
  'character_sum_ms',
  'character_sum_us',
  'character_sum_draft',
  'references_count',
  'revision_count',
];

/** Every derived table, with its computed columns: what the roll-up writes and `course verify` compares. */
export const derivedTables = {
  articleSlice: {
    name: 'article_course_timeslices',
    key: ['course_id', 'article_id', 'start_at'],
    values: [
      'wiki_id',
      'end_at',
      'character_sum',
      'references_count',
      'revision_count',
      'user_ids',
      'new_article',
      'first_revision',
    ],
  },
  studentSlice: {
    name: 'course_user_wiki_timeslices',
    key: ['course_id', 'user_id', 'wiki_id', 'start_at'],
    values: ['end_at', ...studentSums],
  },
  courseSlice: {
    name: 'course_wiki_timeslices',
    key: ['course_id', 'wiki_id', 'start_at'],
    values: ['character_sum', 'references_count', 'revision_count', 'last_mw_rev_datetime'],
  },
  courseArticle: {
    name: 'articles_courses',
    key: ['course_id', 'article_id'],
    values: ['character_sum', 'references_count', 'user_ids', 'new_article', 'first_revision'],
    // In rows that stand, the exclusions keep it right.
    initial: ['tracked'],
  },
  courseUser: { name: 'courses_users', key: ['course_id', 'user_id', 'role'], values: studentSums },
  course: {
    name: 'courses',
    key: ['id'],
    values: [
      'character_sum',
      'references_count',
      'revision_count',
      'user_count',
      'article_count',
      'new_article_count',
    ],
  },
} as const satisfies Record<string, DerivedTable>;
