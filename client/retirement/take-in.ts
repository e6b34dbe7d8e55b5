import { insertRetirement, listLmsStates, recordLmsStates } from '../../activities/retirement/store.ts';
import type { Configuration } from '../../config/configuration.ts';
import { deadlinesOf } from '../../domain/retirement/deadlines.ts';
import { checkStateOrder } from '../../domain/retirement/state-order.ts';
import type { RetirementQueue } from '../../platform/lms/retirement.ts';
import type { LmsState, RetirementStatus } from '../../platform/lms/status.ts';
import { findUnknownStates } from '../../platform/lms/unknown-states.ts';
import { retirementStart, type RetireUserInput } from '../../workflows/retirement/contract.ts';
import { failed } from '../operation-error.ts';
import type { RetirementContext } from './context.ts';

/** Throws, a line a contradiction, when the LMS lacks a state of the pipeline or orders them otherwise. Writes nothing. */
export async function requireFittingPipeline(
  context: RetirementContext,
  { pipeline }: Configuration,
  queue: RetirementQueue,
  seen: readonly LmsState[] = [],
): Promise<void> {
  const unknown = await findUnknownStates(queue, pipeline);
  const known = new Map(
    [...(await listLmsStates(context.database)), ...seen].map((state) => [state.name, state]),
  );
  const problems = [
    ...unknown.map(
      (state) => `the LMS has no state ${state}: add it to RETIREMENT_STATES, or correct the pipeline`,
    ),
    ...checkStateOrder(pipeline, [...known.values()]),
  ];
  if (problems.length > 0)
    throw failed(problems.map((problem) => `retirement_pipeline: ${problem}`).join('\n'));
}

/** Writes the learner's row and says how the workflow is to be started. A known retirement keeps its progress. */
export async function takeIn(
  context: RetirementContext,
  { registrar }: Configuration,
  status: RetirementStatus,
): Promise<ReturnType<typeof retirementStart>> {
  const deadlines = deadlinesOf(status.requestedAt, registrar);
  await insertRetirement(context.database, status, deadlines);
  await recordLmsStates(context.database, [status.currentState, status.lastState]);
  const input: RetireUserInput = {
    userId: status.userId,
    found: { state: status.currentState.name, lastState: status.lastState.name },
  };
  return retirementStart(input, { state: status.currentState.name, dueAt: deadlines.dueAt });
}
