import { isLinkLocal, isLoopback } from '../domain/retirement/link-local.ts';
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
  const { protocol, hostname } = new URL(text);
  if (isLinkLocal(hostname) && !allowLinkLocal) {
    report.problem(
      from.where,
      'is a link-local or metadata address, where clouds give out credentials; correct it, or set allow_link_local: true beside base_url if the service is really there',
    );
    return undefined;
  }
  if (protocol === 'http:' && !isLoopback(hostname)) {
    report.warning(
      from.where,
      'is plain http, so names and credentials cross the network readable; write https://, unless the network is yours alone',
    );
  }
  return text;
}
