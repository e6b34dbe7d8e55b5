import { complete } from './complete.ts';
import type { ServiceAuth } from '../domain/retirement/service-declaration.ts';
import type { Report } from './problem.ts';
import {
  field,
  fieldsOf,
  isAbsent,
  readSecret,
  readSection,
  readText,
  warnOfUnknownKeys,
  type Field,
  type Section,
} from './section.ts';
import { readServiceUrl } from './service-address.ts';
import { unresolved } from './substitution.ts';

const grammar =
  '{bearer: TOKEN}, {basic: {username, password}}, {header: {name, value}} or {oauth: {client_id, client_secret}}';
const kinds = ['bearer', 'basic', 'header', 'oauth'];

interface AuthContext {
  /** Undefined while `base_urls.lms` is wrong. */
  readonly lmsUrl: string | undefined;
  readonly allowLinkLocal: boolean;
}

/**
 * Reads `auth` of a declared service; absent means none. `lmsUrl` gives the default of `oauth.token_url`. What stands in
 * place of a kind is never quoted: a forgotten `bearer:` leaves the token there.
 */
export function readAuth(report: Report, from: Field, context: AuthContext): ServiceAuth | undefined {
  if (isAbsent(from)) return { kind: 'none' };
  if (from.value === unresolved) return undefined;
  const section = readSection(report, from, 'one key');
  if (section === undefined) return undefined;
  const [only, another] = fieldsOf(section);
  if (only === undefined || another !== undefined || !kinds.includes(only.key)) {
    report.problem(from.where, `must have exactly one of ${kinds.join(', ')}; write ${grammar}`);
    return undefined;
  }
  switch (only.key) {
    case 'bearer':
      return readBearer(report, only);
    case 'basic':
      return readBasic(report, only);
    case 'header':
      return readHeader(report, only);
    default:
      return readOauth(report, only, context);
  }
}

function readBearer(report: Report, from: Field): ServiceAuth | undefined {
  const token = required(report, from, readSecret);
  return token === undefined ? undefined : { kind: 'bearer', token };
}

function readBasic(report: Report, from: Field): ServiceAuth | undefined {
  const section = readKeys(report, from, ['username', 'password']);
  if (section === undefined) return undefined;
  const username = required(report, field(section, 'username'), readText);
  if (username?.includes(':')) {
    report.problem(
      `${section.where}.username`,
      'must not hold a ":", which ends the name in basic authentication; use another account',
    );
  }
  const found = complete({ username, password: required(report, field(section, 'password'), readSecret) });
  return found && { kind: 'basic', ...found };
}

function readHeader(report: Report, from: Field): ServiceAuth | undefined {
  const section = readKeys(report, from, ['name', 'value']);
  if (section === undefined) return undefined;
  const name = required(report, field(section, 'name'), readText);
  if (name !== undefined && !/^[\w!#$%&'*+.^`|~-]+$/.test(name)) {
    report.problem(`${section.where}.name`, 'is no name of an HTTP header; write one such as X-Api-Key');
  }
  const found = complete({ name, value: required(report, field(section, 'value'), readSecret) });
  return found && { kind: 'header', ...found };
}

function readOauth(report: Report, from: Field, context: AuthContext): ServiceAuth | undefined {
  const section = readKeys(report, from, ['token_url', 'client_id', 'client_secret', 'scope', 'scheme']);
  if (section === undefined) return undefined;
  const tokenField = field(section, 'token_url');
  const ofLms = isAbsent(tokenField);
  const found = complete({
    tokenUrl: ofLms ? lmsTokenUrl(context.lmsUrl) : readServiceUrl(report, tokenField, context),
    clientId: required(report, field(section, 'client_id'), readText),
    clientSecret: required(report, field(section, 'client_secret'), readSecret),
  });
  const scope = readText(report, field(section, 'scope'));
  const scheme = readText(report, field(section, 'scheme')) ?? (ofLms ? 'JWT' : 'Bearer');
  if (!/^[A-Za-z][\w-]*$/.test(scheme)) {
    report.problem(`${section.where}.scheme`, 'must be one word such as Bearer or JWT; correct it');
  }
  return found && { kind: 'oauth', ...found, ...(scope !== undefined && { scope }), scheme };
}

/** The LMS gives tokens at the root of its host, whatever path its API has. */
function lmsTokenUrl(lmsUrl: string | undefined): string | undefined {
  return lmsUrl === undefined ? undefined : new URL('/oauth2/access_token', lmsUrl).href;
}

function readKeys(report: Report, from: Field, known: readonly string[]): Section | undefined {
  if (isAbsent(from)) {
    report.problem(from.where, `is empty; give it ${known.join(', ')}`);
    return undefined;
  }
  const section = readSection(report, from, known.join(', '));
  if (section !== undefined) warnOfUnknownKeys(report, section, known);
  return section;
}

function required<T>(
  report: Report,
  from: Field,
  read: (report: Report, from: Field) => T | undefined,
): T | undefined {
  if (isAbsent(from)) report.problem(from.where, 'is missing; set it');
  return read(report, from);
}
