import { isLinkLocal, isLoopback } from '../domain/link-local.ts';
import type { Report } from './problem.ts';
import { readUrl, type Field } from './section.ts';

/**
 * An address that a declared service is called at, or gives its tokens at. Link-local ones are refused unless allowed: there clouds give
 * their credentials to whoever asks. Plain http beyond this machine is a warning.
 */
export function readServiceUrl(
  report: Report,
  from: Field,
  { allowLinkLocal }: { readonly allowLinkLocal: boolean },
): string | undefined {
  const text = readUrl(report, from);
  if (text === undefined) return undefined;
  if (isLinkLocal(new URL(text).hostname) && !allowLinkLocal) {
    report.problem(
      from.where,
      'is a link-local or metadata address, where clouds give out credentials; correct it, or set allow_link_local: true beside base_url if the service is really there',
    );
    return undefined;
  }
  warnOfPlainHttp(report, from, text);
  return text;
}

/** As {@link readServiceUrl}, for a part of the platform itself, which is never link-local. */
export function readPlatformUrl(report: Report, from: Field): string | undefined {
  const text = readUrl(report, from);
  if (text === undefined) return undefined;
  if (isLinkLocal(new URL(text).hostname)) {
    report.problem(
      from.where,
      'is a link-local or metadata address, where clouds give out credentials; correct it',
    );
    return undefined;
  }
  warnOfPlainHttp(report, from, text);
  return text;
}

function warnOfPlainHttp(report: Report, { where }: Field, url: string): void {
  const { protocol, hostname } = new URL(url);
  if (protocol !== 'http:' || isLoopback(hostname)) return;
  report.warning(
    where,
    'is plain http, so names and credentials cross the network readable; write https://, unless the network is yours alone',
  );
}
