import type { Dispatcher } from 'undici';
import type { ServiceFailure } from '../failure.ts';
import { exchange, failure, isHtml, type HttpAnswer, type HttpRequest } from '../http.ts';
import type { TokenSource } from '../oauth.ts';
import { parseSecretJson, redact, withoutSecrets } from '../redact.ts';
import { isMissingRoute } from './missing-route.ts';

export interface EndpointOptions {
  /** The pipeline's name of the service; failures carry it. */
  readonly service: string;
  /** Absolute, with or without a slash at the end. */
  readonly baseUrl: string;
  readonly timeoutMs: number;
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Taken out of every answer that is kept, in case the service repeats them. */
  readonly secrets?: readonly string[];
  /** Authorises with `<scheme> <token>`; a 401 renews the token and asks once more. */
  readonly tokens?: { readonly source: TokenSource; readonly scheme: string };
  readonly dispatcher?: Dispatcher | undefined;
}

interface Ask {
  readonly verb: HttpRequest['verb'];
  /** Begins with a slash; values in it are percent-encoded already. */
  readonly path: string;
  /** `path` with placeholders instead of values; the path itself when absent. */
  readonly route?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as `application/json`. */
  readonly json?: unknown;
  /** Sent as it is, with the content type of `headers`. */
  readonly text?: string;
  readonly signal?: AbortSignal | undefined;
}

/** An answer together with what is needed to judge it. */
export interface Reply {
  readonly status: number;
  readonly text: string;
  readonly html: boolean;
  /** True for a 404 that speaks of the route, not of the learner. */
  readonly routeIsMissing: boolean;
  /** The answer's JSON; anything else is thrown as a transient failure. */
  json(): unknown;
  /**
   * The failure that this answer is, without secrets; transient by its status unless `trouble` says so. A page of HTML
   * with a 2xx is a proxy's word, so it is always transient, whatever else is wrong with it.
   */
  failure(trouble?: { readonly what?: string; readonly transient?: boolean }): ServiceFailure;
  /** The status and the beginning of the answer, for the operator's log. */
  summary(): string;
}

export type Endpoint = (ask: Ask) => Promise<Reply>;

/** Longest part of an answer that goes to a learner's log. */
const MAX_SUMMARY_LENGTH = 500;

/** What a service says of one learner is short; a stranger's longer answer fills no worker's memory. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/**
 * One way to a service: base URL, credentials and time-out are fixed, nothing is retried but a 401 with a renewable token.
 * Throws a plain Error, without the value, for a credential that no header can carry.
 */
export function createEndpoint(options: EndpointOptions): Endpoint {
  checkHeaders(options);
  const { tokens } = options;
  if (tokens === undefined) return (ask) => send(options, ask, {}, []);
  return async (ask) => {
    const sendAs = (token: string): Promise<Reply> =>
      send(options, ask, { authorization: `${tokens.scheme} ${token}` }, [token]);
    const token = await tokens.source.token(ask.signal);
    const reply = await sendAs(token);
    if (reply.status !== 401) return reply;
    tokens.source.forget(token);
    return sendAs(await tokens.source.token(ask.signal));
  };
}

async function send(
  options: EndpointOptions,
  ask: Ask,
  authorization: Readonly<Record<string, string>>,
  tokens: readonly string[],
): Promise<Reply> {
  const asked = httpRequest(options, ask, authorization);
  const secrets = [...(options.secrets ?? []), ...tokens];
  const answer = await exchange(asked).catch((error: unknown) => {
    throw withoutSecrets(error, secrets);
  });
  return judge({ ...asked, url: redact(asked.url, secrets) }, answer, secrets);
}

function httpRequest(
  options: EndpointOptions,
  ask: Ask,
  authorization: Readonly<Record<string, string>>,
): HttpRequest {
  const base = options.baseUrl.replace(/\/+$/, '');
  const body = ask.json === undefined ? ask.text : JSON.stringify(ask.json);
  return {
    service: options.service,
    verb: ask.verb,
    url: base + ask.path,
    route: new URL(base).pathname.replace(/\/$/, '') + (ask.route ?? ask.path),
    headers: {
      accept: 'application/json',
      'user-agent': 'registrar',
      ...(ask.json === undefined ? {} : { 'content-type': 'application/json' }),
      ...options.headers,
      ...ask.headers,
      ...authorization,
    },
    ...(body === undefined ? {} : { body }),
    timeoutMs: options.timeoutMs,
    maxAnswerBytes: MAX_ANSWER_BYTES,
    signal: ask.signal,
    ...(options.dispatcher ? { dispatcher: options.dispatcher } : {}),
  };
}

function judge(asked: HttpRequest, answer: HttpAnswer, secrets: readonly string[]): Reply {
  const shown = { ...answer, text: redact(answer.text, secrets) };
  const html = isHtml(answer);
  const proxySpoke = html && answer.status >= 200 && answer.status < 300;
  return {
    status: answer.status,
    text: answer.text,
    html,
    routeIsMissing: isMissingRoute(answer),
    json: () => parseSecretJson(asked, answer, secrets),
    failure: (trouble = {}) =>
      proxySpoke
        ? failure(asked, { what: `answered ${answer.status} with HTML`, transient: true }, shown)
        : failure(asked, trouble, shown),
    summary: () => summarise(shown),
  };
}

function summarise({ status, text }: HttpAnswer): string {
  const line = text.replace(/\s+/g, ' ').trim();
  if (line.length === 0) return `${status}`;
  return `${status} ${line.length > MAX_SUMMARY_LENGTH ? `${line.slice(0, MAX_SUMMARY_LENGTH)}…` : line}`;
}

function checkHeaders({ service, headers, tokens }: EndpointOptions): void {
  const all = { ...headers, ...(tokens ? { authorization: tokens.scheme } : {}) };
  for (const [name, value] of Object.entries(all)) {
    if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/i.test(name) || !/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) {
      throw new Error(
        `service "${service}": its credentials hold a character that the header ${JSON.stringify(name)} cannot carry (a line break?)`,
      );
    }
  }
}
