import type { ArchiveInput, ArchiveResult } from '../../domain/retirement/archive.ts';
import {
  ARCHIVE_RETIREMENTS,
  ARCHIVE_SCHEDULE_ID,
  RETIREMENT_TASK_QUEUE,
} from '../../workflows/retirement/contract.ts';
import { runNow } from '../workflow-result.ts';
import type { RetirementContext } from './context.ts';

/**
 * One run of the archive, now; or with `dryRun` only the counts, with nothing written anywhere. Whoever asks while an operator's
 * run is under way waits for that one. Throws what the run failed with.
 */
export async function archiveNow(
  context: RetirementContext,
  { dryRun }: Required<ArchiveInput>,
): Promise<ArchiveResult> {
  const input: ArchiveInput = { dryRun };
  return runNow<ArchiveResult>(await context.temporal(), ARCHIVE_RETIREMENTS, {
    workflowId: dryRun ? `${ARCHIVE_SCHEDULE_ID}-dry-run` : ARCHIVE_SCHEDULE_ID,
    taskQueue: RETIREMENT_TASK_QUEUE,
    args: [input],
    summary: dryRun ? 'Count for the archive, asked for by an operator' : 'Archive asked for by an operator',
  });
}
