import { REPORT_SUFFIX, reportPrefix } from '../../../domain/retirement/partner-file.ts';
import { beating } from '../../heartbeat.ts';
import type { RetirementDependencies } from '../dependencies.ts';
import { requireSettings, withStore } from './settings.ts';

const DAY_MS = 86_400_000;

/**
 * Deletes reports of this platform that were delivered more than `age_in_days` ago; without that key, none. Safe to run twice: what
 * is gone is gone. Throws `ServiceUnavailable`.
 */
export function createDeleteOldReports({
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
          ({ key, modifiedAt }) => key.endsWith(REPORT_SUFFIX) && modifiedAt.getTime() < before,
        );
        for (const { key } of old) await store.remove(key);
        return { deleted: old.length };
      });
    });
}
