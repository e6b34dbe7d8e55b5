/** A value that is costly to obtain, good for a while, and shared by everybody who needs it: a token, a session. */
export interface Credential<Value> {
  /** The current value, obtained first if there is none that is still good. Throws what obtaining threw, or the signal's reason. */
  get(signal?: AbortSignal): Promise<Value>;
  /** To be called when the service refused `value`; does nothing if a newer one has replaced it meanwhile. */
  forget(value: Value): void;
}

export interface Obtained<Value> {
  readonly value: Value;
  /** How long it is good for, counted from the moment it was asked for. */
  readonly lifetimeMs: number;
}

/** A value is replaced this long before its end at the latest, since a request may be on its way for a while. */
const LONGEST_MARGIN_MS = 60_000;

/**
 * Holds one value for a process: however many ask at the same time, it is obtained once; it is renewed before it ends.
 * One caller's abort ends that caller's wait only. A failure is told to all who wait for it, and the next call tries again.
 */
export function holdCredential<Value>(
  obtain: () => Promise<Obtained<Value>>,
  now: () => number = Date.now,
): Credential<Value> {
  let held: { readonly value: Value; readonly renewAt: number } | undefined;
  let underWay: Promise<Value> | undefined;

  async function renew(): Promise<Value> {
    const askedAt = now();
    const { value, lifetimeMs } = await obtain();
    held = { value, renewAt: askedAt + lifetimeMs - Math.min(LONGEST_MARGIN_MS, lifetimeMs / 10) };
    return value;
  }

  return {
    async get(signal) {
      signal?.throwIfAborted();
      if (held !== undefined && now() < held.renewAt) return held.value;
      underWay ??= renew().finally(() => (underWay = undefined));
      return signal === undefined ? underWay : untilAborted(underWay, signal);
    },
    forget(value) {
      if (held?.value === value) held = undefined;
    },
  };
}

/** `work`, or the signal's reason if that comes first. `work` itself goes on for those who still wait for it. */
export function untilAborted<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(reasonOf(signal));
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error('aborted');
}
