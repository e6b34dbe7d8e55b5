import type { Configuration } from '../../../config/configuration.ts';
import type { Destination } from '../../../domain/retirement/destination.ts';
import { nameTrouble } from '../../../domain/retirement/partner-file.ts';
import { unknownOrganisations, type PartnerMapping } from '../../../domain/retirement/partner-report.ts';
import { createObjectStore } from '../../../platform/storage/index.ts';
import type { ObjectStore } from '../../../platform/storage/object-store.ts';
import { permanent } from '../../failures.ts';
import { reachingStore } from '../reaching-store.ts';

/** What a partner report needs of the configuration. */
export interface ReportSettings {
  readonly destination: Destination;
  readonly ageInDays: number | undefined;
  readonly platformName: string;
  readonly mapping: PartnerMapping;
  /** End states of the stages that put learners into the partners' queue. */
  readonly queueStates: readonly string[];
  readonly timeoutMs: number;
}

/** Throws a permanent `ConfigurationInvalid` naming the key that is missing, or the name that no file can have. */
export function requireSettings({ registrar, partnerReport, pipeline }: Configuration): ReportSettings {
  const { partnerReports, requestTimeoutMs } = registrar;
  if (partnerReports === undefined) throw missing('registrar.partner_reports.destination');
  const { orgPartnerMapping: mapping, platformName } = partnerReport;
  if (Object.keys(mapping).length === 0) throw missing('org_partner_mapping');
  if (platformName === undefined) throw missing('partner_report_platform_name');
  checkName('partner_report_platform_name', platformName);
  for (const [organisation, partners] of Object.entries(mapping))
    for (const partner of partners) checkName(`org_partner_mapping.${organisation}`, partner);
  return {
    destination: partnerReports.destination,
    ageInDays: partnerReports.ageInDays,
    platformName,
    mapping,
    queueStates: queueStatesOf(pipeline),
    timeoutMs: requestTimeoutMs,
  };
}

/** End states of the stages that put learners into the partners' queue. */
export function queueStatesOf(pipeline: Configuration['pipeline']): readonly string[] {
  return pipeline
    .filter(({ service, method }) => service === 'LMS' && method === 'retirement_partner_queue')
    .map(({ endState }) => endState);
}

/** Ends the activity for good when an organisation has no partner. */
export function refuseUnknownOrganisations(
  organisations: readonly string[],
  { mapping }: ReportSettings,
  consequence: string,
): void {
  const unknown = unknownOrganisations(organisations, mapping);
  if (unknown.length === 0) return;
  throw permanent(
    'UnknownOrganisation',
    `org_partner_mapping has no partner for ${unknown.join(', ')}: ${consequence}; name the partners, then run the report again`,
  );
}

/** Lends the store of the reports to `work`; its failures in a form that Temporal may see. */
export async function withStore<Result>(
  { destination, timeoutMs }: ReportSettings,
  work: (store: ObjectStore) => Promise<Result>,
): Promise<Result> {
  const store = createObjectStore(destination, { timeoutMs });
  try {
    return await reachingStore(() => work(store));
  } finally {
    await store.close();
  }
}

function missing(key: string): Error {
  return permanent('ConfigurationInvalid', `${key} is not set: a partner report needs it`);
}

function checkName(key: string, name: string): void {
  const trouble = nameTrouble(name);
  if (trouble === undefined) return;
  throw permanent(
    'ConfigurationInvalid',
    `${key}: ${JSON.stringify(name)} ${trouble}: no file can be named after it`,
  );
}
