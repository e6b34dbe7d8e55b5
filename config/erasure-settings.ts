import { nameTrouble } from '../domain/retirement/partner-file.ts';
import type {
  ArchiveSettings,
  PartnerReportKeys,
  PartnerReportSettings,
  ReceiptSettings,
} from './configuration.ts';
import { present } from './complete.ts';
import { destinationKeys, readDestination } from './destination.ts';
import { keyPath, shown, type Report } from './problem.ts';
import {
  field,
  isAbsent,
  readDuration,
  readList,
  readNumber,
  readSecret,
  readSection,
  readText,
  warnOfUnknownKeys,
  type Field,
  type Section,
} from './section.ts';
import { unresolved } from './substitution.ts';

const DAY = 86_400_000;
const MAX_DAYS = 36_500;

/** Reads `registrar.partner_reports`; undefined when the section is absent or names no destination. */
export function readPartnerReports(
  report: Report,
  from: Field,
  configurationPath: string,
): PartnerReportSettings | undefined {
  const section = readSection(report, from);
  if (section === undefined) return undefined;
  warnOfUnknownKeys(report, section, [...destinationKeys, 'age_in_days', 'every']);
  const ageInDays = readNumber(report, field(section, 'age_in_days'), {
    min: 1,
    max: MAX_DAYS,
    unit: 'days',
  });
  const everyMs = readEvery(report, section) ?? 7 * DAY;
  const destination = readDestination(report, section, configurationPath);
  if (destination === undefined) {
    requireDestination(report, section);
    return undefined;
  }
  return { destination, everyMs, ...present({ ageInDays }) };
}

/** Warns of what would stop every partner report; retirements go on without them. */
export function warnOfPartnerReports(
  report: Report,
  { orgPartnerMapping, platformName }: PartnerReportKeys,
): void {
  const needed = 'is missing; partner reports need it: set it, or remove registrar.partner_reports';
  if (Object.keys(orgPartnerMapping).length === 0) report.warning('org_partner_mapping', needed);
  if (platformName === undefined) report.warning('partner_report_platform_name', needed);
  const names = [
    ...(platformName === undefined ? [] : [['partner_report_platform_name', platformName] as const]),
    ...Object.entries(orgPartnerMapping).flatMap(([org, partners]) =>
      partners.map((partner) => [keyPath('org_partner_mapping', org), partner] as const),
    ),
  ];
  for (const [where, name] of names) {
    const trouble = nameTrouble(name);
    if (trouble !== undefined)
      report.warning(where, `${shown(name)} ${trouble}, and is part of a file's name; correct it`);
  }
}

/** What `registrar.archive` may leave out: the bucket of Open edX's own key. */
export interface ArchiveDefaults {
  readonly configurationPath: string;
  readonly s3Archive?: { readonly bucketName: string; readonly region?: string };
}

/** Reads `registrar.archive`; undefined when neither it nor `s3_archive` says where to. */
export function readArchiveSettings(
  report: Report,
  from: Field,
  { configurationPath, s3Archive }: ArchiveDefaults,
): ArchiveSettings | undefined {
  const given = readSection(report, from);
  const section = given ?? { where: from.where, values: {} };
  warnOfUnknownKeys(report, section, [...destinationKeys, 'identity', 'after_days', 'batch_size', 'every']);
  const settings = {
    identity: readIdentity(report, field(section, 'identity')),
    afterDays:
      readNumber(report, field(section, 'after_days'), { min: 0, max: MAX_DAYS, unit: 'days' }) ?? 37,
    batchSize: readNumber(report, field(section, 'batch_size'), { min: 1, max: 10_000, whole: true }) ?? 200,
    everyMs: readEvery(report, section) ?? DAY,
  };
  const destination = readDestination(report, section, configurationPath);
  if (destination !== undefined) return { ...settings, destination };
  if (s3Archive !== undefined) {
    const { bucketName, region } = s3Archive;
    return {
      ...settings,
      destination: { kind: 's3', bucket: bucketName, prefix: '', ...present({ region }) },
    };
  }
  if (given !== undefined) requireDestination(report, section);
  return undefined;
}

/** Reads `registrar.receipts`: the keys with which receipts are signed and people become tokens. */
export function readReceipts(report: Report, from: Field): ReceiptSettings {
  const section = readSection(report, from);
  if (section === undefined) return {};
  warnOfUnknownKeys(report, section, ['signing_key', 'earlier_keys', 'token_key', 'earlier_token_keys']);
  return present({
    signingKey: readKey(report, field(section, 'signing_key')),
    earlierKeys: readEach(report, field(section, 'earlier_keys'), 'key ids', readKeyId),
    tokenKey: readKey(report, field(section, 'token_key')),
    earlierTokenKeys: readEach(report, field(section, 'earlier_token_keys'), 'keys', readKey),
  });
}

function readEach<Item>(
  report: Report,
  from: Field,
  of: string,
  read: (report: Report, item: Field) => Item | undefined,
): readonly Item[] | undefined {
  return readList(report, from, of)?.flatMap((item) => {
    const value = read(report, item);
    if (value === undefined && isAbsent(item))
      report.problem(item.where, 'is empty; give it a value or remove it');
    return value === undefined ? [] : [value];
  });
}

/** As `registrar receipts key` prints it. */
function readKeyId(report: Report, from: Field): string | undefined {
  const { value } = from;
  if (isAbsent(from) || value === unresolved) return undefined;
  // Digits that all happen to be decimal are read as a number, which may have lost some of them.
  if (typeof value === 'string' && /^[0-9a-f]{16}$/.test(value)) return value;
  report.problem(
    from.where,
    'must be the id of a key, 16 hexadecimal digits, in quotes; `registrar receipts key` prints it',
  );
  return undefined;
}

/** 32 bytes in base64 or hexadecimal, as `openssl rand -base64 32` makes them. */
function readKey(report: Report, from: Field): Uint8Array | undefined {
  const text = readSecret(report, from)?.trim();
  if (text === undefined) return undefined;
  const bytes = /^[0-9a-f]{64}$/i.test(text) ? Buffer.from(text, 'hex') : Buffer.from(text, 'base64');
  if (bytes.length === 32) return bytes;
  report.problem(from.where, 'must be 32 random bytes; make them with `openssl rand -base64 32`');
  return undefined;
}

function readIdentity(report: Report, from: Field): ArchiveSettings['identity'] {
  const text = readText(report, from) ?? 'tokens';
  if (text === 'tokens' || text === 'keep') return text;
  report.problem(from.where, `must be tokens or keep, found ${shown(text)}; write one of the two`);
  return 'tokens';
}

function readEvery(report: Report, section: Section): number | undefined {
  return readDuration(report, field(section, 'every'), {
    min: 1_000,
    max: 366 * DAY,
    range: 'from 1s to 366d',
  });
}

function requireDestination(report: Report, section: Section): void {
  if (report.problems().some(({ where }) => where.startsWith(section.where))) return;
  report.problem(section.where, 'has no destination; set it to a folder or to s3://bucket/prefix');
}
