import { statesInOrder, type Pipeline } from '../../domain/retirement/pipeline.ts';
import { terminalStates } from '../../domain/retirement/states.ts';
import type { RetirementQueue } from './retirement.ts';

/** Names that the LMS does not have. One request when it has them all, one for each name otherwise. */
export async function findUnknownStates(
  queue: RetirementQueue,
  pipeline: Pipeline,
): Promise<readonly string[]> {
  const names = [...statesInOrder(pipeline), ...terminalStates];
  if ((await queue.list(names, { limit: 0 })).kind === 'listed') return [];
  const answers = await Promise.all(names.map((name) => queue.list([name], { limit: 0 })));
  return names.filter((_, index) => answers[index]?.kind === 'refused');
}
