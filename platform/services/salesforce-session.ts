import { holdCredential, type Obtained } from '../credential.ts';
import { ServiceFailure } from '../failure.ts';
import { createEndpoint, type Endpoint, type Reply } from './endpoint.ts';
import type { ThirdPartyOptions } from './third-party.ts';

export interface SalesforceLogin {
  readonly user: string;
  readonly password: string;
  /** The user's security token. */
  readonly token: string;
  /** `login`, `test`, or an organisation's own domain with `.my`: what stands before `.salesforce.com`. */
  readonly domain: string;
}

/** SOAP `login()` ends with version 64, and Salesforce means to switch it off in 2027; older versions keep it until then. */
export const SALESFORCE_VERSION = '59.0';

/** For answers that do not say how long the session lasts. The shortest that an administrator can set. */
const DEFAULT_LIFETIME_MS = 15 * 60_000;

/** Faults that no retry helps, although Salesforce sends every fault as a 500. */
const refusals: readonly string[] = [
  'INVALID_LOGIN',
  'LOGIN_MUST_USE_SECURITY_TOKEN',
  'LOGIN_CHALLENGE_ISSUED',
  'LOGIN_CHALLENGE_PENDING',
  'LOGIN_DURING_RESTRICTED_DOMAIN',
  'PASSWORD_LOCKOUT',
  'INSUFFICIENT_ACCESS',
  'API_DISABLED_FOR_ORG',
  'FUNCTIONALITY_NOT_ENABLED',
  'INVALID_OPERATION',
  'ORG_LOCKED',
  'UNSUPPORTED_API_VERSION',
];

/**
 * A way to Salesforce's REST API that logs in with user, password and security token: one login a process, renewed
 * before the session ends and once after a 401. A refused login is a permanent failure.
 */
export function createSalesforceSession(login: SalesforceLogin, options: ThirdPartyOptions): Endpoint {
  const session = holdCredential(() => logIn(login, options));
  return async (ask) => {
    const current = await session.get(ask.signal);
    const reply = await current(ask);
    if (reply.status !== 401) return reply;
    session.forget(current);
    return (await session.get(ask.signal))(ask);
  };
}

async function logIn(
  login: SalesforceLogin,
  { baseUrl, ...options }: ThirdPartyOptions,
): Promise<Obtained<Endpoint>> {
  const loginUrl = baseUrl ?? `https://${login.domain}.salesforce.com`;
  const secrets = secretsOf(login);
  const ask = createEndpoint({ ...options, service: 'SALESFORCE', baseUrl: loginUrl, secrets });
  const reply = await ask({
    verb: 'POST',
    path: `/services/Soap/u/${SALESFORCE_VERSION}`,
    headers: { accept: 'text/xml', 'content-type': 'text/xml; charset=UTF-8', soapaction: 'login' },
    text: loginEnvelope(login),
  });
  if (reply.status !== 200) throw loginFailure(reply);
  const sessionId = element(reply.text, 'sessionId');
  const instanceUrl = originOf(element(reply.text, 'serverUrl'), loginUrl);
  if (sessionId === undefined || instanceUrl === undefined) throw noSession(reply);
  const authorization = `Bearer ${sessionId}`;
  return {
    value: createEndpoint({
      ...options,
      service: 'SALESFORCE',
      baseUrl: instanceUrl,
      headers: { authorization },
      secrets: [sessionId, ...secrets],
    }),
    lifetimeMs: Number(element(reply.text, 'sessionSecondsValid') ?? 0) * 1000 || DEFAULT_LIFETIME_MS,
  };
}

function loginFailure(reply: Reply): ServiceFailure {
  const fault = element(reply.text, 'faultcode')?.replace(/^.*:/, '');
  if (fault === undefined || !refusals.includes(fault)) return reply.failure();
  return reply.failure({ what: `refused the login (${fault})`, transient: false });
}

/** Of an answer that may hold part of a session nothing is kept. An empty one, or a proxy's page, is worth another try. */
function noSession(reply: Reply): ServiceFailure {
  const what = 'answered 200 without a usable session';
  const { exchange } = reply.failure({ what, transient: reply.text.trim().length === 0 });
  return new ServiceFailure({ ...exchange, body: undefined });
}

/** The session goes to the host that the login named, and never over a weaker transport than the login itself. */
function originOf(serverUrl: string | undefined, loginUrl: string): string | undefined {
  if (serverUrl === undefined || !URL.canParse(serverUrl)) return undefined;
  const { origin, protocol } = new URL(serverUrl);
  return protocol === 'https:' || protocol === new URL(loginUrl).protocol ? origin : undefined;
}

function loginEnvelope({ user, password, token }: SalesforceLogin): string {
  return [
    '<?xml version="1.0" encoding="utf-8"?>',
    '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:p="urn:partner.soap.sforce.com">',
    `<e:Body><p:login><p:username>${escapeXml(user)}</p:username>`,
    `<p:password>${escapeXml(password + token)}</p:password></p:login></e:Body></e:Envelope>`,
  ].join('');
}

function secretsOf({ password, token }: SalesforceLogin): readonly string[] {
  return [password, token, password + token].flatMap((secret) => [secret, escapeXml(secret)]);
}

const entities = [
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['"', '&quot;'],
  ["'", '&apos;'],
] as const;

function escapeXml(text: string): string {
  return entities.reduce((escaped, [character, entity]) => escaped.replaceAll(character, entity), text);
}

/** The text of the first element of that name, whatever its prefix. Enough for an answer of flat, known elements. */
function element(xml: string, name: string): string | undefined {
  const text = new RegExp(`<(?:\\w+:)?${name}(?:\\s[^>]*)?>([^<]+)</`).exec(xml)?.[1]?.trim();
  return text === undefined
    ? undefined
    : entities.reduceRight((plain, [character, entity]) => plain.replaceAll(entity, character), text);
}
