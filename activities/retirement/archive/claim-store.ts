import type { Queryable } from '../../../db/database.ts';

/** A run of a workflow. */
export interface WorkflowRun {
  readonly workflowId: string;
  readonly runId: string;
}

/** The run that may archive, as long as it is open. */
export async function findHolder(db: Queryable): Promise<WorkflowRun | undefined> {
  const { rows } = await db.query<WorkflowRun>(
    `select workflow_id as "workflowId", run_id as "runId" from archive_claim where run_id is not null`,
  );
  return rows[0];
}

/** False when somebody else than `holder` holds the claim by now. */
export async function takeClaim(
  db: Queryable,
  mine: WorkflowRun,
  holder: WorkflowRun | undefined,
): Promise<boolean> {
  const { rowCount } = await db.query(
    `update archive_claim set workflow_id = $1, run_id = $2 where run_id is not distinct from $3`,
    [mine.workflowId, mine.runId, holder?.runId ?? null],
  );
  return rowCount === 1;
}
