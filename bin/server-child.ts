import { setTimeout as delay } from 'node:timers/promises';
import { findProcess } from '../stack/processes.ts';

/** A server that the stack started: PostgreSQL or Temporal. */
export interface Server {
  readonly pid: number;
  stop(): Promise<void>;
}

export interface SupervisedServer<Kind extends Server> {
  /** As it was when it first ran; its addresses stay true, its pid may not. */
  readonly first: Kind;
  stop(): Promise<void>;
}

const LOOK_EVERY_MS = 1_000;

/**
 * Starts a server and starts it again, on the same port, whenever it is gone without having been stopped. `start` is given
 * the running server of before, whose port it is to take again.
 */
export async function superviseServer<Kind extends Server>(
  name: string,
  start: (before: Kind | undefined) => Promise<Kind>,
  log: (line: string) => void,
): Promise<SupervisedServer<Kind>> {
  const first = await start(undefined);
  let current: Kind = first;
  const stopping = new AbortController();

  const watch = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await delay(LOOK_EVERY_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
      if (stopping.signal.aborted || findProcess(current.pid) !== undefined) continue;
      log(`${name} has ended; starting it again`);
      try {
        await current.stop();
        current = await start(current);
      } catch (error) {
        log(`${name} did not start: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  };
  const watching = watch();

  return {
    first,
    stop: async () => {
      stopping.abort();
      await watching;
      await current.stop();
    },
  };
}
