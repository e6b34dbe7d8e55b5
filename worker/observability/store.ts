import type { Queryable } from '../../db/database.ts';

/** What the database says of both jobs at one moment. Ages and counts only. */
export interface DatabaseFacts {
  /** Learners by state. */
  readonly learners: Readonly<Record<string, number>>;
  /** Seconds since the oldest request that is not at its end; null when there is none. */
  readonly oldestOpenSeconds: number | null;
  /** Seconds since the learner who is ERRORED longest last changed; null when nobody is. */
  readonly longestErroredSeconds: number | null;
  readonly overdue: number;
  readonly approaching: number;
  readonly receipts: number;
  readonly lastSequence: number;
  /** Null where no archive is set up. */
  readonly waitingForArchive: number | null;
  readonly partnerRows: number;
  readonly courses: number;
  readonly markedForRebuild: number;
  readonly markedForFetch: number;
  /** Seconds since the last update of the course in session that was updated longest ago; null when there is none. */
  readonly oldestUpdateSeconds: number | null;
  /** Courses in session that were never updated. */
  readonly neverUpdated: number;
  /** Course updates that left a wiki because it failed, by the address of the wiki's API: also those with none. */
  readonly left: Readonly<Record<string, number>>;
}

export interface FactsAsked {
  readonly deadlineWarningDays: number;
  /** Undefined where no archive is set up. */
  readonly archiveAfterDays: number | undefined;
}

/** One statement, of counts over learners, courses, receipts and marked slices: it never reads facts. */
export async function oneDatabaseFacts(db: Queryable, asked: FactsAsked): Promise<DatabaseFacts> {
  const { rows } = await db.query<DatabaseFacts>({
    name: 'database-facts',
    text: `
      with states as (
        select current_state as state, count(*) as learners from user_retirement_status group by current_state),
      open as (
        select min(requested_at) as oldest, count(*) filter (where due_at <= now()) as overdue,
          count(*) filter (
            where due_at > now() and due_at - make_interval(secs => $1::float8 * 86400) <= now()) as approaching
        from user_retirement_status where current_state not in ('COMPLETE', 'ABORTED')),
      in_session as (
        select min(updated_at) as oldest, count(*) filter (where updated_at is null) as never
        from courses where starts_at <= now() and ends_at > now()),
      marked as (
        select count(*) as slices, count(*) filter (where needs_fetch) as to_fetch
        from course_wiki_timeslices where needs_update),
      wiki as (
        select api_url, count(course_id) filter (where left_at is not null) as courses
        from wikis left join courses_wikis on wiki_id = wikis.id group by api_url)
      select
        (select coalesce(jsonb_object_agg(state, learners), '{}') from states) as learners,
        extract(epoch from now() - open.oldest)::float8 as "oldestOpenSeconds",
        (select extract(epoch from now() - min(modified_at))::float8 from user_retirement_status
         where current_state = 'ERRORED') as "longestErroredSeconds",
        open.overdue, open.approaching,
        (select count(*) from erasure_receipts) as receipts,
        (select last_sequence from erasure_receipt_chain) as "lastSequence",
        case when $2::float8 is null then null else (
          select count(*) from user_retirement_status as learner
          where current_state = 'COMPLETE' and requested_at < now() - make_interval(secs => $2::float8 * 86400)
            and not exists (
              select from archived_retirements as archived where archived.retirement_id = learner.retirement_id)
        ) end as "waitingForArchive",
        (select count(*) from partner_report_rows) as "partnerRows",
        (select count(*) from courses) as courses,
        marked.slices as "markedForRebuild", marked.to_fetch as "markedForFetch",
        extract(epoch from now() - in_session.oldest)::float8 as "oldestUpdateSeconds",
        in_session.never as "neverUpdated",
        (select coalesce(jsonb_object_agg(api_url, courses), '{}') from wiki) as left
      from open, in_session, marked`,
    values: [asked.deadlineWarningDays, asked.archiveAfterDays ?? null],
  });
  const [facts] = rows;
  if (facts === undefined) throw new Error('the database answered nothing about itself');
  return facts;
}
