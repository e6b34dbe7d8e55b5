import { deadlinesOf } from '../../../domain/retirement/deadlines.ts';
import { createLimiter } from '../../../domain/concurrency.ts';
import type { RetirementStatus } from '../../../platform/lms/status.ts';
import { permanent } from '../../failures.ts';
import { beating } from '../../heartbeat.ts';
import { claim } from '../claiming/claiming.ts';
import { completeElsewhere } from '../completing.ts';
import type { RetirementDependencies } from '../dependencies.ts';
import { settleOldRequests } from '../partner-report/recovering.ts';
import type { Platform } from '../platform.ts';
import { insertRetirement } from '../store.ts';
import { listBusy } from './open-workflows.ts';
import { cutoffOf, listCompleteInLms, makesPartnerReports, requireArchive } from './settings.ts';
import { listUnlike } from './store.ts';

const WRITES_AT_ONCE = 10;

/**
 * Makes the calling workflow the only one that archives, looks into old requests for partner reports whose answer is lost, and
 * takes in whom another driver completed. Safe to run twice: the claim is this run's already, a settled request is not looked
 * into again, and who was taken in is known. Throws, for good, `UpdateUnderWay` while another run
 * archives, and `ConfigurationInvalid`.
 */
export function createBeginArchive(dependencies: RetirementDependencies): () => Promise<void> {
  return () =>
    beating(async () => {
      const connected = await dependencies.platform.current();
      requireArchive(connected);
      const other = await claim(dependencies.database, 'archive');
      if (other !== undefined) {
        throw permanent(
          'UpdateUnderWay',
          `${other.workflowId} is archiving already: wait for its end; what is left is for the next run`,
        );
      }
      if (makesPartnerReports(connected)) await settleOldRequests(dependencies.database, connected);
      await takeIn(dependencies, connected);
    });
}

/**
 * Rows and receipts of learners whom another driver completed. One who has a row here that says otherwise, and no workflow to see
 * to it, is COMPLETE all the same: the LMS is the truth that all drivers see.
 */
async function takeIn(dependencies: RetirementDependencies, connected: Platform): Promise<void> {
  const { database } = dependencies;
  const { configuration } = connected;
  const settings = requireArchive(connected);
  const listed = await listCompleteInLms(connected, settings, cutoffOf(settings));
  const unlike = new Set(await listUnlike(database, listed));
  const unknown = listed.filter(({ retirementId }) => unlike.has(retirementId));
  const busy = await listBusy(unknown.map(({ userId }) => userId));
  const limited = createLimiter(WRITES_AT_ONCE);
  const take = async (status: RetirementStatus): Promise<void> => {
    const { userId, requestedAt } = status;
    await insertRetirement(database, status, deadlinesOf(requestedAt, configuration.registrar));
    await completeElsewhere(dependencies, configuration, { userId, text: 'found COMPLETE in the LMS' });
  };
  await Promise.all(
    unknown.filter(({ userId }) => !busy.has(userId)).map((status) => limited(() => take(status))),
  );
}
