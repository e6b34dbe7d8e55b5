import { WorkflowNotFoundError } from '@temporalio/common';
import {
  listRetirements,
  type RetirementFilter,
  type StoredFailure,
  type ListedRetirement,
} from '../../activities/retirement/store.ts';
import { isOverdue, stageOf } from './rows.ts';
import {
  retirementWorkflowId,
  STATUS,
  type RetirementStatusView,
} from '../../workflows/retirement/contract.ts';
import { workflowUrl } from '../temporal.ts';
import type { RetirementContext } from './context.ts';
import { parseResponses, pastStates, type LogEntry, type PastState } from './history.ts';
import { oneWho } from './who.ts';

/** A line of `retirement list`. */
export interface RetirementSummary {
  readonly userId: number;
  readonly username: string;
  readonly state: string;
  /** Start state of the stage under way or failed. */
  readonly stage: string | null;
  readonly requestedAt: Date;
  readonly coolOffUntil: Date;
  readonly dueAt: Date;
  readonly overdue: boolean;
  readonly workflowId: string;
}

export interface RetirementDetails extends RetirementSummary {
  readonly retirementId: number;
  readonly email: string;
  readonly name: string;
  readonly retiredUsername: string;
  readonly retiredEmail: string;
  readonly lastState: string;
  readonly completedStages: readonly string[];
  readonly lastFailure: StoredFailure | null;
  readonly history: readonly PastState[];
  readonly responses: readonly LogEntry[];
  readonly workflow: WorkflowView;
  /** Null when there is no workflow, or no worker to answer. */
  readonly status: RetirementStatusView | null;
}

interface WorkflowView {
  readonly id: string;
  /** Temporal's word, or `none`; `unknown` when Temporal cannot be reached. */
  readonly status: string;
  readonly url: string;
}

/** All retirements, the ones due first at the top. */
export async function listSummaries(
  { database }: RetirementContext,
  filter: RetirementFilter,
  now: Date,
): Promise<readonly RetirementSummary[]> {
  return (await listRetirements(database, filter)).map((row) => summaryOf(row, now));
}

/** Everything that is known of one learner's retirement. Works without Temporal, and says less then. */
export async function showRetirement(
  context: RetirementContext,
  who: string,
  { now, uiUrl }: { readonly now: Date; readonly uiUrl: string | undefined },
): Promise<RetirementDetails> {
  const row = await oneWho(context.database, who);
  const log = parseResponses(row.responses);
  return {
    ...summaryOf(row, now),
    retirementId: row.retirementId,
    email: row.originalEmail,
    name: row.originalName,
    retiredUsername: row.retiredUsername,
    retiredEmail: row.retiredEmail,
    lastState: row.lastState,
    completedStages: row.completedStages,
    lastFailure: row.lastFailure,
    history: pastStates(row.requestedAt, log),
    responses: log,
    ...(await askWorkflow(context, row.userId, uiUrl)),
  };
}

const QUERY_TIMEOUT_MS = 5_000;

async function askWorkflow(
  context: RetirementContext,
  userId: number,
  uiUrl: string | undefined,
): Promise<{ readonly workflow: WorkflowView; readonly status: RetirementStatusView | null }> {
  const id = retirementWorkflowId(userId);
  const temporal = await context.temporal().catch(() => undefined);
  const url = workflowUrl(uiUrl, temporal?.namespace ?? 'default', id);
  if (temporal === undefined) return { workflow: { id, status: 'unknown', url }, status: null };
  const handle = temporal.client.workflow.getHandle(id);
  const within = <Result>(work: () => Promise<Result>): Promise<Result> =>
    temporal.client.withDeadline(Date.now() + QUERY_TIMEOUT_MS, work);
  const found = await within(() => handle.describe()).then(
    ({ status }) => status.name,
    (error: unknown) => (error instanceof WorkflowNotFoundError ? 'none' : 'unknown'),
  );
  const workflow = { id, status: found.toLowerCase(), url };
  if (found !== 'RUNNING') return { workflow, status: null };
  const status = await within(() => handle.query<RetirementStatusView>(STATUS)).catch(() => null);
  return { workflow, status };
}

function summaryOf(row: ListedRetirement, now: Date): RetirementSummary {
  return {
    userId: row.userId,
    username: row.originalUsername,
    state: row.currentState,
    stage: stageOf(row),
    requestedAt: row.requestedAt,
    coolOffUntil: row.coolOffUntil,
    dueAt: row.dueAt,
    overdue: isOverdue(row, now),
    workflowId: retirementWorkflowId(row.userId),
  };
}
