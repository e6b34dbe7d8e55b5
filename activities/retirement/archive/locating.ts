import { cancellationSignal } from '@temporalio/activity';
import type { RetirementQueue } from '../../../platform/lms/retirement.ts';
import type { Platform } from '../platform.ts';
import type { BatchLearner } from './store.ts';

/** As the LMS writes them. */
export interface LmsTimes {
  readonly createdText: string;
  readonly modifiedText: string;
}

export type LmsPlace =
  | { readonly kind: 'archivable'; readonly times: LmsTimes }
  /** The LMS has the learner otherwise than we do. */
  | { readonly kind: 'elsewhere'; readonly because: string };

/**
 * Where the LMS has these learners, by retirement id. One whom it has no row of any more was cleaned up by somebody else,
 * and is archived with our own times.
 */
export async function locateInLms(
  { queue, cleanup }: Pick<Platform, 'queue' | 'cleanup'>,
  learners: readonly BatchLearner[],
): Promise<ReadonlyMap<number, LmsPlace>> {
  if (learners.length === 0) return new Map();
  const asked = learners.map(({ requestedAt }) => requestedAt.getTime());
  const days = { from: new Date(Math.min(...asked)), to: new Date(Math.max(...asked)) };
  const signal = cancellationSignal();
  const complete = new Map((await cleanup.list(days, signal)).map((row) => [row.retirementId, row] as const));
  const places = await Promise.all(
    learners.map(async (learner): Promise<readonly [number, LmsPlace]> => {
      const row = complete.get(learner.retirementId);
      const place: LmsPlace =
        row === undefined ? await find(queue, learner, signal) : { kind: 'archivable', times: row };
      return [learner.retirementId, place];
    }),
  );
  return new Map(places);
}

async function find(queue: RetirementQueue, learner: BatchLearner, signal: AbortSignal): Promise<LmsPlace> {
  const because = whyNotGone(learner, await queue.find(learner.originalUsername, signal));
  if (because !== undefined) return { kind: 'elsewhere', because };
  const { requestedAt, modifiedAt } = learner;
  const times = { createdText: requestedAt.toISOString(), modifiedText: modifiedAt.toISOString() };
  return { kind: 'archivable', times };
}

/** Undefined when the LMS has no row of the learner any more; otherwise why it does not give them up. */
export function whyNotGone(
  { userId, retirementId }: Pick<BatchLearner, 'userId' | 'retirementId'>,
  found: Awaited<ReturnType<RetirementQueue['find']>>,
): string | undefined {
  // The LMS falls back on names that differ only by case.
  if (found === undefined || found.userId !== userId) return undefined;
  if (found.retirementId !== retirementId) return 'the LMS has another retirement of the same person';
  return `the LMS has ${found.currentState.name}`;
}
