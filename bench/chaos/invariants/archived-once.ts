import { countArchiveLines } from './delivered-files.ts';
import type { Invariant } from './scene.ts';
import { readStandings } from './standings.ts';

const CLEAN_UP = 'POST /api/user/v1/accounts/retirement_cleanup/';

/** Whom the archive has, it has once; and nobody was cleaned up in the LMS, or forgotten here, who is not in it. */
export const archivedOnce: Invariant = async (scene) => {
  const lines = countArchiveLines(scene.deliveredFolder);
  return (await readStandings(scene)).flatMap(({ learner, row, lms, archived }) => {
    const who = `LMS user ${learner.userId}`;
    const written = lines.get(learner.userId) ?? 0;
    const cleaned = lms.effects[CLEAN_UP]?.effective ?? 0;
    return [
      ...(written > 1 ? [`${who} has ${written} lines in the archive`] : []),
      ...(cleaned > 0 && written === 0
        ? [`${who} was cleaned up in the LMS without a line in the archive`]
        : []),
      ...(archived?.isForgotten === true && written === 0 ? [`${who} was forgotten without a line`] : []),
      ...(written > 0 && archived === undefined ? [`${who} has a line, and the database knows of none`] : []),
      ...(archived?.isForgotten === true && row !== undefined ? [`${who} was forgotten and has a row`] : []),
    ];
  });
};
