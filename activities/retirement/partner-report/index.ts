import type { PartnerReportResult } from '../../../workflows/retirement/contract.ts';
import type { RetirementDependencies } from '../dependencies.ts';
import { createAskForPartnerReport } from './asking.ts';
import { createBeginPartnerReport } from './beginning.ts';
import { callingRun } from '../claiming/claiming.ts';
import { createCleanUpPartnerReport } from './cleaning-up.ts';
import { createDeliverPartnerReport } from './delivering.ts';
import { createDeleteOldReports } from './expiring.ts';
import { summariseRun } from './run-store.ts';

export type PartnerReportActivities = ReturnType<typeof createPartnerReportActivities>;

/** The steps of a partner report, in their order. Each is safe to run twice; the doc comment of each says why. */
// eslint-disable-next-line @typescript-eslint/explicit-module-boundary-types -- the workflow takes its type from here
export function createPartnerReportActivities(dependencies: RetirementDependencies) {
  return {
    beginPartnerReport: createBeginPartnerReport(dependencies),
    askForPartnerReport: createAskForPartnerReport(dependencies),
    deliverPartnerReport: createDeliverPartnerReport(dependencies),
    cleanUpPartnerReport: createCleanUpPartnerReport(dependencies),
    deleteOldPartnerReports: createDeleteOldReports(dependencies),
    summarisePartnerReport: createSummarise(dependencies),
  };
}

/** Only reads. */
function createSummarise({
  database,
}: RetirementDependencies): () => Promise<Omit<PartnerReportResult, 'deleted'>> {
  return () => summariseRun(database, callingRun().runId);
}
