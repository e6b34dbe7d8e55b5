import type { Dispatcher } from 'undici';
import { holdCredential, type Obtained } from './credential.ts';
import { exchange, failure, type HttpRequest } from './http.ts';
import { parseSecretJson, redact } from './redact.ts';

export interface TokenSourceOptions {
  /** The pipeline's name of the service that the tokens are for; failures carry it. */
  readonly service: string;
  /** Absolute. */
  readonly tokenUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scope?: string | undefined;
  /** `jwt` is what the LMS is asked for; absent for servers that know no such field. */
  readonly tokenType?: 'jwt' | undefined;
  readonly timeoutMs: number;
  /** Milliseconds since 1970; the process's clock unless a test turns it. */
  readonly now?: () => number;
  readonly dispatcher?: Dispatcher | undefined;
}

export interface TokenSource {
  /** The current token. Throws a `ServiceFailure`, or the signal's reason when the caller gave up. */
  token(signal?: AbortSignal): Promise<string>;
  /** To be called after a 401 to `token`: the next call fetches a new one, unless that has happened already. */
  forget(token: string): void;
}

/** For servers that do not say how long their tokens last. */
const DEFAULT_LIFETIME_MS = 5 * 60_000;

/**
 * OAuth 2 client credentials, fetched once a process and renewed before they end, whoever asks and however many at once.
 * A refused client (4xx) is a permanent failure; 5xx, 429, time-outs and HTML are transient. No failure carries the secret.
 */
export function createTokenSource(options: TokenSourceOptions): TokenSource {
  const credential = holdCredential(() => fetchToken(options), options.now);
  return { token: (signal) => credential.get(signal), forget: (token) => credential.forget(token) };
}

async function fetchToken(options: TokenSourceOptions): Promise<Obtained<string>> {
  const asked = tokenRequest(options);
  const secrets = [options.clientSecret];
  const answer = await exchange(asked);
  if (answer.status !== 200) throw failure(asked, {}, { ...answer, text: redact(answer.text, secrets) });
  const token = accessToken(parseSecretJson(asked, answer, secrets));
  if (token !== undefined) return token;
  // A 200 may carry a token under some other name: nothing of it is kept.
  const what = 'answered 200 without a usable access_token';
  throw failure(asked, { what, transient: false }, { ...answer, text: '' });
}

function tokenRequest(options: TokenSourceOptions): HttpRequest {
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: options.clientId,
    client_secret: options.clientSecret,
  });
  if (options.tokenType !== undefined) form.set('token_type', options.tokenType);
  if (options.scope !== undefined) form.set('scope', options.scope);
  return {
    service: options.service,
    verb: 'POST',
    url: options.tokenUrl,
    route: new URL(options.tokenUrl).pathname,
    headers: {
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded',
      'user-agent': 'registrar',
    },
    body: form.toString(),
    timeoutMs: options.timeoutMs,
    maxAnswerBytes: 1024 * 1024,
    ...(options.dispatcher ? { dispatcher: options.dispatcher } : {}),
  };
}

/** Undefined when the answer has no token that a header can carry. */
function accessToken(answer: unknown): Obtained<string> | undefined {
  if (typeof answer !== 'object' || answer === null || !('access_token' in answer)) return undefined;
  const value = answer.access_token;
  if (typeof value !== 'string' || !/^[\x21-\x7e]+$/.test(value)) return undefined;
  const seconds = 'expires_in' in answer ? Number(answer.expires_in) : Number.NaN;
  return { value, lifetimeMs: seconds > 0 ? seconds * 1000 : DEFAULT_LIFETIME_MS };
}
