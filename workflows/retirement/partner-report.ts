import { defineQuery, proxyActivities, setHandler } from '@temporalio/workflow';
import type { PartnerReportActivities } from '../../activities/retirement/partner-report/index.ts';
import { STATUS, type PartnerReportResult, type PartnerReportStatus } from './contract.ts';

const activities = proxyActivities<PartnerReportActivities>({
  startToCloseTimeout: '30 minutes',
  // A run that cannot reach the LMS or the destination for so long ends; what it kept is the next one's.
  scheduleToCloseTimeout: '6 hours',
  heartbeatTimeout: '1 minute',
  retry: { initialInterval: '1 second', maximumInterval: '1 minute' },
});

const statusQuery = defineQuery<PartnerReportStatus>(STATUS);

/**
 * Tells partners whose erasure is done: asks the LMS once, keeps the answer, delivers one file a partner, and only then has the
 * LMS forget. Goes on with what an earlier run left. Only counts and database ids pass through here.
 */
export async function partnerReport(): Promise<PartnerReportResult> {
  let status: PartnerReportStatus = { step: 'checking', result: null };
  setHandler(statusQuery, () => status, { description: 'The step under way, and at the end the counts.' });

  await activities.beginPartnerReport();
  status = { ...status, step: 'asking' };
  await activities.askForPartnerReport();
  status = { ...status, step: 'delivering' };
  await activities.deliverPartnerReport();
  status = { ...status, step: 'cleaning-up' };
  await activities.cleanUpPartnerReport();
  const { deleted } = await activities.deleteOldPartnerReports();

  const result = { ...(await activities.summarisePartnerReport()), deleted };
  status = { step: 'done', result };
  return result;
}
