import { stateBefore, type Pipeline } from '../../../domain/retirement/pipeline.ts';
import type { Invariant, Scene } from './scene.ts';
import { readStandings, type Standing } from './standings.ts';

const PENDING = 'PENDING';
const ERRORED = 'ERRORED';
const COMPLETE = 'COMPLETE';

/**
 * Stages come in the order of the pipeline: so our rows say, so the receipts say, and so the LMS's own log of moves says, in which
 * only a resume, a rerun or a failure leads anywhere but to the next state.
 */
export const stagesInOrder: Invariant = async (scene) => [
  ...(await readStandings(scene)).flatMap((standing) =>
    [...rowTrouble(scene.pipeline, standing), ...logTrouble(scene.pipeline, standing)].map(
      (trouble) => `LMS user ${standing.learner.userId}: ${trouble}`,
    ),
  ),
  ...(await receiptTrouble(scene)),
];

function rowTrouble(pipeline: Pipeline, { row }: Standing): readonly string[] {
  if (row === undefined) return [];
  const { completedStages, currentState } = row;
  const ends = pipeline.map(({ endState }) => endState);
  const expected = currentState === COMPLETE ? ends : ends.slice(0, completedStages.length);
  return completedStages.join() === expected.join()
    ? []
    : [`${currentState} with the stages ${completedStages.join(', ') || 'none'}`];
}

function logTrouble(pipeline: Pipeline, { lms }: Standing): readonly string[] {
  const moves = [...lms.responses.matchAll(/^ ?Moved from (\S+) \(step \d+\) to (\S+) \(step \d+\):/gm)];
  return moves.flatMap(([, from = '', to = '']) =>
    isNext(pipeline, from, to) ? [] : [`the LMS was moved from ${from} to ${to}`],
  );
}

function isNext(pipeline: Pipeline, from: string, to: string): boolean {
  // A forced move whose answer was lost is repeated.
  if (from === to) return true;
  if (to === ERRORED) return from !== COMPLETE;
  if (to === PENDING) return from === ERRORED || from === COMPLETE;
  if (to === COMPLETE) return from === pipeline.at(-1)?.endState;
  const started = pipeline.findIndex(({ startState }) => startState === to);
  if (started >= 0) return from === stateBefore(pipeline, started);
  const ended = pipeline.find(({ endState }) => endState === to);
  return from === ended?.startState || (ended !== undefined && from === ERRORED);
}

async function receiptTrouble({ database, pipeline, people }: Scene): Promise<readonly string[]> {
  const { rows } = await database.query<{ userId: number; body: string }>(
    `select user_id as "userId", body from erasure_receipts where kind = 'erasure' and user_id = any($1::bigint[])
     order by sequence`,
    [people.map(({ userId }) => userId)],
  );
  const ends = pipeline.map(({ endState }) => endState).join();
  return rows.flatMap(({ userId, body }) => {
    const stages = stagesIn(body);
    const times = stages.flatMap(({ at }) => (at === null ? [] : [Date.parse(at)]));
    const isAscending = times.every((time, index) => time >= (times[index - 1] ?? 0));
    const isWhole = stages.map(({ endState }) => endState).join() === ends;
    return [
      ...(isWhole ? [] : [`LMS user ${userId}: the receipt has other stages than the pipeline`]),
      ...(isAscending
        ? []
        : [`LMS user ${userId}: the receipt's stages are not in the order of their times`]),
    ];
  });
}

function stagesIn(body: string): readonly { readonly endState: string; readonly at: string | null }[] {
  // Written by ourselves; a receipt that was altered is another invariant's.
  return (
    JSON.parse(body) as { stages: readonly { readonly endState: string; readonly at: string | null }[] }
  ).stages;
}
