import { listRetirementsOf, type StoredRetirement } from '../../activities/retirement/store.ts';
import { statesInOrder } from '../../domain/retirement/pipeline.ts';
import { PENDING, terminalStates } from '../../domain/retirement/states.ts';
import type { RetirementQueue } from '../../platform/lms/retirement.ts';
import type { RetirementStatus } from '../../platform/lms/status.ts';
import { CANCEL, RETIREMENT_TASK_QUEUE } from '../../workflows/retirement/contract.ts';
import { withLms } from '../lms.ts';
import { notFound, refused, wrongUsage } from '../operation-error.ts';
import { requireWorker } from '../worker-presence.ts';
import type { RetirementContext } from './context.ts';
import { requireFittingPipeline, takeIn } from './take-in.ts';
import { startAndUpdate, updateOpen } from './updates.ts';
import { oneOf } from './who.ts';

export interface Cancelled {
  readonly userId: number;
  /** The workflow's own words, with what the learner must do now. */
  readonly message: string;
}

/**
 * Cancels the retirement of the learner with this e-mail address while it is PENDING, also when the collector has not seen
 * the learner yet: the workflow is then started with the cancel, so that one place decides. Throws when it is too late.
 */
export async function cancelRetirement(context: RetirementContext, email: string): Promise<Cancelled> {
  if (!email.includes('@')) {
    throw wrongUsage(
      `"${email}" is no e-mail address: retirements are cancelled by the address the learner had`,
    );
  }
  const stored = await findByEmail(context, email);
  if (stored !== undefined) {
    const answer = await updateOpen(context, stored.userId, { name: CANCEL, argument: {} });
    if (answer !== undefined) return { userId: stored.userId, ...answer };
  }
  const configuration = await context.configuration();
  return withLms(configuration, async ({ queue }) => {
    const status = withEmail(email, await list(queue, [PENDING]));
    if (status === undefined) {
      const others = [...statesInOrder(configuration.pipeline).slice(1), ...terminalStates];
      throw notPending(email, withEmail(email, await list(queue, others)), stored);
    }
    await requireWorker(await context.temporal(), RETIREMENT_TASK_QUEUE);
    await requireFittingPipeline(context, configuration, queue, [status.currentState, status.lastState]);
    const start = await takeIn(context, configuration, status);
    const answer = await startAndUpdate(context, start, { name: CANCEL, argument: {} });
    return { userId: status.userId, ...answer };
  });
}

async function findByEmail(
  { database }: RetirementContext,
  email: string,
): Promise<StoredRetirement | undefined> {
  return withEmail(email, await listRetirementsOf(database, email));
}

async function list(queue: RetirementQueue, states: readonly string[]): Promise<readonly RetirementStatus[]> {
  const listed = await queue.list(states);
  if (listed.kind === 'refused')
    throw refused('the LMS does not know a state of the pipeline: run `registrar doctor`');
  return listed.learners;
}

/** An exact match alone where there is one, as in the LMS. */
function withEmail<Person extends { readonly userId: number; readonly originalEmail: string }>(
  email: string,
  people: readonly Person[],
): Person | undefined {
  const same = people.filter(({ originalEmail }) => originalEmail.toLowerCase() === email.toLowerCase());
  const exact = same.filter(({ originalEmail }) => originalEmail === email);
  return oneOf(email, exact.length > 0 ? exact : same);
}

function notPending(
  email: string,
  status: RetirementStatus | undefined,
  stored: StoredRetirement | undefined,
): Error {
  const state = status?.currentState.name ?? stored?.currentState;
  if (state === undefined) {
    return notFound(
      `no learner who asked for deletion has the e-mail address ${email}: check how it is written`,
    );
  }
  if (state === PENDING) {
    return refused(
      'the LMS has no request of this learner any more, so there is nothing to cancel: `registrar receipts replay` with an export of now closes the row here',
    );
  }
  return refused(`the retirement is ${state}, only a PENDING one can be cancelled`);
}
