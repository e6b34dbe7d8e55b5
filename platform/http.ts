import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { request, type Dispatcher } from 'undici';
import { ServiceFailure, type FailedExchange } from './failure.ts';

/** Longest part of a service's error body that is kept. */
export const MAX_ERROR_BODY_BYTES = 8 * 1024;

/** Longest answer that is read at all, unpacked; a queue of ten thousand learners has about 10 MB. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** The code of an error of {@link HttpRequest.dispatcher} that refuses an address for good. */
export const ADDRESS_REFUSED = 'ADDRESS_REFUSED';

const TOO_LARGE = 'ERR_BUFFER_TOO_LARGE';

const unpack = promisify(gunzip);

export interface HttpRequest {
  readonly service: string;
  readonly verb: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Absolute. */
  readonly url: string;
  /** The path with placeholders instead of anything that names a person. */
  readonly route: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Milliseconds for the whole exchange, connecting included. */
  readonly timeoutMs: number;
  /** Longest answer, packed and unpacked; a longer one is a transient failure. Default 64 MiB. */
  readonly maxAnswerBytes?: number;
  readonly signal?: AbortSignal | undefined;
  readonly dispatcher?: Dispatcher;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/**
 * Sends one request and reads the whole answer, whatever its status. Redirects are not followed.
 * Throws a transient {@link ServiceFailure} when no answer came (refused, reset, timed out), and the signal's own
 * reason when the caller aborted.
 */
export async function exchange(asked: HttpRequest): Promise<HttpAnswer> {
  // By hand: `AbortSignal.any` of a time-out and the caller's signal costs ten times as much, at every request.
  const abort = new AbortController();
  const giveUp = (): void => abort.abort();
  const timer = setTimeout(giveUp, asked.timeoutMs);
  asked.signal?.addEventListener('abort', giveUp, { once: true });
  if (asked.signal?.aborted) giveUp();
  try {
    const answer = await request(asked.url, {
      method: asked.verb,
      headers: { ...asked.headers },
      body: asked.body ?? null,
      signal: abort.signal,
      ...(asked.dispatcher ? { dispatcher: asked.dispatcher } : {}),
    });
    const limit = asked.maxAnswerBytes ?? MAX_ANSWER_BYTES;
    const text = await readText(answer.body, answer.headers['content-encoding'], limit);
    return { status: answer.statusCode, headers: answer.headers, text };
  } catch (error) {
    if (asked.signal?.aborted) throw asked.signal.reason;
    if (errorCode(error) === 'UND_ERR_INVALID_ARG') {
      throw failure(asked, {
        what: 'cannot be sent: a header or the address has a character that HTTP forbids',
      });
    }
    if (errorCode(error) === ADDRESS_REFUSED) {
      throw failure(asked, {
        what: 'is at a link-local or metadata address, which is not called: correct the address, or set allow_link_local where a service of your own is declared',
      });
    }
    const what = abort.signal.aborted
      ? `did not answer within ${asked.timeoutMs / 1000} s`
      : connectionTrouble(error);
    throw failure(asked, { what, transient: true });
  } finally {
    clearTimeout(timer);
    asked.signal?.removeEventListener('abort', giveUp);
  }
}

/** A failure of `asked`; `status`, `body`, Retry-After and whether it is transient are taken from `answer` if there is one. */
export function failure(
  asked: Pick<HttpRequest, 'service' | 'verb' | 'url' | 'route'>,
  trouble: { readonly what?: string; readonly transient?: boolean },
  answer?: HttpAnswer,
): ServiceFailure {
  const url = new URL(asked.url);
  const details: FailedExchange = {
    service: asked.service,
    verb: asked.verb,
    path: url.pathname + url.search,
    route: asked.route,
    status: answer?.status,
    body: answer === undefined ? undefined : cut(answer.text),
    what: trouble.what ?? `answered ${answer?.status ?? 'nothing'}`,
    transient: trouble.transient ?? (answer !== undefined && isTransientStatus(answer.status)),
    retryAfterMs: answer === undefined ? undefined : retryAfterMs(answer.headers['retry-after']),
  };
  return new ServiceFailure(details);
}

export function isTransientStatus(status: number): boolean {
  return status === 429 || status >= 500;
}

/** The answer's JSON. HTML, or anything else that is no JSON, in a successful answer is a transient failure: some proxy spoke. */
export function parseJson(asked: HttpRequest, answer: HttpAnswer): unknown {
  try {
    return JSON.parse(answer.text);
  } catch {
    throw failure(
      asked,
      { what: `answered ${answer.status} with ${kindOfText(answer)}`, transient: true },
      answer,
    );
  }
}

/** True for an answer that a web server or proxy wrote for people. */
export function isHtml(answer: HttpAnswer): boolean {
  // Django labels its empty answers text/html.
  if (answer.text.trim().length === 0) return false;
  const type = answer.headers['content-type'];
  return (typeof type === 'string' && type.includes('html')) || /^\s*<(!doctype|html)/i.test(answer.text);
}

function kindOfText(answer: HttpAnswer): string {
  if (isHtml(answer)) return 'HTML';
  return answer.text.length === 0 ? 'an empty body' : 'a body that is not JSON';
}

/** Retry-After in milliseconds from its two forms, seconds and an HTTP date. */
function retryAfterMs(header: string | string[] | undefined): number | undefined {
  const value = Array.isArray(header) ? header[0] : header;
  if (value === undefined) return undefined;
  if (/^\d+(\.\d+)?$/.test(value.trim())) return Math.ceil(Number(value) * 1000);
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, at - Date.now());
}

/** Only gzip is unpacked, so a caller that wants compression asks for gzip alone. */
async function readText(
  body: Dispatcher.ResponseData['body'],
  encoding: string | string[] | undefined,
  limit: number,
): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) throw Object.assign(new Error('answer too large'), { code: TOO_LARGE });
    chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks);
  const isPacked = encoding === 'gzip' && bytes.length > 0;
  return (isPacked ? await unpack(bytes, { maxOutputLength: limit }) : bytes).toString('utf8');
}

function cut(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= MAX_ERROR_BODY_BYTES) return text;
  return `${bytes
    .subarray(0, MAX_ERROR_BODY_BYTES)
    .toString('utf8')
    .replace(/\uFFFD$/, '')}…`;
}

/** Words for a connection error, without any part of the request in them. */
function connectionTrouble(error: unknown): string {
  const code = errorCode(error) ?? 'unknown error';
  switch (code) {
    case 'ECONNREFUSED':
      return 'refused the connection';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'has a host name that cannot be resolved';
    case 'UND_ERR_SOCKET':
    case 'ECONNRESET':
    case 'EPIPE':
      return 'closed the connection without an answer';
    case 'UND_ERR_CONNECT_TIMEOUT':
      return 'did not accept the connection in time';
    case 'Z_DATA_ERROR':
    case 'Z_BUF_ERROR':
      return 'sent a damaged gzip body';
    case TOO_LARGE:
      return 'sent an answer that is too large to be read';
    case 'UND_ERR_HEADERS_OVERFLOW':
    case 'HPE_HEADER_OVERFLOW':
      return 'sent headers that are too large to be read';
    default:
      return `could not be reached (${code})`;
  }
}

function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  if ('code' in error && typeof error.code === 'string') return error.code;
  return 'cause' in error ? errorCode(error.cause) : undefined;
}
