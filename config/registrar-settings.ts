import type { RegistrarSettings } from './configuration.ts';
import { present } from './complete.ts';
import {
  readArchiveSettings,
  readPartnerReports,
  readReceipts,
  type ArchiveDefaults,
} from './erasure-settings.ts';
import type { Report } from './problem.ts';
import {
  field,
  readDuration,
  readFlag,
  readList,
  readNumber,
  readText,
  warnOfUnknownKeys,
  type Section,
} from './section.ts';
import { readPlatformUrl } from './service-address.ts';
import { unresolved } from './substitution.ts';

const SECOND = 1000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** A hundred years: dates of learners stay dates that every system knows. */
const MAX_DAYS = 36_500;

/** Every key that `registrar:` may have. */
export const registrarKeys = [
  'cool_off_days',
  'deadline_days',
  'deadline_warning_days',
  'retry_budget',
  'retry_initial',
  'retry_maximum',
  'request_timeout',
  'collect_every',
  'lms_concurrency',
  'user_count_error_threshold',
  'max_user_batch_size',
  'services',
  'reference_counter_url',
  'system_oauth_ids',
  'contact',
  'probe_after_days',
  'canary',
  'partner_reports',
  'archive',
  'receipts',
] as const;

type RegistrarKey = (typeof registrarKeys)[number];

/** Reads `registrar:` except its services; a value that is absent or wrong has its default. */
export function readSettings(
  report: Report,
  registrar: Section,
  archiveDefaults: ArchiveDefaults,
): Omit<RegistrarSettings, 'services'> {
  warnOfUnknownKeys(report, registrar, registrarKeys);
  const at = (key: RegistrarKey) => field(registrar, key);
  const days = (key: RegistrarKey) => readNumber(report, at(key), { min: 0, max: MAX_DAYS, unit: 'days' });
  const count = (key: RegistrarKey, max: number) => readNumber(report, at(key), { min: 1, max, whole: true });
  const duration = (key: RegistrarKey, min: number, max: number, range: string) =>
    readDuration(report, at(key), { min, max, range });
  const settings = {
    coolOffDays: days('cool_off_days') ?? 7,
    deadlineDays: days('deadline_days') ?? 30,
    deadlineWarningDays: days('deadline_warning_days') ?? 5,
    retryBudgetMs: duration('retry_budget', 0, 30 * DAY, 'at most 30d') ?? 600 * SECOND,
    retryInitialMs: duration('retry_initial', 1, HOUR, 'from 1ms to 1h') ?? SECOND,
    retryMaximumMs: duration('retry_maximum', 1, DAY, 'from 1ms to 1d') ?? 60 * SECOND,
    requestTimeoutMs: duration('request_timeout', 100, HOUR, 'from 100ms to 1h') ?? 30 * SECOND,
    collectEveryMs: duration('collect_every', SECOND, 30 * DAY, 'from 1s to 30d') ?? HOUR,
    lmsConcurrency: count('lms_concurrency', 64) ?? 8,
    userCountErrorThreshold: count('user_count_error_threshold', 1_000_000) ?? 300,
    maxUserBatchSize: count('max_user_batch_size', 1_000_000) ?? 200,
    systemOauthIds: readIds(report, registrar),
    canary: readFlag(report, at('canary')) ?? false,
    ...present({
      referenceCounterUrl: readPlatformUrl(report, at('reference_counter_url')),
      contact: readText(report, at('contact')),
      probeAfterDays: days('probe_after_days'),
      partnerReports: readPartnerReports(report, at('partner_reports'), archiveDefaults.configurationPath),
      archive: readArchiveSettings(report, at('archive'), archiveDefaults),
    }),
    receipts: readReceipts(report, at('receipts')),
  };
  checkTogether(report, registrar, settings);
  return settings;
}

function readIds(report: Report, registrar: Section): readonly number[] {
  const items = readList(report, field(registrar, 'system_oauth_ids'), 'whole numbers') ?? [];
  return items.flatMap((item) => {
    if (item.value === null || item.value === '')
      report.problem(item.where, 'is empty; write a whole number or remove it');
    if (item.value === unresolved) return [];
    return readNumber(report, item, { min: 1, max: Number.MAX_SAFE_INTEGER, whole: true }) ?? [];
  });
}

function checkTogether(
  report: Report,
  { where }: Section,
  settings: Omit<RegistrarSettings, 'services'>,
): void {
  if (settings.retryInitialMs > settings.retryMaximumMs) {
    report.problem(
      `${where}.retry_initial`,
      'is longer than retry_maximum; shorten it, or lengthen retry_maximum',
    );
  }
  if (settings.coolOffDays > settings.deadlineDays) {
    report.warning(
      `${where}.cool_off_days`,
      'is more than deadline_days, so every retirement will be overdue; lower it or raise deadline_days',
    );
  }
  const { archive, probeAfterDays } = settings;
  if (
    archive !== undefined &&
    probeAfterDays !== undefined &&
    settings.coolOffDays + probeAfterDays >= archive.afterDays
  ) {
    report.warning(
      `${where}.probe_after_days`,
      'ends after archive.after_days, when nobody is left to ask about; lower it or raise archive.after_days',
    );
  }
}
