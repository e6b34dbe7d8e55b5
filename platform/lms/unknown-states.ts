import { statesInOrder, type Pipeline } from '../../domain/retirement/pipeline.ts';
import { terminalStates } from '../../domain/retirement/states.ts';
import type { RetirementQueue } from './retirement.ts';

/**
 * Nobody asked for deletion before this: the answer lists nobody, and the LMS still checks every name. (A `limit` of 0
 * would do the same, but older releases ignore it and send everybody.)
 */
const LONG_BEFORE_DAYS = 36_500;

/** Names that the LMS does not have. One request when it has them all, one for each name otherwise. */
export async function findUnknownStates(
  queue: RetirementQueue,
  pipeline: Pipeline,
): Promise<readonly string[]> {
  const names = [...statesInOrder(pipeline), ...terminalStates];
  if ((await queue.list(names, { coolOffDays: LONG_BEFORE_DAYS })).kind === 'listed') return [];
  const answers = await Promise.all(
    names.map((name) => queue.list([name], { coolOffDays: LONG_BEFORE_DAYS })),
  );
  return names.filter((_, index) => answers[index]?.kind === 'refused');
}
