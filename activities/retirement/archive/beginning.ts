import { activityInfo } from '@temporalio/activity';
import type { Database } from '../../../db/database.ts';
import { deadlinesOf } from '../../../domain/retirement/deadlines.ts';
import { createLimiter } from '../../../platform/concurrency.ts';
import type { RetirementStatus } from '../../../platform/lms/status.ts';
import { permanent } from '../../failures.ts';
import { beating } from '../../heartbeat.ts';
import { completeElsewhere } from '../completing.ts';
import type { RetirementDependencies } from '../dependencies.ts';
import type { Platform } from '../platform.ts';
import { insertRetirement } from '../store.ts';
import { findHolder, takeClaim, type WorkflowRun } from './claim-store.ts';
import { isOpen, listBusy } from './open-workflows.ts';
import { cutoffOf, listCompleteInLms, requireArchive } from './settings.ts';
import { listUnlike } from './store.ts';

const WRITES_AT_ONCE = 10;

/**
 * Makes the calling workflow the only one that archives, and takes in whom another driver completed. Safe to run twice: the
 * claim is this run's already, and who was taken in is known. Throws, for good, `UpdateUnderWay` while another run
 * archives, and `ConfigurationInvalid`.
 */
export function createBeginArchive(dependencies: RetirementDependencies): () => Promise<void> {
  return () =>
    beating(async () => {
      const connected = await dependencies.platform.current();
      requireArchive(connected);
      await claim(dependencies.database, callingRun());
      await takeIn(dependencies, connected);
    });
}

function callingRun(): WorkflowRun {
  const { workflowExecution } = activityInfo();
  if (workflowExecution === undefined) throw new Error('only a workflow can archive');
  return workflowExecution;
}

async function claim(database: Database, mine: WorkflowRun): Promise<void> {
  for (;;) {
    const holder = await findHolder(database);
    if (holder?.runId === mine.runId) return;
    if (holder !== undefined && (await isOpen(holder.workflowId, holder.runId))) {
      throw permanent(
        'UpdateUnderWay',
        `${holder.workflowId} is archiving already: wait for its end; what is left is for the next run`,
      );
    }
    if (await takeClaim(database, mine, holder)) return;
  }
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
