import type { Invariant } from './scene.ts';
import { readStandings, type Standing } from './standings.ts';

/** An accepted cancel holds, and nobody whose retirement was cancelled was touched by any stage, before or after. */
export const cancelledUntouched: Invariant = async (scene) =>
  (await readStandings(scene)).flatMap((standing) => {
    const { learner, row } = standing;
    const who = `LMS user ${learner.userId}`;
    if (row?.currentState !== 'ABORTED') {
      const state = row?.currentState ?? 'without a row';
      return learner.wasToldCancelled ? [`${who} is ${state} although a cancel was accepted`] : [];
    }
    const begun = row.firstStageAt === null ? [] : [`${who} was cancelled after a stage had begun`];
    const { called } = scene.thirdParty.callsOf(learner.userId);
    return [
      ...begun,
      ...touched(standing).map((action) => `${who} was cancelled, and yet: ${action}`),
      ...(called === 0 ? [] : [`${who} was cancelled, and yet the third party was asked ${called} times`]),
    ];
  });

function touched({ lms }: Standing): readonly string[] {
  return Object.entries(lms.effects)
    .filter(([action, { called, effective }]) => {
      if (action.endsWith('/cancel_retirement/')) return false;
      // A move that found no row any more is how a stage learns of a cancel in the LMS.
      return action.startsWith('PATCH ') ? effective > 0 : called > 0;
    })
    .map(([action]) => action);
}
