import { createLimiter } from '../../domain/concurrency.ts';
import { isObject, type JsonObject } from '../../domain/json-object.ts';
import { ServiceFailure } from '../failure.ts';
import {
  exchange,
  failure,
  isHtml,
  isTransientStatus,
  parseJson,
  type HttpAnswer,
  type HttpRequest,
} from '../http.ts';
import { createGuardedAgent } from '../services/guarded-agent.ts';
import {
  findError,
  hasSeriousWarning,
  isPassingError,
  readContinuation,
  type ApiError,
  type Continuation,
} from './api-answer.ts';

export interface ActionApiOptions {
  /** Absolute, with path: `https://en.wikipedia.org/w/api.php`. */
  readonly apiUrl: string;
  readonly userAgent: string;
  readonly timeoutMs: number;
}

export interface ApiRequest {
  /** The module that is asked, `list=usercontribs`: all of the query that a failure shows. */
  readonly module: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

export type ApiReply =
  | {
      readonly kind: 'answered';
      readonly query: JsonObject;
      readonly continuation: Continuation | undefined;
      /** The transient failure that this answer means when what is in it makes no sense. */
      malformed(what: string): ServiceFailure;
    }
  | { readonly kind: 'refused'; readonly error: ApiError; readonly failure: ServiceFailure };

/** `action=query` of one wiki. */
export interface ActionApi {
  /** Sends one request. Throws `ServiceFailure` for everything but an answer or an error of the API itself. */
  query(asked: ApiRequest): Promise<ApiReply>;
  close(): Promise<void>;
}

/** What wikis allow a polite client: more requests wait here. */
const REQUESTS_AT_ONCE = 3;

/** Apache takes a request line of 8190 bytes, nginx of 8 KiB. Fifty names in a script of three bytes a letter can be longer. */
const LONGEST_URL = 7000;

/** Five hundred contributions have about 300 KB. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/** Where a wiki asks to wait and does not say for how long. */
const USUAL_WAIT_MS = 5000;

/** `raw` tells the refused name by itself instead of within a sentence in the wiki's language. */
const everyRequest = { action: 'query', format: 'json', formatversion: '2', errorformat: 'raw' };

export function createActionApi(options: ActionApiOptions): ActionApi {
  const dispatcher = createGuardedAgent({
    connections: REQUESTS_AT_ONCE,
    keepAliveTimeout: 10_000,
    pipelining: 1,
  });
  const limited = createLimiter(REQUESTS_AT_ONCE);
  return {
    query: async (asked) => {
      const prepared: HttpRequest = { ...prepare(options, asked), dispatcher };
      return readReply(prepared, await limited(() => exchange(prepared)));
    },
    close: () => dispatcher.close(),
  };
}

/** GET, which caches and the wiki's rate limits prefer, and POST where the address would be longer than servers take. */
function prepare({ apiUrl, userAgent, timeoutMs }: ActionApiOptions, asked: ApiRequest): HttpRequest {
  const url = new URL(apiUrl);
  const bare = url.href;
  const parameters = { ...everyRequest, ...asked.parameters };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  const headers = { 'user-agent': userAgent, 'accept-encoding': 'gzip', accept: 'application/json' };
  const request = {
    service: `wiki ${url.host}`,
    route: `${url.pathname}?${asked.module}`,
    timeoutMs,
    maxAnswerBytes: MAX_ANSWER_BYTES,
    signal: asked.signal,
  };
  if (url.href.length <= LONGEST_URL) return { ...request, verb: 'GET', url: url.href, headers };
  return {
    ...request,
    verb: 'POST',
    url: bare,
    headers: {
      ...headers,
      'content-type': 'application/x-www-form-urlencoded',
      // Lets a wiki with several data centres answer from the nearest one, as it does to GET.
      'promise-non-write-api-action': 'true',
    },
    body: new URLSearchParams(parameters).toString(),
  };
}

function readReply(asked: HttpRequest, answer: HttpAnswer): ApiReply {
  const isGood = succeeded(answer);
  const body = isGood ? parseJson(asked, answer) : parseIfJson(answer);
  const error = isObject(body) ? findError(body) : undefined;
  if (error !== undefined) return { kind: 'refused', error, failure: refusal(asked, answer, error) };
  if (!isGood) throw patient(failure(asked, whyNot(answer), answer), answer.status === 429);
  const malformed = (what: string): ServiceFailure =>
    failure(asked, { what: `answered ${answer.status} with ${what}`, transient: true }, answer);
  if (!isObject(body)) throw malformed('no object');
  if (hasSeriousWarning(body)) {
    const what = 'does not know every parameter that is needed; it must be MediaWiki 1.29 or later';
    throw failure(asked, { what, transient: false }, answer);
  }
  const { query } = body;
  if (!isObject(query)) throw malformed('no query');
  const continuation = readContinuation(body);
  if (continuation === 'malformed') throw malformed('a continuation that is none');
  return { kind: 'answered', query, continuation, malformed };
}

function parseIfJson(answer: HttpAnswer): unknown {
  if (isHtml(answer)) return undefined;
  try {
    return JSON.parse(answer.text);
  } catch {
    return undefined;
  }
}

function whyNot({ status }: HttpAnswer): { readonly what?: string } {
  if (status < 300 || status > 399) return {};
  return { what: `answered ${status}, which leads elsewhere; the wiki's api_url must be the final address` };
}

function refusal(asked: HttpRequest, answer: HttpAnswer, { code }: ApiError): ServiceFailure {
  const named = code === undefined ? 'an error without a code' : `the error "${code}"`;
  // An error without a code is not the API's own.
  const isPassing = code === undefined ? succeeded(answer) : isPassingError(code);
  const trouble = {
    what: `answered ${answer.status} with ${named}`,
    transient: isPassing || isTransientStatus(answer.status),
  };
  const wantsPatience = answer.status === 429 || code === 'maxlag' || code === 'ratelimited';
  return patient(failure(asked, trouble, answer), wantsPatience);
}

function succeeded({ status }: HttpAnswer): boolean {
  return status >= 200 && status < 300;
}

/** The failure with a time to wait, where the wiki wants patience and named none. */
function patient(failed: ServiceFailure, wantsPatience: boolean): ServiceFailure {
  if (!wantsPatience || failed.exchange.retryAfterMs !== undefined) return failed;
  return new ServiceFailure({ ...failed.exchange, retryAfterMs: USUAL_WAIT_MS });
}
