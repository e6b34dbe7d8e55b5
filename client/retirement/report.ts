import { listDeliveredFiles, type DeliveredFile } from '../../activities/retirement/partner-report/store.ts';
import {
  PARTNER_REPORT,
  PARTNER_REPORT_WORKFLOW_ID,
  RETIREMENT_TASK_QUEUE,
  type PartnerReportResult,
} from '../../workflows/retirement/contract.ts';
import { runNow } from '../workflow-result.ts';
import type { RetirementContext } from './context.ts';

/** What a partner report did, with the files of each partner. */
export interface PartnerReport extends Omit<PartnerReportResult, 'files'> {
  readonly files: readonly DeliveredFile[];
}

/**
 * A partner report now, or the one that somebody asked for a moment ago; one that the schedule has begun is waited for. Throws
 * what the report failed with.
 */
export async function reportToPartners(context: RetirementContext): Promise<PartnerReport> {
  const result = await runNow<PartnerReportResult>(await context.temporal(), PARTNER_REPORT, {
    workflowId: PARTNER_REPORT_WORKFLOW_ID,
    taskQueue: RETIREMENT_TASK_QUEUE,
    summary: 'Partner report asked for by an operator',
  });
  return { ...result, files: await listDeliveredFiles(context.database, result.batches) };
}
