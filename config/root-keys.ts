import type { Configuration, PartnerReportKeys } from './configuration.ts';
import { present } from './complete.ts';
import { keyPath, type Report } from './problem.ts';
import {
  field,
  fieldsOf,
  isAbsent,
  readFlag,
  readList,
  readSecret,
  readSection,
  readText,
  warnOfUnknownKeys,
  type Section,
} from './section.ts';
import { registrarKeys } from './registrar-settings.ts';
import { readPlatformUrl } from './service-address.ts';

/** Open edX's own keys, the dead `sailthru_…` included, and `registrar`. */
const rootKeys: readonly string[] = [
  'client_id',
  'client_secret',
  'base_urls',
  'retirement_pipeline',
  'fetch_ecommerce_segment_id',
  'segment_auth_token',
  'segment_workspace_slug',
  'braze_api_key',
  'braze_instance',
  'amplitude_api_key',
  'amplitude_secret_key',
  'salesforce_user',
  'salesforce_password',
  'salesforce_token',
  'salesforce_domain',
  'salesforce_assignee',
  'hubspot_api_key',
  'hubspot_aws_region',
  'hubspot_from_address',
  'hubspot_alert_email',
  'org_partner_mapping',
  'partner_report_platform_name',
  'drive_partners_folder',
  'denied_notification_domains',
  's3_archive',
  'sailthru_key',
  'sailthru_secret',
  'registrar',
];

const baseUrlKeys = [
  'lms',
  'ecommerce',
  'credentials',
  'demographics',
  'license_manager',
  'segment',
  'discovery',
];

/** Warns of keys at the top that nobody knows; one of Registrar's own is told where it belongs. */
export function warnOfRootKeys(report: Report, root: Section): void {
  const isOwn = (key: string): boolean => registrarKeys.some((own) => own === key);
  for (const { key, where } of fieldsOf(root)) {
    if (isOwn(key))
      report.warning(
        where,
        `unknown key, ignored; it belongs under registrar: as ${keyPath('registrar', key)}`,
      );
  }
  const others = Object.entries(root.values).filter(([key]) => !isOwn(key));
  warnOfUnknownKeys(report, { where: root.where, values: Object.fromEntries(others) }, rootKeys);
}

export function readClient(
  report: Report,
  root: Section,
): Pick<Configuration, 'clientId' | 'clientSecret'> | undefined {
  for (const key of ['client_id', 'client_secret']) {
    if (isAbsent(field(root, key))) {
      report.problem(
        key,
        "is missing; set it to the value of the LMS's OAuth application for the retirement service",
      );
    }
  }
  const clientId = readText(report, field(root, 'client_id'));
  const clientSecret = readSecret(report, field(root, 'client_secret'));
  return clientId === undefined || clientSecret === undefined ? undefined : { clientId, clientSecret };
}

/** The addresses that are right; `lms` is required. An address under an unknown key is a warning, whatever it is. */
export function readBaseUrls(
  report: Report,
  root: Section,
  baseUrls: Section | undefined,
): Readonly<Record<string, string>> {
  const lms = baseUrls === undefined ? undefined : field(baseUrls, 'lms');
  const broken = baseUrls === undefined && !isAbsent(field(root, 'base_urls'));
  if (!broken && (lms === undefined || isAbsent(lms))) {
    report.problem(
      'base_urls.lms',
      'is missing; set it to the address of the LMS, such as https://courses.example.org',
    );
  }
  if (baseUrls === undefined) return {};
  warnOfUnknownKeys(report, baseUrls, baseUrlKeys);
  const urls = baseUrlKeys.map((key) => [key, readPlatformUrl(report, field(baseUrls, key))] as const);
  return Object.fromEntries(urls.flatMap(([key, url]) => (url === undefined ? [] : [[key, url] as const])));
}

export function readSegmentIdFlag(report: Report, root: Section, baseUrls: Section | undefined): boolean {
  const from = field(root, 'fetch_ecommerce_segment_id');
  const flag = readFlag(report, from) ?? false;
  if (flag && (baseUrls === undefined || isAbsent(field(baseUrls, 'ecommerce')))) {
    report.problem(from.where, 'needs base_urls.ecommerce; set it, or turn fetch_ecommerce_segment_id off');
  }
  return flag;
}

export function readPartnerReport(report: Report, root: Section): PartnerReportKeys {
  const mapping = readSection(
    report,
    field(root, 'org_partner_mapping'),
    'organisations, each with a list of partner names',
  );
  const partners = (mapping === undefined ? [] : fieldsOf(mapping)).map((org) => {
    if (isAbsent(org))
      report.problem(org.where, 'has no partner; write a list such as [Name], or remove the organisation');
    return [
      org.key.normalize('NFKC'),
      readTexts(report, org, 'partner names').map((name) => name.normalize('NFKC')),
    ] as const;
  });
  const domains = readTexts(
    report,
    field(root, 'denied_notification_domains'),
    'endings of e-mail addresses',
  );
  return {
    orgPartnerMapping: Object.fromEntries(partners),
    deniedNotificationDomains: domains.map((domain) => domain.toLowerCase()),
    ...present({
      platformName: readText(report, field(root, 'partner_report_platform_name')),
      drivePartnersFolder: readText(report, field(root, 'drive_partners_folder')),
    }),
  };
}

function readTexts(report: Report, from: Parameters<typeof readList>[1], of: string): readonly string[] {
  return (readList(report, from, of) ?? []).flatMap((item) => readText(report, item) ?? []);
}

export function readArchive(report: Report, root: Section): Pick<Configuration, 's3Archive'> {
  const section = readSection(report, field(root, 's3_archive'), 'bucket_name and region');
  if (section === undefined) return {};
  warnOfUnknownKeys(report, section, ['bucket_name', 'region']);
  const bucketName = readText(report, field(section, 'bucket_name'));
  const region = readText(report, field(section, 'region'));
  if (bucketName === undefined) return {};
  return { s3Archive: { bucketName, ...present({ region }) } };
}
