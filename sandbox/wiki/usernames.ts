import { isIP } from 'node:net';
import { parseTitle } from './titles.ts';

const USER_NAMESPACE = 2;

/**
 * A username in the wiki's own spelling, as MediaWiki's look-ups canonicalise it: first letter capital, spaces for
 * underscores, `User:` taken off. Undefined for what can never be a username; MediaWiki's error for it is `baduser`.
 */
export function canonicalUsername(typed: string): string | undefined {
  // An address is an anonymous editor; `prefix>name` came with an import.
  if (isIP(typed) !== 0 || typed.includes('>')) return typed;
  if (typed.includes('#')) return undefined;
  const parsed = parseTitle(typed, USER_NAMESPACE);
  if (parsed.kind === 'invalid' || parsed.title.ns !== USER_NAMESPACE) return undefined;
  const name = parsed.title.title;
  return name.includes('/') || /^\d{1,3}(\.\d{1,3}){3}$/.test(name) ? undefined : name;
}
