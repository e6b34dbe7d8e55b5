import { setTimeout as delay } from 'node:timers/promises';
import { NativeConnection, type NativeConnectionOptions } from '@temporalio/worker';
import { explainTemporalTrouble } from '../config/temporal-trouble.ts';

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 5_000;

export interface ConnectingOptions {
  readonly options: NativeConnectionOptions & { readonly address: string };
  /** Ends the waiting. */
  readonly stop: AbortSignal;
  /** Told at every failure, which may be the same one again and again. */
  readonly onFailure: (reason: string) => void;
}

/**
 * Connects to Temporal, however long it takes: a server that starts later than its workers, or anew, is no reason for them to end.
 * Undefined when asked to stop before that.
 */
export async function connectToTemporal({
  options,
  stop,
  onFailure,
}: ConnectingOptions): Promise<NativeConnection | undefined> {
  for (let pauseMs = FIRST_PAUSE_MS; !stop.aborted; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    try {
      return await NativeConnection.connect(options);
    } catch (error) {
      onFailure(await explainTemporalTrouble(options, error));
    }
    await delay(pauseMs, undefined, { signal: stop }).catch(() => undefined);
  }
  return undefined;
}
