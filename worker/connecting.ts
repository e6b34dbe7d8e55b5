import { setTimeout as delay } from 'node:timers/promises';
import { NativeConnection, type NativeConnectionOptions } from '@temporalio/worker';
import { explainTemporalTrouble } from '../config/temporal-trouble.ts';

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 5_000;

export interface ConnectingOptions {
  readonly options: NativeConnectionOptions & { readonly address: string };
  readonly namespace: string;
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
  namespace,
  stop,
  onFailure,
}: ConnectingOptions): Promise<NativeConnection | undefined> {
  for (let pauseMs = FIRST_PAUSE_MS; !stop.aborted; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    try {
      const connection = await NativeConnection.connect(options);
      if (await hasNamespace(connection, namespace)) return connection;
      await connection.close();
      onFailure(
        `Temporal has no namespace ${namespace}: create it (\`temporal operator namespace create -n ${namespace}\`) or correct TEMPORAL_NAMESPACE`,
      );
    } catch (error) {
      onFailure(await explainTemporalTrouble(options, error));
    }
    await delay(pauseMs, undefined, { signal: stop }).catch(() => undefined);
  }
  return undefined;
}

const NOT_FOUND = 5;

/** Also where this client may not ask: then the work itself tells. */
async function hasNamespace(connection: NativeConnection, namespace: string): Promise<boolean> {
  try {
    await connection.workflowService.describeNamespace({ namespace });
    return true;
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === NOT_FOUND);
  }
}
