import type { Dispatcher } from 'undici';

export interface ModuleFetchOptions {
  /** Milliseconds for each request. */
  readonly timeoutMs: number;
  readonly dispatcher?: Dispatcher | undefined;
}

/** Longest answer, unpacked, that a module is given. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/**
 * The global `fetch` with a time-out for each request and the call's own signal besides the caller's. An answer that leads elsewhere
 * is thrown, with its status, unless the caller says what is wanted: followed, it would take keys in headers along, and a DELETE
 * would end as a GET of some page that answers 200. A body that never ends is cut off with an error.
 */
export function createModuleFetch(
  signal: AbortSignal,
  { timeoutMs, dispatcher }: ModuleFetchOptions,
): typeof fetch {
  // Node's own types of a dispatcher are those of an older undici, which takes this one all the same.
  const through: object = dispatcher === undefined ? {} : { dispatcher };
  return async (input, init) => {
    const signals = [signal, AbortSignal.timeout(timeoutMs), ...(init?.signal ? [init.signal] : [])];
    const answer = await fetch(input, {
      redirect: 'manual',
      ...init,
      signal: AbortSignal.any(signals),
      ...through,
    });
    if (init?.redirect === undefined && leadsElsewhere(answer)) {
      await answer.body?.cancel();
      throw new RedirectNotFollowed(answer.status);
    }
    return limited(answer);
  };
}

class RedirectNotFollowed extends Error {
  override readonly name = 'RedirectNotFollowed';
  readonly status: number;

  constructor(status: number) {
    super(
      `answered ${status}, which leads elsewhere: name the final address, or ask with redirect: 'follow'`,
    );
    this.status = status;
  }
}

class AnswerTooLarge extends Error {
  override readonly name = 'AnswerTooLarge';
}

function leadsElsewhere({ status, headers }: Response): boolean {
  return [301, 302, 303, 307, 308].includes(status) && headers.has('location');
}

/** The same answer, whose body fails once it is longer than {@link MAX_ANSWER_BYTES}. */
function limited(answer: Response): Response {
  if (answer.body === null) return answer;
  let size = 0;
  const body = answer.body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, controller) => {
        size += chunk.byteLength;
        if (size > MAX_ANSWER_BYTES)
          controller.error(new AnswerTooLarge('the answer is too large to be read'));
        else controller.enqueue(chunk);
      },
    }),
  );
  const { status, statusText, headers, url, redirected } = answer;
  return Object.defineProperties(new Response(body, { status, statusText, headers }), {
    url: { value: url },
    redirected: { value: redirected },
  });
}

/** True for an error that says that no answer came, however deep the library that met it has wrapped it. */
export function isConnectionTrouble(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  if ('name' in error && error.name === 'TimeoutError') return true;
  if ('code' in error && typeof error.code === 'string' && connectionCodes.test(error.code)) return true;
  return 'cause' in error && isConnectionTrouble(error.cause);
}

const connectionCodes =
  /^(ECONN(REFUSED|RESET|ABORTED)|EPIPE|ETIMEDOUT|EAI_AGAIN|ENOTFOUND|E(HOST|NET)UNREACH|UND_ERR_(SOCKET|(CONNECT|HEADERS|BODY)_TIMEOUT))$/;
