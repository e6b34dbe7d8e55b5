import { setTimeout as delay } from 'node:timers/promises';
import { NativeConnection, type NativeConnectionOptions } from '@temporalio/worker';

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 5_000;

export interface ConnectingOptions {
  readonly options: NativeConnectionOptions;
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
      onFailure(reasonOf(error));
    }
    await delay(pauseMs, undefined, { signal: stop }).catch(() => undefined);
  }
  return undefined;
}

/** What is wrong, out of the debug text of the SDK's native part; that text where nothing is found in it. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const [, quoted, certificate] =
    /(?:message|error): "([^"]+)"|InvalidCertificate\((\w+)/.exec(error.message) ?? [];
  if (certificate !== undefined) return `certificate refused: ${certificate}`;
  return quoted ?? error.message;
}
