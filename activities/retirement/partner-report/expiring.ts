import { REPORT_SUFFIX, reportPrefix } from '../../../domain/retirement/partner-file.ts';
import { beating } from '../../heartbeat.ts';
import type { RetirementDependencies } from '../dependencies.ts';
import { listDeliveredNames } from './file-store.ts';
import { requireSettings, withStore, type ReportSettings } from './settings.ts';

const DAY_MS = 86_400_000;

/** What follows the partner in the name of a report. */
const DATED = /^_\d{4}-\d\d-\d\d(?:_\d+)?$/;

/**
 * Deletes reports of this platform that were delivered more than `age_in_days` ago; without that key, none. Of this platform are
 * those that we delivered, also to partners who are none any longer, and those that another driver did, as far as their names
 * are a partner's and a date: `user_retirement_edge_` also begins the names of a platform `edge_eu`. Safe to run twice: what is
 * gone is gone. Throws `ServiceUnavailable`.
 */
export function createDeleteOldReports({
  database,
  platform,
}: RetirementDependencies): () => Promise<{ readonly deleted: number }> {
  return () =>
    beating(async () => {
      const settings = requireSettings((await platform.lastValid()).configuration);
      const { ageInDays, platformName } = settings;
      if (ageInDays === undefined) return { deleted: 0 };
      const before = Date.now() - ageInDays * DAY_MS;
      return withStore(settings, async (store) => {
        const old = (await store.list(reportPrefix(platformName))).filter(
          ({ modifiedAt }) => modifiedAt.getTime() < before,
        );
        const keys = old.map(({ key }) => key);
        const delivered = new Set(await listDeliveredNames(database, keys));
        const ours = keys.filter((key) => delivered.has(key) || isReportName(key, settings));
        for (const key of ours) await store.remove(key);
        return { deleted: ours.length };
      });
    });
}

function isReportName(key: string, { platformName, mapping }: ReportSettings): boolean {
  if (!key.endsWith(REPORT_SUFFIX)) return false;
  const rest = key.slice(reportPrefix(platformName).length, -REPORT_SUFFIX.length);
  return Object.values(mapping)
    .flat()
    .some((partner) => rest.startsWith(partner) && DATED.test(rest.slice(partner.length)));
}
