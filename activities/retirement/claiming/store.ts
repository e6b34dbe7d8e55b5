import type { Queryable } from '../../../db/database.ts';

/** What only one workflow may do at a time. */
export type ClaimedWork = 'partner-report' | 'archive';

/** A run of a workflow. */
export interface WorkflowRun {
  readonly workflowId: string;
  readonly runId: string;
}

/** The run that may do the work, as long as it is open. */
export async function findHolder(db: Queryable, work: ClaimedWork): Promise<WorkflowRun | undefined> {
  const { rows } = await db.query<WorkflowRun>(
    `select workflow_id as "workflowId", run_id as "runId" from retirement_claims where work = $1`,
    [work],
  );
  return rows[0];
}

/** Gives the work to `mine`, unless somebody has taken the place of `before` since; false then. */
export async function replaceHolder(
  db: Queryable,
  work: ClaimedWork,
  change: { readonly mine: WorkflowRun; readonly before: WorkflowRun | undefined },
): Promise<boolean> {
  const { mine, before } = change;
  const { rowCount } = await db.query(
    `insert into retirement_claims as held (work, workflow_id, run_id) values ($1, $2, $3)
     on conflict (work) do update set workflow_id = excluded.workflow_id, run_id = excluded.run_id
     where held.run_id = $4`,
    [work, mine.workflowId, mine.runId, before?.runId ?? null],
  );
  return rowCount === 1;
}
