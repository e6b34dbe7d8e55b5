import { complete, present } from './complete.ts';
import type { ThirdParties } from './configuration.ts';
import type { Report } from './problem.ts';
import { field, isAbsent, readSecret, readText, type Field, type Section } from './section.ts';

/** The key paths that a built-in service cannot do without. */
const needs: Readonly<Record<string, readonly string[]>> = {
  LICENSE_MANAGER: ['base_urls.license_manager'],
  DEMOGRAPHICS: ['base_urls.demographics'],
  SEGMENT: ['base_urls.segment', 'segment_auth_token', 'segment_workspace_slug'],
  BRAZE: ['braze_api_key', 'braze_instance'],
  AMPLITUDE: ['amplitude_api_key', 'amplitude_secret_key'],
  HUBSPOT: ['hubspot_api_key'],
  SALESFORCE: ['salesforce_user', 'salesforce_password', 'salesforce_token', 'salesforce_assignee'],
};

/** The keys that `service` needs and the file does not have. A key whose value is wrong is there: that has its own line. */
export function missingKeys(
  service: string,
  root: Section,
  baseUrls: Section | undefined,
): readonly string[] {
  const wanted = Object.hasOwn(needs, service) ? (needs[service] ?? []) : [];
  return wanted.filter((path) => isAbsent(fieldAt(path, root, baseUrls)));
}

function fieldAt(path: string, root: Section, baseUrls: Section | undefined): Field {
  const url = /^base_urls\.(.+)$/.exec(path)?.[1];
  if (url === undefined) return field(root, path);
  return baseUrls === undefined ? { where: path, value: undefined } : field(baseUrls, url);
}

/** The keys of every third party that has all of its own. */
export function readThirdParties(report: Report, root: Section): ThirdParties {
  const text = (key: string): string | undefined => readText(report, field(root, key));
  const secret = (key: string): string | undefined => readSecret(report, field(root, key));
  const braze = complete({
    apiKey: secret('braze_api_key'),
    instance: hostPart(report, field(root, 'braze_instance')),
  });
  const segment = complete({
    authToken: secret('segment_auth_token'),
    workspaceSlug: text('segment_workspace_slug'),
  });
  const amplitude = complete({
    apiKey: secret('amplitude_api_key'),
    secretKey: secret('amplitude_secret_key'),
  });
  const hubspot = complete({ apiKey: secret('hubspot_api_key') });
  const alert = present({
    awsRegion: text('hubspot_aws_region'),
    fromAddress: text('hubspot_from_address'),
    alertEmail: text('hubspot_alert_email'),
  });
  const salesforce = complete({
    user: text('salesforce_user'),
    password: secret('salesforce_password'),
    token: secret('salesforce_token'),
    domain: hostPart(report, field(root, 'salesforce_domain')) ?? 'login',
    assignee: text('salesforce_assignee'),
  });
  return {
    ...(braze && { braze }),
    ...(segment && { segment }),
    ...(amplitude && { amplitude }),
    ...(hubspot && { hubspot: { ...hubspot, ...alert } }),
    ...(salesforce && { salesforce }),
  };
}

/** A text that becomes part of a host name: `rest.{instance}.braze.com`. */
function hostPart(report: Report, from: Field): string | undefined {
  const part = readText(report, from);
  if (part === undefined || /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(part)) return part;
  report.problem(
    from.where,
    'must be a part of a host name (letters, digits, "-" and "."); leave out "https://" and paths',
  );
  return undefined;
}
