import { createLimiter } from '../../domain/concurrency.ts';
import { ServiceFailure } from '../failure.ts';
import { exchange, failure, isHtml, type HttpAnswer, type HttpRequest } from '../http.ts';
import { createTokenSource, type TokenSource } from '../oauth.ts';
import { parseSecretJson, redact } from '../redact.ts';
import { createGuardedAgent } from '../services/guarded-agent.ts';

export interface LmsOptions {
  /** May have a path prefix; the token is asked for at the host's root, as the LMS serves it. */
  readonly baseUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Requests open at once. */
  readonly concurrency: number;
  readonly timeoutMs: number;
}

export interface LmsRequest {
  readonly verb: HttpRequest['verb'];
  /** With `{placeholders}`; each is replaced by its parameter, percent-encoded. */
  readonly route: string;
  readonly parameters?: Readonly<Record<string, string | number>>;
  readonly query?: URLSearchParams;
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
}

/** The LMS's REST API under one service account: one token a process, bounded concurrency, a time-out on every request. */
export interface LmsClient {
  /**
   * Sends one request and returns the answer when its status is 2xx or in `expected`; otherwise throws a
   * `ServiceFailure`. A 2xx that carries HTML is a transient failure. A 401 renews the token and tries once more.
   */
  send(asked: LmsRequest, expected?: readonly number[]): Promise<LmsAnswer>;
  /** The tokens of the service account, which other services of the platform take too. */
  readonly tokens: TokenSource;
  close(): Promise<void>;
}

export interface LmsAnswer extends HttpAnswer {
  /** The body as JSON; a body that is none is a transient failure. */
  json(): unknown;
  /** Turns this answer into the failure that it means for the caller. */
  failure(what: string, transient?: boolean): ServiceFailure;
}

export const LMS = 'LMS';

export function createLmsClient(options: LmsOptions): LmsClient {
  const dispatcher = createGuardedAgent({
    connections: options.concurrency,
    keepAliveTimeout: 10_000,
    pipelining: 1,
  });
  const limited = createLimiter(options.concurrency);
  const tokens = createTokenSource({
    service: LMS,
    tokenUrl: new URL('/oauth2/access_token', options.baseUrl).href,
    clientId: options.clientId,
    clientSecret: options.clientSecret,
    tokenType: 'jwt',
    timeoutMs: options.timeoutMs,
    dispatcher,
  });

  const once = async (asked: HttpRequest): Promise<{ answer: HttpAnswer; token: string }> => {
    const token = await tokens.token(asked.signal);
    const headers = { authorization: `JWT ${token}`, 'content-type': 'application/json' };
    return { answer: await exchange({ ...asked, headers }), token };
  };

  const send = async (asked: LmsRequest, expected: readonly number[] = []): Promise<LmsAnswer> =>
    limited(async () => {
      const prepared: HttpRequest = {
        service: LMS,
        verb: asked.verb,
        url: urlOf(options.baseUrl, asked),
        route: asked.route,
        timeoutMs: options.timeoutMs,
        signal: asked.signal,
        dispatcher,
        ...(asked.body === undefined ? {} : { body: JSON.stringify(asked.body) }),
      };
      let { answer, token } = await once(prepared);
      if (answer.status === 401) {
        tokens.forget(token);
        ({ answer, token } = await once(prepared));
      }
      const fail = (trouble: Parameters<typeof failure>[1]): ServiceFailure =>
        failure(prepared, trouble, { ...answer, text: redact(answer.text, [token]) });
      const succeeded = answer.status >= 200 && answer.status < 300;
      if (succeeded && isHtml(answer)) {
        throw fail({ what: `answered ${answer.status} with HTML`, transient: true });
      }
      if (!succeeded && !expected.includes(answer.status)) throw fail({});
      return {
        ...answer,
        json: () => parseSecretJson(prepared, answer, [token]),
        failure: (what, transient = false) => fail({ what, transient }),
      };
    });

  return {
    send,
    tokens,
    close: () => dispatcher.close(),
  };
}

function urlOf(baseUrl: string, asked: LmsRequest): string {
  const path = asked.route.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = asked.parameters?.[name];
    if (value === undefined) throw new Error(`no value for {${name}} in ${asked.route}`);
    // URL parsers fold these even when percent-encoded, and the request would go to another route.
    if (['.', '..', ''].includes(String(value))) {
      throw new ServiceFailure({
        service: LMS,
        verb: asked.verb,
        path: asked.route,
        route: asked.route,
        what: `cannot be asked: the ${name} is one that no path can carry`,
        transient: false,
      });
    }
    return encodeURIComponent(value);
  });
  const query = asked.query === undefined ? '' : `?${asked.query.toString()}`;
  return `${baseUrl.replace(/\/+$/, '')}${path}${query}`;
}
