import { activityInfo, getClient } from '@temporalio/activity';
import { WorkflowNotFoundError } from '@temporalio/common';
import type { Database, Queryable } from '../../db/database.ts';
import { permanent } from '../failures.ts';
import { beating } from '../heartbeat.ts';
import { requireCourse } from './courses.ts';
import type { CourseActivityDependencies } from './dependencies.ts';

export interface BeginInput {
  readonly courseId: number;
  /** When the update began, ISO 8601. */
  readonly now: string;
}

interface Run {
  readonly workflowId: string;
  readonly runId: string;
}

/**
 * Makes the calling workflow the course's only update. The schedule starts one at a time anyway; this is for those that somebody
 * starts by hand. Forgets walks that earlier updates did not finish. Safe to run twice. Throws a permanent `UpdateUnderWay`
 * while another update of the course is open, and `UnknownCourse`.
 */
export function createBeginUpdate({
  database,
}: CourseActivityDependencies): (input: BeginInput) => Promise<void> {
  return (input) =>
    beating(async () => {
      await requireCourse(database, input.courseId);
      await claim(database, input.courseId, callingRun());
      await database.query(
        'delete from wiki_fetches where course_id = $1::bigint and began_at < $2::timestamptz',
        [input.courseId, input.now],
      );
    });
}

function callingRun(): Run {
  const { workflowExecution } = activityInfo();
  if (workflowExecution === undefined) throw new Error('only a workflow can update a course');
  return workflowExecution;
}

async function claim(database: Database, courseId: number, mine: Run): Promise<void> {
  for (;;) {
    const holder = await findHolder(database, courseId);
    if (holder?.runId === mine.runId) return;
    if (holder && (await isOpen(holder))) {
      throw permanent(
        'UpdateUnderWay',
        `course ${courseId} is being updated by ${holder.workflowId}: wait for its end, or ask with \`registrar course update\``,
      );
    }
    const { rowCount } = await database.query(
      `update courses set update_workflow_id = $2, update_run_id = $3
       where id = $1::bigint and update_run_id is not distinct from $4`,
      [courseId, mine.workflowId, mine.runId, holder?.runId ?? null],
    );
    if (rowCount) return;
  }
}

async function findHolder(db: Queryable, courseId: number): Promise<Run | undefined> {
  const { rows } = await db.query<Run>(
    `select update_workflow_id as "workflowId", update_run_id as "runId" from courses
     where id = $1::bigint and update_run_id is not null`,
    [courseId],
  );
  return rows[0];
}

async function isOpen({ workflowId, runId }: Run): Promise<boolean> {
  try {
    const { status } = await getClient().workflow.getHandle(workflowId, runId).describe();
    return status.name === 'RUNNING';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}
