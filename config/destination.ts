import { dirname, resolve } from 'node:path';
import type { Destination } from '../domain/retirement/destination.ts';
import { present } from './complete.ts';
import type { Report } from './problem.ts';
import { field, isAbsent, readSecret, readText, readUrl, type Section } from './section.ts';

/** Keys of a section with a destination, beside its own. */
export const destinationKeys = [
  'destination',
  'region',
  'endpoint',
  'access_key_id',
  'secret_access_key',
] as const;

/**
 * Reads `destination` (a folder, relative to the configuration file, or `s3://bucket/prefix`) with the keys that a bucket
 * may need. Undefined when there is none, or when it is wrong, which is reported.
 */
export function readDestination(
  report: Report,
  section: Section,
  configurationPath: string,
): Destination | undefined {
  const from = field(section, 'destination');
  const text = readText(report, from);
  if (text === undefined) return undefined;
  const s3 = /^s3:\/\/([^/]*)\/?(.*)$/.exec(text);
  if (s3 !== null) return readBucket(report, section, s3[1] ?? '', s3[2] ?? '');
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) {
    report.problem(from.where, 'must be a folder or s3://bucket/prefix; Google Drive is not supported');
    return undefined;
  }
  const needless = destinationKeys.slice(1).filter((key) => !isAbsent(field(section, key)));
  for (const key of needless)
    report.warning(field(section, key).where, 'is only for a bucket (s3://…), ignored; remove it');
  return { kind: 'folder', path: resolve(dirname(configurationPath), text) };
}

function readBucket(report: Report, section: Section, bucket: string, path: string): Destination | undefined {
  const { where } = field(section, 'destination');
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket)) {
    report.problem(where, 'names no bucket; write s3://bucket or s3://bucket/prefix, in lower case');
    return undefined;
  }
  const accessKeyId = readText(report, field(section, 'access_key_id'));
  const secretAccessKey = readSecret(report, field(section, 'secret_access_key'));
  if ((accessKeyId === undefined) !== (secretAccessKey === undefined)) {
    report.problem(
      section.where,
      'access_key_id and secret_access_key go together; set both, or none to use those of the AWS environment',
    );
  }
  return {
    kind: 's3',
    bucket,
    prefix: path.replace(/^\/+|\/+$/g, ''),
    ...present({
      region: readText(report, field(section, 'region')),
      endpoint: readUrl(report, field(section, 'endpoint')),
      credentials:
        accessKeyId === undefined || secretAccessKey === undefined
          ? undefined
          : { accessKeyId, secretAccessKey },
    }),
  };
}
