import { cancellationSignal } from '@temporalio/activity';
import { readPartnerRow } from '../../../domain/retirement/partner-report.ts';
import { beating } from '../../heartbeat.ts';
import type { RetirementDependencies } from '../dependencies.ts';
import { translating } from '../failing.ts';
import { callingRun } from '../claiming/claiming.ts';
import { finishBatch, listContent, listOpenBatches, lockBatch } from './store.ts';

/**
 * Has the LMS forget the rows that were delivered, then forgets them here. Safe to run twice: rows that the LMS has forgotten
 * already count as done, and ours go together with the note that their learners were reported. Throws `ServiceUnavailable`.
 */
export function createCleanUpPartnerReport({
  database,
  platform,
}: RetirementDependencies): () => Promise<{ readonly batches: number }> {
  return () =>
    beating(async () => {
      const { partnerReports } = await platform.lastValid();
      const { runId } = callingRun();
      const delivered = (await listOpenBatches(database)).filter((batch) => batch.isDelivered);
      for (const { id: batchId } of delivered) {
        const rows = (await listContent(database, batchId)).flatMap(
          (content) => readPartnerRow(content) ?? [],
        );
        const names = rows.map((row) => row.username);
        const { missing } = await translating(() => partnerReports.cleanUp(names, cancellationSignal()));
        await database.transaction(async (transaction) => {
          const batch = await lockBatch(transaction, batchId);
          if (!batch.isFinished) await finishBatch(transaction, { batchId, missing, runId });
        });
      }
      return { batches: delivered.length };
    });
}
