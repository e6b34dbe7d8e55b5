import { verifyAll } from '../../../client/receipts/verify.ts';
import type { Invariant } from './scene.ts';
import { isErased, readStandings } from './standings.ts';

/** The chain of receipts holds, and everybody who was erased has one, archived or not. */
export const receiptsChain: Invariant = async (scene) => {
  const { database } = scene;
  const { findings } = await verifyAll(
    { database, configuration: () => scene.configuration() },
    { watch: () => undefined },
  );
  const { rows } = await database.query<{ userId: number }>(
    `select distinct user_id as "userId" from erasure_receipts where kind = 'erasure'`,
  );
  const proved = new Set(rows.map(({ userId }) => userId));
  const standings = await readStandings(scene);
  return [
    ...findings.map((finding) => JSON.stringify(finding)),
    ...standings
      .filter((standing) => isErased(standing) && !proved.has(standing.learner.userId))
      .map(({ learner }) => `LMS user ${learner.userId} was erased without a receipt`),
    ...standings
      .filter(({ learner, row }) => row?.currentState === 'ABORTED' && proved.has(learner.userId))
      .map(({ learner }) => `LMS user ${learner.userId} was cancelled and has a receipt of an erasure`),
  ];
};
