import type { Database } from '../../../db/database.ts';
import { readPartnerRow } from '../../../domain/retirement/partner-report.ts';
import { retryLater } from '../../failures.ts';
import { beating } from '../../heartbeat.ts';
import { claim } from '../claiming/claiming.ts';
import type { RetirementDependencies } from '../dependencies.ts';
import { refuseUnknownOrganisations, requireSettings, withStore, type ReportSettings } from './settings.ts';
import { listWaitingOrganisations } from './learner-store.ts';
import { listUndeliveredContent } from './store.ts';

/** Written and removed again, to see whether reports could be. */
const TRIAL_KEY = '.registrar-may-write-here';

/**
 * Makes the calling workflow the only one that works on reports, and makes sure that a report could be delivered, all before the
 * LMS is asked for what it gives away but once. Safe to run twice: it leaves nothing but the claim. Throws `ConfigurationInvalid`,
 * `UnknownOrganisation` naming every organisation without a partner, `ServiceUnavailable` for a destination that cannot be
 * written to, and `UpdateUnderWay`, to be tried again, while another run is open.
 */
export function createBeginPartnerReport({
  database,
  platform,
}: RetirementDependencies): () => Promise<void> {
  return () =>
    beating(async () => {
      const other = await claim(database, 'partner-report');
      if (other !== undefined) {
        throw retryLater(
          'UpdateUnderWay',
          `a partner report is under way as ${other.workflowId}: this one waits for its end`,
        );
      }
      const settings = requireSettings((await platform.current()).configuration);
      await refuseUnknown(database, settings);
      await withStore(settings, async (store) => {
        await store.put(TRIAL_KEY, new Uint8Array(), 'text/plain');
        await store.read(TRIAL_KEY);
        await store.remove(TRIAL_KEY);
      });
    });
}

async function refuseUnknown(database: Database, settings: ReportSettings): Promise<void> {
  const waiting = await listWaitingOrganisations(database, settings.queueStates);
  const kept = (await listUndeliveredContent(database)).flatMap(
    (content) => readPartnerRow(content)?.organisations ?? [],
  );
  refuseUnknownOrganisations([...waiting, ...kept], settings, 'the LMS was not asked');
}
