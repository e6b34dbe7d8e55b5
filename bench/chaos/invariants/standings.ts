import { retirementWorkflowId } from '../../../workflows/retirement/contract.ts';
import type { AskedLearner } from '../people.ts';
import type { Scene } from './scene.ts';

export interface Counted {
  readonly called: number;
  readonly effective: number;
}

/** Where a learner stands in each of the three places, and what was done to them. */
export interface Standing {
  readonly learner: AskedLearner;
  readonly row: StandingRow | undefined;
  readonly lms: LmsStanding;
  /** Status of the newest run of their workflow; undefined when there never was one. */
  readonly run: string | undefined;
  /** Present when a batch of the archive has them. */
  readonly archived: { readonly isCleaned: boolean; readonly isForgotten: boolean } | undefined;
}

export interface StandingRow {
  readonly userId: number;
  readonly currentState: string;
  readonly completedStages: readonly string[];
  readonly firstStageAt: Date | null;
}

export interface LmsStanding {
  readonly userId: number;
  /** Null: the LMS has no retirement of them. */
  readonly state: string | null;
  readonly responses: string;
  /** By method and path, as the sandbox counts them. */
  readonly effects: Readonly<Record<string, Counted>>;
  /** The LMS's queue for partners has them. */
  readonly isQueued: boolean;
}

export async function readStandings(scene: Scene): Promise<readonly Standing[]> {
  const ids = scene.people.map(({ userId }) => userId);
  const [rows, lms, runs, archived] = await Promise.all([
    readRows(scene, ids),
    readLms(scene, ids),
    newestRuns(scene),
    readArchived(scene, ids),
  ]);
  return scene.people.map((learner) => ({
    learner,
    row: rows.get(learner.userId),
    lms: lms.get(learner.userId) ?? {
      userId: learner.userId,
      state: null,
      responses: '',
      effects: {},
      isQueued: false,
    },
    run: runs.get(retirementWorkflowId(learner.userId)),
    archived: archived.get(learner.userId),
  }));
}

/** True for somebody whose erasure was finished, whether or not the rows are still there. */
export function isErased({ row, archived }: Standing): boolean {
  return row?.currentState === 'COMPLETE' || archived !== undefined;
}

async function readRows(
  { database }: Scene,
  ids: readonly number[],
): Promise<ReadonlyMap<number, StandingRow>> {
  const { rows } = await database.query<StandingRow>(
    `select user_id as "userId", current_state as "currentState", completed_stages as "completedStages",
       first_stage_at as "firstStageAt"
     from user_retirement_status where user_id = any($1::bigint[])`,
    [ids],
  );
  return new Map(rows.map((row) => [row.userId, row]));
}

async function readLms(
  { outside }: Scene,
  ids: readonly number[],
): Promise<ReadonlyMap<number, LmsStanding>> {
  const { rows } = await outside.query<LmsStanding>(
    `select u.id as "userId", s.state_name as state, coalesce(r.responses, '') as responses,
       (select coalesce(json_object_agg(e.action, json_build_object('called', e.called, 'effective', e.effective)), '{}')
        from sandbox_lms.effects e where e.user_id = u.id) as effects,
       exists (select from sandbox_lms.partner_reports p where p.user_id = u.id) as "isQueued"
     from sandbox_lms.users u
     left join sandbox_lms.retirements r on r.user_id = u.id
     left join sandbox_lms.retirement_states s on s.id = r.current_state
     where u.id = any($1::bigint[])`,
    [ids],
  );
  return new Map(rows.map((row) => [row.userId, row]));
}

async function newestRuns({ client }: Scene): Promise<ReadonlyMap<string, string>> {
  const newest = new Map<string, { readonly at: number; readonly status: string }>();
  for await (const { workflowId, startTime, status } of client.workflow.list({
    query: 'WorkflowType = "retireUser"',
  })) {
    const at = startTime.getTime();
    if (at >= (newest.get(workflowId)?.at ?? 0)) newest.set(workflowId, { at, status: status.name });
  }
  return new Map([...newest].map(([id, { status }]) => [id, status]));
}

async function readArchived(
  { database }: Scene,
  ids: readonly number[],
): Promise<ReadonlyMap<number, NonNullable<Standing['archived']>>> {
  const { rows } = await database.query<{
    userId: number;
    isCleaned: boolean;
    isForgotten: boolean;
  }>(
    `select user_id as "userId", lms_cleaned_at is not null as "isCleaned", forgotten_at is not null as "isForgotten"
     from archived_retirements where user_id = any($1::bigint[])`,
    [ids],
  );
  return new Map(rows.map(({ userId, ...rest }) => [userId, rest]));
}
