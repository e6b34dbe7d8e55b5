import { statesInOrder, type Pipeline } from './pipeline.ts';

interface PositionedState {
  readonly name: string;
  /** The LMS's `state_execution_order`. */
  readonly order: number;
}

/**
 * Compares the pipeline's order with the positions that the LMS is known to have, and says each contradiction in a
 * line. The LMS refuses to move a learner backward, so a pipeline in another order would strand everybody half-way.
 */
export function checkStateOrder(pipeline: Pipeline, known: readonly PositionedState[]): readonly string[] {
  const orders = new Map(known.map((state) => [state.name, state.order]));
  const positioned = statesInOrder(pipeline)
    .map((name) => ({ name, order: orders.get(name) }))
    .filter((state): state is PositionedState => state.order !== undefined);
  return positioned.slice(1).flatMap((state, index) => {
    const before = positioned[index];
    if (before === undefined || before.order < state.order) return [];
    return [
      `the LMS has ${state.name} (step ${state.order}) before ${before.name} (step ${before.order}), the pipeline has it after: ` +
        'put both in the same order, in the pipeline or in RETIREMENT_STATES',
    ];
  });
}
