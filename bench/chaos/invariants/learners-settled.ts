import type { Invariant } from './scene.ts';
import { readStandings, type Standing } from './standings.ts';

/**
 * Every learner is COMPLETE, ABORTED, ERRORED where that was to be, or archived; and our row, the LMS and the workflow say the same.
 */
export const learnersSettled: Invariant = async (scene) =>
  (await readStandings(scene)).flatMap((standing) => {
    const trouble = troubleOf(standing);
    return trouble === undefined ? [] : [`LMS user ${standing.learner.userId} ${trouble}`];
  });

function troubleOf({ learner, row, lms, run, archived }: Standing): string | undefined {
  const stands = `(row ${row?.currentState ?? 'none'}, LMS ${lms.state ?? 'none'}, workflow ${run ?? 'none'})`;
  if (archived !== undefined && row === undefined) {
    if (lms.state === null && run === 'COMPLETED') return undefined;
    return `is archived, but still somewhere ${stands}`;
  }
  switch (row?.currentState ?? 'none') {
    case 'COMPLETE':
      return lms.state === 'COMPLETE' && run === 'COMPLETED'
        ? undefined
        : `is not COMPLETE everywhere ${stands}`;
    case 'ABORTED':
      return lms.state === null && run === 'COMPLETED' ? undefined : `is not ABORTED everywhere ${stands}`;
    case 'ERRORED':
      if (!learner.isDoomed) return `is ERRORED after every resume ${stands}`;
      return lms.state === 'ERRORED' && run === 'RUNNING' ? undefined : `is not ERRORED everywhere ${stands}`;
    default:
      return `is not settled ${stands}`;
  }
}
