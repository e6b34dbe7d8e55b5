/** The global `fetch` with a time-out for each request and the call's own signal besides the caller's. */
export function createModuleFetch(signal: AbortSignal, timeoutMs: number): typeof fetch {
  return (input, init) => {
    const signals = [signal, AbortSignal.timeout(timeoutMs), ...(init?.signal ? [init.signal] : [])];
    return fetch(input, { ...init, signal: AbortSignal.any(signals) });
  };
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
