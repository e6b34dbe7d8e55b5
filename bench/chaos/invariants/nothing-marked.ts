import type { Invariant } from './scene.ts';

/** Whatever says "there is something left to do", and how many rows say it. */
const marks: Readonly<Record<string, string>> = {
  'slices marked for rebuilding':
    'select count(*) from course_wiki_timeslices where needs_update or needs_fetch',
  'courses to be rebuilt': 'select count(*) from courses where needs_update',
  'stale totals of courses': 'select count(*) from stale_course_totals',
  'walks through a wiki that were not finished': 'select count(*) from wiki_fetches where not is_stored',
  'pages of results that were not worked in': 'select count(*) from wiki_fetched_pages',
  'erasures from the statistics under way': 'select count(*) from statistics_erasures where done_at is null',
  'departures whose course was not rebuilt': 'select count(*) from course_departures where not is_rebuilt',
  'partner reports whose answer is not settled':
    'select count(*) from partner_report_requests where not settled',
  'partner reports not finished': 'select count(*) from partner_report_batches where finished_at is null',
  'rows of partner reports with people in them': 'select count(*) from partner_report_rows',
  'files of the archive not finished': 'select count(*) from archive_batches where forgotten_at is null',
  'advisory locks that are held': `
    select count(*) from pg_locks join pg_database on pg_database.oid = database
    where locktype = 'advisory' and granted and datname = current_database()`,
};

/** Nothing is marked for ever. */
export const nothingMarked: Invariant = async ({ database }) => {
  const violations: string[] = [];
  for (const [what, statement] of Object.entries(marks)) {
    const { rows } = await database.query<{ count: number }>(statement);
    const count = rows[0]?.count ?? 0;
    if (count > 0) violations.push(`${count} ${what}`);
  }
  return violations;
};
