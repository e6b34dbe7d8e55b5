import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import type { Configuration } from './configuration.ts';
import { warnOfPartnerReports } from './erasure-settings.ts';
import type { FileVersion } from './file-version.ts';
import { readPipeline } from './pipeline-rows.ts';
import { readPlainFile } from './plain-file.ts';
import { createReport, kindOf, type Problem, type Report } from './problem.ts';
import { readSettings } from './registrar-settings.ts';
import {
  readArchive,
  readBaseUrls,
  readClient,
  readPartnerReport,
  readSegmentIdFlag,
  warnOfRootKeys,
} from './root-keys.ts';
import { field, isAbsent, isRecord, readSection, type Section } from './section.ts';
import { readServices } from './service-declarations.ts';
import { substitute, type Environment } from './substitution.ts';
import { missingKeys, readThirdParties } from './third-parties.ts';
import { readYaml } from './yaml-reader.ts';

export type LoadedConfiguration =
  | {
      readonly kind: 'valid';
      readonly configuration: Configuration;
      readonly warnings: readonly Problem[];
      /** Files beside the configuration that its variables were read from, by their paths, as they were then. */
      readonly secretFiles: ReadonlyMap<string, FileVersion>;
    }
  | {
      readonly kind: 'invalid';
      readonly problems: readonly Problem[];
      readonly warnings: readonly Problem[];
    };

export interface ConfigurationPlace {
  /** A YAML file; relative paths start at the working directory. */
  readonly path: string;
  /** Where `${NAME}` is looked up. */
  readonly env: Environment;
}

/**
 * Reads and checks a configuration whole: the answer is one in which everything may be relied on, or every mistake at
 * once. Never throws for what is in the file, or for a file that cannot be read.
 */
export async function loadConfiguration({ path, env }: ConfigurationPlace): Promise<LoadedConfiguration> {
  const report = createReport();
  const text = await readText(path, report);
  const checked = text === undefined ? undefined : check({ path: resolve(path), text, env, report });
  const problems = report.problems();
  const warnings = report.warnings();
  if (checked === undefined || problems.length > 0) return { kind: 'invalid', problems, warnings };
  return { kind: 'valid', ...checked, warnings };
}

interface Unchecked {
  readonly path: string;
  readonly text: string;
  readonly env: Environment;
  readonly report: Report;
}

interface Checked {
  readonly configuration: Configuration;
  readonly secretFiles: ReadonlyMap<string, FileVersion>;
}

function check({ path, text, env, report }: Unchecked): Checked | undefined {
  const parsed = readYaml(text, report);
  if (parsed === undefined || !isRecord(parsed)) {
    if (report.problems().length === 0) report.problem('', notAMapping(path, parsed));
    return undefined;
  }
  const { tree, used, files } = substitute(parsed, env, report);
  if (!isRecord(tree)) return undefined;
  const root: Section = { where: '', values: tree };
  const rest = checkKeys(report, root, path);
  return rest && { configuration: { path, digest: digestOf(text, used), ...rest }, secretFiles: files };
}

function checkKeys(
  report: Report,
  root: Section,
  path: string,
): Omit<Configuration, 'path' | 'digest'> | undefined {
  warnOfRootKeys(report, root);
  const baseUrlSection = readSection(report, field(root, 'base_urls'), 'addresses');
  const client = readClient(report, root);
  const baseUrls = readBaseUrls(report, root, baseUrlSection);
  const fetchEcommerceSegmentId = readSegmentIdFlag(report, root, baseUrlSection);
  const thirdParties = readThirdParties(report, root);
  const partnerReport = readPartnerReport(report, root);
  const archive = readArchive(report, root);
  const registrar = readSection(report, field(root, 'registrar')) ?? { where: 'registrar', values: {} };
  const settings = readSettings(report, registrar, { configurationPath: path, ...archive });
  if (settings.partnerReports !== undefined) warnOfPartnerReports(report, partnerReport);
  const lmsUrl = baseUrls['lms'];
  const { services, methodNames } = readServices(report, field(registrar, 'services'), {
    path,
    lmsUrl,
    fetchEcommerceSegmentId,
  });
  const pipeline = readPipeline(report, field(root, 'retirement_pipeline'), {
    declared: methodNames,
    missingKeys: (service) => missingKeys(service, root, baseUrlSection),
  });
  if (client === undefined || lmsUrl === undefined) return undefined;
  return {
    ...client,
    baseUrls: { ...baseUrls, lms: lmsUrl },
    pipeline,
    fetchEcommerceSegmentId,
    thirdParties,
    partnerReport,
    ...archive,
    registrar: { ...settings, services },
  };
}

async function readText(path: string, report: Report): Promise<string | undefined> {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await readPlainFile(path));
  } catch (error) {
    report.problem('', `cannot read ${path}: ${whyUnreadable(error)}`);
    return undefined;
  }
}

function whyUnreadable(error: unknown): string {
  if (error instanceof TypeError) return 'it is not UTF-8 text; save it as UTF-8';
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown trouble';
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'no such file; set REGISTRAR_CONFIG or create it';
    case 'EACCES':
    case 'EPERM':
      return 'permission denied; let this user read it';
    case 'NOTAFILE':
      return 'it is a pipe or a device; set REGISTRAR_CONFIG to a file';
    case 'EFBIG':
      return 'it has more than 16 MB, which no configuration needs; set REGISTRAR_CONFIG to the right file';
    case 'EISDIR':
      return 'it is a folder; set REGISTRAR_CONFIG to a file in it';
    default:
      return `${code}; set REGISTRAR_CONFIG to a file that can be read`;
  }
}

function notAMapping(path: string, parsed: unknown): string {
  if (isAbsent({ where: '', value: parsed }))
    return `${path} is empty; begin with client_id, client_secret, base_urls and retirement_pipeline`;
  return `${path} must hold a mapping of keys, found ${kindOf(parsed, { secret: true })}; begin with client_id: …`;
}

function digestOf(text: string, used: ReadonlyMap<string, string>): string {
  const variables = [...used].sort(([one], [other]) => (one < other ? -1 : 1));
  return createHash('sha256')
    .update(JSON.stringify([text, variables]))
    .digest('hex');
}
