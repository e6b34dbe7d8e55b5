import type { Queryable } from '../../db/database.ts';
import type { Deadlines } from '../../domain/retirement/deadlines.ts';
import type { Learner } from '../../platform/learner.ts';
import type { LmsState, RetirementStatus } from '../../platform/lms/status.ts';

/** A row of `user_retirement_status`: the learner with everything the product knows of the retirement. */
export interface StoredRetirement extends Learner {
  readonly currentState: string;
  readonly lastState: string;
  readonly responses: string;
  /** End states, in the order in which they were completed. */
  readonly completedStages: readonly string[];
  /** By end state: how the stage last ended. */
  readonly stageOutcomes: Readonly<Record<string, StageOutcome>>;
  /** Of the learner's courses, as far as the LMS named them. */
  readonly organisations: readonly string[];
  /** When services are asked once more about the completed erasure; null when nothing is to come. */
  readonly probeDueAt: Date | null;
  readonly lastFailure: StoredFailure | null;
  readonly firstStageAt: Date | null;
  readonly requestedAt: Date;
  readonly coolOffUntil: Date;
  readonly dueAt: Date;
  readonly createdAt: Date;
  readonly modifiedAt: Date;
}

export interface StageOutcome {
  readonly outcome: 'erased' | 'nothing-to-erase' | 'already-done';
  /** ISO 8601. */
  readonly at: string;
}

/** What the last failed attempt of a stage met. `path` and `body` may carry identity. */
export interface StoredFailure {
  /** Start state. */
  readonly stage: string;
  /** `LMS.retirement_unenroll` */
  readonly activity: string;
  readonly what: string;
  readonly attempts: number;
  readonly at: string;
  /** Absent when nothing was asked. */
  readonly verb?: string | undefined;
  readonly path?: string | undefined;
  readonly route?: string | undefined;
  readonly status?: number | undefined;
  readonly body?: string | undefined;
}

const listedColumns = `
  user_id as "userId", retirement_id as "retirementId", original_username as "originalUsername",
  original_email as "originalEmail", original_name as "originalName", retired_username as "retiredUsername",
  retired_email as "retiredEmail", current_state as "currentState", last_state as "lastState",
  completed_stages as "completedStages", stage_outcomes as "stageOutcomes", organisations,
  probe_due_at as "probeDueAt", last_failure as "lastFailure", first_stage_at as "firstStageAt",
  requested_at as "requestedAt", cool_off_until as "coolOffUntil", due_at as "dueAt",
  created_at as "createdAt", modified_at as "modifiedAt"`;

const columns = `${listedColumns}, responses`;

/**
 * Takes in a learner as the LMS shows them. A known retirement keeps its progress; a new one of the same person (the
 * earlier was cancelled) starts over.
 */
export async function insertRetirement(
  db: Queryable,
  status: RetirementStatus,
  deadlines: Pick<Deadlines, 'coolOffUntil' | 'dueAt'>,
): Promise<void> {
  await db.query({
    name: 'insert-retirement',
    text: `
      insert into user_retirement_status as known
        (user_id, retirement_id, original_username, original_email, original_name, retired_username, retired_email,
         current_state, last_state, requested_at, cool_off_until, due_at)
      values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
      on conflict (user_id) do update set
        retirement_id = excluded.retirement_id,
        original_username = excluded.original_username,
        original_email = excluded.original_email,
        original_name = excluded.original_name,
        retired_username = excluded.retired_username,
        retired_email = excluded.retired_email,
        current_state = excluded.current_state,
        last_state = excluded.last_state,
        completed_stages = '{}',
        stage_outcomes = '{}',
        organisations = '{}',
        probe_due_at = null,
        last_failure = null,
        first_stage_at = null,
        requested_at = excluded.requested_at,
        cool_off_until = excluded.cool_off_until,
        due_at = excluded.due_at,
        modified_at = now()
      where known.retirement_id <> excluded.retirement_id`,
    values: [
      status.userId,
      status.retirementId,
      status.originalUsername,
      status.originalEmail,
      status.originalName,
      status.retiredUsername,
      status.retiredEmail,
      status.currentState.name,
      status.lastState.name,
      status.requestedAt,
      deadlines.coolOffUntil,
      deadlines.dueAt,
    ],
  });
}

export async function findRetirement(db: Queryable, userId: number): Promise<StoredRetirement | undefined> {
  const { rows } = await db.query<StoredRetirement>({
    name: 'find-retirement',
    text: `select ${columns} from user_retirement_status where user_id = $1`,
    values: [userId],
  });
  return rows[0];
}

/** Those of these learners who have no row, and are not archived. */
export async function listRowless(
  db: Queryable,
  learners: readonly Pick<Learner, 'userId' | 'retirementId'>[],
): Promise<readonly number[]> {
  const { rows } = await db.query<{ userId: number }>(
    `select asked.user_id as "userId"
     from unnest($1::bigint[], $2::bigint[]) as asked(user_id, retirement_id)
     where not exists (select from user_retirement_status as known where known.user_id = asked.user_id)
       and not exists (
         select from archived_retirements as archived where archived.retirement_id = asked.retirement_id)
     order by asked.user_id`,
    [learners.map(({ userId }) => userId), learners.map(({ retirementId }) => retirementId)],
  );
  return rows.map(({ userId }) => userId);
}

/** Everybody whose username or e-mail address is `text`; an exact match alone where there is one, as in the LMS. */
export async function listRetirementsOf(db: Queryable, text: string): Promise<readonly StoredRetirement[]> {
  const { rows } = await db.query<StoredRetirement>(
    `select ${columns} from user_retirement_status
     where lower(original_username) = lower($1) or lower(original_email) = lower($1)
     order by (original_username = $1 or original_email = $1) desc, user_id`,
    [text],
  );
  const exact = rows.filter((row) => row.originalUsername === text || row.originalEmail === text);
  return exact.length > 0 ? exact : rows;
}

export interface RetirementFilter {
  readonly state?: string;
  readonly overdue?: boolean;
}

/** Without the log, which is by far the most of a row. */
export type ListedRetirement = Omit<StoredRetirement, 'responses'>;

export async function listRetirements(
  db: Queryable,
  filter: RetirementFilter,
): Promise<readonly ListedRetirement[]> {
  const { rows } = await db.query<ListedRetirement>(
    `select ${listedColumns} from user_retirement_status
     where ($1::text is null or current_state = $1)
       and (not $2::boolean or (due_at < now() and current_state not in ('COMPLETE', 'ABORTED')))
     order by due_at, user_id`,
    [filter.state ?? null, filter.overdue ?? false],
  );
  return rows;
}

/**
 * COMPLETE learners, or those of them with these ids, whose rows have not changed since `before` (ISO 8601), or ever. One whom the
 * archive has claimed is past being run again.
 */
export async function listComplete(
  db: Queryable,
  { userIds, before }: { readonly userIds?: readonly number[] | undefined; readonly before: string },
): Promise<readonly Pick<StoredRetirement, 'userId' | 'completedStages' | 'dueAt'>[]> {
  const { rows } = await db.query<Pick<StoredRetirement, 'userId' | 'completedStages' | 'dueAt'>>(
    `select user_id as "userId", completed_stages as "completedStages", due_at as "dueAt"
     from user_retirement_status
     where current_state = 'COMPLETE' and (modified_at < $1 or modified_at = created_at) and ($2::bigint[] is null or user_id = any ($2))
       and not exists (
         select from archived_retirements as archived where archived.retirement_id = user_retirement_status.retirement_id)
     order by user_id`,
    [before, userIds ?? null],
  );
  return rows;
}

/** The stage's working state is set in the LMS: from here on, nothing can be cancelled. */
export async function beginStage(
  db: Queryable,
  begun: { readonly userId: number; readonly startState: string; readonly line: string },
): Promise<void> {
  await db.query({
    name: 'begin-stage',
    text: `
      update user_retirement_status
      set last_state = current_state, current_state = $2, first_stage_at = coalesce(first_stage_at, now()),
          responses = responses || $3 || e'\\n', modified_at = now()
      where user_id = $1 and current_state <> $2`,
    values: [begun.userId, begun.startState, begun.line],
  });
}

/** Writes the end state, the response and the completed stage; false when the row is not at the start state. */
export async function completeStage(
  db: Queryable,
  done: {
    readonly userId: number;
    readonly startState: string;
    readonly endState: string;
    readonly line: string;
    readonly outcome: StageOutcome;
    readonly organisations: readonly string[];
  },
): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'complete-stage',
    text: `
      update user_retirement_status
      set last_state = current_state, current_state = $3, responses = responses || $4 || e'\\n', last_failure = null,
          completed_stages = case when $3 = any(completed_stages) then completed_stages
                                  else completed_stages || $3::text end,
          stage_outcomes = stage_outcomes || jsonb_build_object($3::text, $5::jsonb),
          organisations = case when cardinality($6::text[]) > 0 then $6 else organisations end,
          modified_at = now()
      where user_id = $1 and current_state = $2`,
    values: [
      done.userId,
      done.startState,
      done.endState,
      done.line,
      JSON.stringify(done.outcome),
      done.organisations,
    ],
  });
  return rowCount === 1;
}

export interface StateChange {
  readonly userId: number;
  readonly state: string;
  /** One line for `responses`, its time included; a line that is there already is not written again. */
  readonly line: string;
  /** The line tells of `last_failure`; default false. */
  readonly keepsFailure?: boolean;
}

/** Writes a state and its line, and forgets the failure before it unless that is what the line tells. */
export async function changeState(db: Queryable, change: StateChange): Promise<void> {
  await db.query({
    name: 'change-state',
    text: `
      update user_retirement_status
      set last_state = case when current_state = $2 then last_state else current_state end, current_state = $2,
          responses = case when strpos(responses, $3) > 0 then responses else responses || $3 || e'\\n' end,
          last_failure = case when $4::boolean then last_failure end,
          modified_at = now()
      where user_id = $1`,
    values: [change.userId, change.state, change.line, change.keepsFailure ?? false],
  });
}

/** Adds a line to `responses` unless it is there already (it begins with its time, so it is this very line). */
export async function addResponse(db: Queryable, userId: number, line: string): Promise<void> {
  await db.query(
    `update user_retirement_status set responses = responses || $2 || e'\\n', modified_at = now()
     where user_id = $1 and strpos(responses, $2) = 0`,
    [userId, line],
  );
}

/**
 * Another driver brought the learner this far: its stages count as completed and the cooling-off is over. Done once: where
 * the line is there already, the learner may have gone on since.
 */
export async function recordAdoption(
  db: Queryable,
  adopted: StateChange & {
    readonly completed: readonly string[];
    /** Start state of the stage it stands in or failed in: a failure known of another stage is forgotten. */
    readonly stage: string | undefined;
  },
): Promise<void> {
  await db.query(
    `update user_retirement_status
     set last_state = case when current_state = $2 then last_state else current_state end, current_state = $2,
         responses = responses || $3 || e'\\n', first_stage_at = coalesce(first_stage_at, now()),
         completed_stages = completed_stages ||
           array(select state from unnest($4::text[]) with ordinality as past(state, position)
                 where state <> all(completed_stages) order by position),
         last_failure = case when last_failure ->> 'stage' = $5 then last_failure end,
         modified_at = now()
     where user_id = $1 and strpos(responses, $3) = 0`,
    [adopted.userId, adopted.state, adopted.line, adopted.completed, adopted.stage ?? null],
  );
}

/** Locks a learner's row and returns its state; undefined when there is none. `db` must be a transaction. */
export async function lockRetirement(db: Queryable, userId: number): Promise<string | undefined> {
  const { rows } = await db.query<{ currentState: string }>({
    name: 'lock-retirement',
    text: `select current_state as "currentState" from user_retirement_status where user_id = $1 for update`,
    values: [userId],
  });
  return rows[0]?.currentState;
}

/** Writes when services are to be asked once more; null when nothing is to come. */
export async function recordProbeDue(db: Queryable, userId: number, dueAt: Date | null): Promise<void> {
  await db.query('update user_retirement_status set probe_due_at = $2 where user_id = $1', [userId, dueAt]);
}

export async function recordFailure(db: Queryable, userId: number, failure: StoredFailure): Promise<void> {
  await db.query(
    `update user_retirement_status set last_failure = $2::jsonb, modified_at = now() where user_id = $1`,
    [userId, JSON.stringify(failure)],
  );
}

export async function updateDeadlines(db: Queryable, userId: number, deadlines: Deadlines): Promise<void> {
  await db.query(
    `update user_retirement_status set cool_off_until = $2, due_at = $3
     where user_id = $1 and (cool_off_until, due_at) is distinct from ($2::timestamptz, $3::timestamptz)`,
    [userId, deadlines.coolOffUntil, deadlines.dueAt],
  );
}

/**
 * Keeps the positions at which the LMS showed its states. A position that changed means that the LMS was renumbered:
 * what was seen before is forgotten.
 */
export async function recordLmsStates(db: Queryable, states: readonly LmsState[]): Promise<void> {
  const values = [states.map((state) => state.name), states.map((state) => state.order)];
  await db.query(
    `delete from lms_states where exists (
       select from lms_states as known join unnest($1::text[], $2::integer[]) as seen(name, position)
         on known.state_name = seen.name and known.execution_order <> seen.position)`,
    values,
  );
  await db.query(
    `insert into lms_states (state_name, execution_order)
     select distinct on (name) name, position from unnest($1::text[], $2::integer[]) as seen(name, position)
     on conflict (state_name) do update set execution_order = excluded.execution_order, seen_at = now()`,
    values,
  );
}

export async function listLmsStates(db: Queryable): Promise<readonly LmsState[]> {
  const { rows } = await db.query<LmsState>(
    `select state_name as name, execution_order as "order" from lms_states order by execution_order, state_name`,
  );
  return rows;
}
