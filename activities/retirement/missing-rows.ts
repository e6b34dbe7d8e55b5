import type { Database } from '../../db/database.ts';
import { deadlinesOf } from '../../domain/retirement/deadlines.ts';
import { locate, type Pipeline } from '../../domain/retirement/pipeline.ts';
import { ERRORED, PENDING } from '../../domain/retirement/states.ts';
import { createLimiter } from '../../domain/concurrency.ts';
import type { RetirementStatus } from '../../platform/lms/status.ts';
import type { Configuration } from '../../config/configuration.ts';
import { addResponse, changeState, insertRetirement, listRowless, recordAdoption } from './store.ts';
import { line } from './wording.ts';

const WRITES_AT_ONCE = 10;

/** A learner whom an open workflow looks after. */
export interface LookedAfter {
  readonly status: RetirementStatus;
  /** What the workflow shows as its state; it may be behind. */
  readonly shownState: string | undefined;
}

/**
 * Writes the rows of learners who have a workflow and no row, as after a database was restored to before they asked: from the
 * LMS, with the stages before their state as completed. One whose workflow is parked becomes ERRORED. Safe to repeat: whoever
 * has a row keeps it as it is, and whoever is archived gets none.
 */
export async function writeMissingRows(
  database: Database,
  { pipeline, registrar }: Configuration,
  lookedAfter: readonly LookedAfter[],
): Promise<void> {
  const rowless = new Set(
    await listRowless(
      database,
      lookedAfter.map(({ status }) => status),
    ),
  );
  const missing = lookedAfter.filter(({ status }) => rowless.has(status.userId));
  const limited = createLimiter(WRITES_AT_ONCE);
  await Promise.all(
    missing.map(({ status, shownState }) =>
      limited(() =>
        database.transaction(async (tx) => {
          const { userId, requestedAt } = status;
          await insertRetirement(tx, status, deadlinesOf(requestedAt, registrar));
          const state = status.currentState.name;
          const note = line(
            new Date(),
            `restored: found in ${state} with a workflow and without a row, as after a restored database`,
          );
          // A first stage of theirs is what nobody may say of somebody who can still cancel.
          if (state === PENDING) await addResponse(tx, userId, note);
          else {
            const completed = completedBefore(pipeline, status);
            await recordAdoption(tx, { userId, state, line: note, completed, stage: undefined });
          }
          if (shownState !== ERRORED || state === ERRORED) return;
          const text = `${ERRORED}: the workflow waits for a resume; see its own page for the cause`;
          await changeState(tx, { userId, state: ERRORED, line: line(new Date(), text) });
        }),
      ),
    ),
  );
}

/** End states that the learner has passed, as far as the LMS tells. */
function completedBefore(pipeline: Pipeline, status: RetirementStatus): readonly string[] {
  const { currentState, lastState } = status;
  const position = locate(pipeline, currentState.name === ERRORED ? lastState.name : currentState.name);
  if (position.kind === 'unknown') return [];
  return pipeline.slice(0, position.index).map(({ endState }) => endState);
}
