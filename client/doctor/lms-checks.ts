import { listLmsStates } from '../../activities/retirement/store.ts';
import type { Configuration } from '../../config/configuration.ts';
import type { Queryable } from '../../db/database.ts';
import { statesInOrder } from '../../domain/retirement/pipeline.ts';
import { checkStateOrder } from '../../domain/retirement/state-order.ts';
import { terminalStates } from '../../domain/retirement/states.ts';
import type { LmsClient } from '../../platform/lms/client.ts';
import type { RetirementQueue } from '../../platform/lms/retirement.ts';
import type { LmsState } from '../../platform/lms/status.ts';
import { findUnknownStates } from '../../platform/lms/unknown-states.ts';
import { withLms } from '../lms.ts';
import { toOperationError } from '../translate-error.ts';
import { bad, ok, type Check } from './check.ts';

/** Whether the LMS lets the service account in, and has the pipeline's states in the pipeline's order. Reads only. */
export async function checkLms(
  configuration: Configuration,
  database: Queryable | undefined,
): Promise<readonly Check[]> {
  return withLms(configuration, async ({ client, queue }) => {
    const token = await checkToken(client);
    if (token.outcome !== 'ok') return [token];
    try {
      return [token, ...(await checkStates(configuration, queue, database))];
    } catch (error) {
      return [token, bad('LMS states', toOperationError(error).message)];
    }
  });
}

async function checkToken(client: LmsClient): Promise<Check> {
  try {
    await client.tokens.token();
    return ok('LMS token', 'the LMS accepts client_id and client_secret');
  } catch (error) {
    return bad('LMS token', toOperationError(error).message);
  }
}

async function checkStates(
  { pipeline }: Configuration,
  queue: RetirementQueue,
  database: Queryable | undefined,
): Promise<readonly Check[]> {
  const unknown = await findUnknownStates(queue, pipeline);
  const names = [...statesInOrder(pipeline), ...terminalStates].filter((name) => !unknown.includes(name));
  const seen = await seenStates(queue, names);
  const remembered = database === undefined ? [] : await listLmsStates(database).catch(() => []);
  const known = [...new Map([...remembered, ...seen].map((state) => [state.name, state])).values()];
  const contradictions = checkStateOrder(pipeline, known);
  const positions = known.filter(({ name }) => names.includes(name)).length;
  return [
    ...(unknown.length === 0 ? [ok('LMS states', `the LMS has all ${names.length} states`)] : []),
    ...unknown.map((state) =>
      bad(
        'LMS states',
        `the LMS has no state ${state}: add it to RETIREMENT_STATES, or correct the pipeline`,
      ),
    ),
    ...contradictions.map((text) => bad('LMS order', text)),
    ...(contradictions.length === 0
      ? [
          ok(
            'LMS order',
            `no contradiction; the LMS has shown the positions of ${positions} of ${names.length} states so far`,
          ),
        ]
      : []),
  ];
}

/** One learner of each state shows where the LMS has that state, and the one before it. */
async function seenStates(queue: RetirementQueue, names: readonly string[]): Promise<readonly LmsState[]> {
  const answers = await Promise.all(names.map((name) => queue.list([name], { limit: 1 })));
  return answers.flatMap((answer) =>
    answer.kind === 'listed'
      ? answer.learners.flatMap(({ currentState, lastState }) => [currentState, lastState])
      : [],
  );
}
