import { listRetirements, type ListedRetirement } from '../../activities/retirement/store.ts';
import { locate, stateBefore, type Pipeline } from '../../domain/retirement/pipeline.ts';
import { COMPLETE, ERRORED } from '../../domain/retirement/states.ts';
import { createLimiter } from '../../domain/concurrency.ts';
import type { RetirementQueue } from '../../platform/lms/retirement.ts';
import type { RetirementStatus } from '../../platform/lms/status.ts';
import { RESUME, RETIREMENT_TASK_QUEUE, type ResumeRequest } from '../../workflows/retirement/contract.ts';
import { withLms } from '../lms.ts';
import { notFound, refused } from '../operation-error.ts';
import { toOperationError } from '../translate-error.ts';
import { requireWorker } from '../worker-presence.ts';
import type { RetirementContext } from './context.ts';
import { refuseIdentity } from './reason.ts';
import { requireFittingPipeline, takeIn } from './take-in.ts';
import { startAndUpdate, updateOpen } from './updates.ts';
import { findInQueue, findWho } from './who.ts';

export interface Resumed {
  readonly userId: number;
  /** The workflow's own words. */
  readonly message: string;
}

/**
 * Resumes one ERRORED retirement. One without a workflow, left ERRORED in the LMS by another driver or after a
 * termination, gets its workflow now. Throws what is refused, with the states that are possible.
 */
export async function resumeRetirement(
  context: RetirementContext,
  who: string,
  request: Omit<ResumeRequest, 'by'>,
): Promise<Resumed> {
  const stored = await findWho(context.database, who);
  if (stored !== undefined) {
    refuseIdentity(request.reason, [stored]);
    const answer = await updateOpen(context, stored.userId, { name: RESUME, argument: request });
    if (answer !== undefined) return { userId: stored.userId, ...answer };
    if (stored.currentState === COMPLETE) {
      throw refused('the retirement is COMPLETE, only an ERRORED one can be resumed');
    }
  }
  return resumeWithoutWorkflow(context, who, stored, request);
}

async function resumeWithoutWorkflow(
  context: RetirementContext,
  who: string,
  stored: ListedRetirement | undefined,
  request: Omit<ResumeRequest, 'by'>,
): Promise<Resumed> {
  const configuration = await context.configuration();
  await requireWorker(await context.temporal(), RETIREMENT_TASK_QUEUE);
  return withLms(configuration, async ({ queue }) => {
    const status = await lookUp(queue, who, stored);
    if (status === undefined && stored === undefined) {
      throw notFound(
        `nobody known here or ERRORED in the LMS is "${who}": see \`registrar retirement list\``,
      );
    }
    const state = status?.currentState.name ?? stored?.currentState ?? '';
    if (status === undefined || state !== ERRORED) {
      throw refused(
        `the retirement is ${state}${status === undefined ? ' and has no row in the LMS any more' : ''}, only an ERRORED one can be resumed`,
      );
    }
    refuseIdentity(request.reason, [status]);
    await requireFittingPipeline(context, configuration, queue, [status.currentState, status.lastState]);
    const start = await takeIn(context, configuration, status);
    const answer = await startAndUpdate(context, start, { name: RESUME, argument: request });
    return { userId: status.userId, ...answer };
  });
}

async function lookUp(
  queue: RetirementQueue,
  who: string,
  stored: ListedRetirement | undefined,
): Promise<RetirementStatus | undefined> {
  if (stored !== undefined) return queue.find(stored.originalUsername);
  return findInQueue(queue, ERRORED, who);
}

export interface ResumeOutcome {
  readonly userId: number;
  readonly username: string;
  readonly outcome: 'resumed' | 'not-resumed';
  readonly message: string;
}

const RESUMES_AT_ONCE = 8;

/**
 * Retries `stage` (a start state) for everybody who failed in it, each from the state before. What goes wrong for one
 * learner is in the outcome and keeps nobody else.
 */
export async function resumeAllErrored(
  context: RetirementContext,
  asked: { readonly stage: string; readonly reason?: string },
  watch: (total: number) => () => void,
): Promise<readonly ResumeOutcome[]> {
  const { pipeline } = await context.configuration();
  const from = stateToRetry(pipeline, asked.stage);
  const errored = await listRetirements(context.database, { state: ERRORED });
  const chosen = errored.filter((row) => failedStageOf(row, pipeline) === asked.stage);
  refuseIdentity(asked.reason, chosen);
  if (chosen.length > 0) await requireWorker(await context.temporal(), RETIREMENT_TASK_QUEUE);
  const advance = watch(chosen.length);
  const limited = createLimiter(RESUMES_AT_ONCE);
  const request = { state: from, ...(asked.reason === undefined ? {} : { reason: asked.reason }) };
  return Promise.all(
    chosen.map((row) =>
      limited(async () => {
        const who = { userId: row.userId, username: row.originalUsername };
        try {
          const { message } = await resumeRetirement(context, `retirement-${row.userId}`, request);
          return { ...who, outcome: 'resumed', message } as const;
        } catch (error) {
          return { ...who, outcome: 'not-resumed', message: toOperationError(error).message } as const;
        } finally {
          advance();
        }
      }),
    ),
  );
}

function stateToRetry(pipeline: Pipeline, stage: string): string {
  const index = pipeline.findIndex(({ startState }) => startState === stage);
  if (index >= 0) return stateBefore(pipeline, index);
  throw refused(
    `unknown stage "${stage}"; the pipeline has: ${pipeline.map(({ startState }) => startState).join(', ')}`,
  );
}

/** Start state of the stage that an ERRORED learner failed in, as far as the row tells. */
export function failedStageOf(row: ListedRetirement, pipeline: Pipeline): string | undefined {
  const candidates = [row.lastFailure?.stage, row.lastState];
  return candidates.find((state) => state !== undefined && locate(pipeline, state).kind === 'inside');
}
