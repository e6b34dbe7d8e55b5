import type { ArchiveInput, ArchiveResult } from '../../domain/retirement/archive.ts';
import {
  ARCHIVE_RETIREMENTS,
  ARCHIVE_SCHEDULE_ID,
  RETIREMENT_TASK_QUEUE,
} from '../../workflows/retirement/contract.ts';
import { requireWorker } from '../worker-presence.ts';
import { resultOf } from '../workflow-result.ts';
import type { RetirementContext } from './context.ts';

/**
 * One run of the archive, now; or with `dryRun` only the counts, with nothing written anywhere. Whoever asks while an operator's
 * run is under way waits for that one. Throws what the run failed with.
 */
export async function archiveNow(
  context: RetirementContext,
  { dryRun }: Required<ArchiveInput>,
): Promise<ArchiveResult> {
  const temporal = await context.temporal();
  await requireWorker(temporal, RETIREMENT_TASK_QUEUE);
  const input: ArchiveInput = { dryRun };
  const workflowId = dryRun ? `${ARCHIVE_SCHEDULE_ID}-dry-run` : ARCHIVE_SCHEDULE_ID;
  await temporal.client.workflow.start(ARCHIVE_RETIREMENTS, {
    workflowId,
    taskQueue: RETIREMENT_TASK_QUEUE,
    args: [input],
    workflowIdConflictPolicy: 'USE_EXISTING',
    staticSummary: dryRun
      ? 'Count for the archive, asked for by an operator'
      : 'Archive asked for by an operator',
  });
  return resultOf<ArchiveResult>(temporal, {
    handle: temporal.client.workflow.getHandle(workflowId),
    taskQueue: RETIREMENT_TASK_QUEUE,
  });
}
