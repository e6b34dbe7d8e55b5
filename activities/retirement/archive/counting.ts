import type { CountedResult } from '../../../domain/retirement/archive.ts';
import { beating } from '../../heartbeat.ts';
import type { RetirementDependencies } from '../dependencies.ts';
import { longAgo } from '../partner-report/recovering.ts';
import { countHeld } from './holding-store.ts';
import { listBusy } from './open-workflows.ts';
import { cutoffOf, doubtOf, listCompleteInLms, requireArchive } from './settings.ts';
import { countUnfinished, listArchivable, listUnlike } from './store.ts';

/** Counts whom a run would archive now, without writing anything. One whom the LMS turns out to refuse counts too. */
export function createCountArchivable({
  database,
  platform,
}: RetirementDependencies): () => Promise<CountedResult> {
  return () =>
    beating(async () => {
      const connected = await platform.current();
      const settings = requireArchive(connected);
      const before = cutoffOf(settings);
      const doubt = doubtOf(connected, longAgo());
      const inLms = await listCompleteInLms(connected, settings, before);
      const unlike = new Set(await listUnlike(database, inLms));
      const unknown = inLms.filter(({ retirementId }) => unlike.has(retirementId));
      const known = await listArchivable(database, { before, doubt });
      const userIds = [...known, ...unknown.map(({ userId }) => userId)];
      const busy = await listBusy(userIds);
      const learners = userIds.filter((userId) => !busy.has(userId)).length;
      return {
        kind: 'counted',
        learners,
        batches: Math.ceil(learners / settings.batchSize),
        unfinished: await countUnfinished(database),
        held: await countHeld(database, { before, doubt }),
      };
    });
}
