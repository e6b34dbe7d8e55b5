import { Presets, SingleBar } from 'cli-progress';

/** Shows on a terminal how far something is that may take long; elsewhere nothing. */
export interface Progress {
  /** Runs `work`, which calls `advance` once for each of `total` steps. */
  counting<Result>(
    what: string,
    total: number,
    work: (advance: () => void) => Promise<Result>,
  ): Promise<Result>;
  /** Runs something whose length nobody knows, with the time that has passed. */
  waiting<Result>(what: string, work: () => Promise<Result>): Promise<Result>;
}

export function createProgress(stream: NodeJS.WritableStream | undefined): Progress {
  if (stream === undefined) {
    return { counting: (_what, _total, work) => work(() => undefined), waiting: (_what, work) => work() };
  }
  return {
    counting: async (what, total, work) => {
      const bar = new SingleBar(
        { stream, clearOnComplete: true, hideCursor: true, format: `${what} [{bar}] {value}/{total}` },
        Presets.legacy,
      );
      bar.start(total, 0);
      try {
        return await work(() => bar.increment());
      } finally {
        bar.stop();
      }
    },
    waiting: async (what, work) => {
      const bar = new SingleBar(
        { stream, clearOnComplete: true, hideCursor: true, format: `${what} … {duration_formatted}` },
        Presets.legacy,
      );
      bar.start(1, 0);
      const ticking = setInterval(() => bar.updateETA(), 1000);
      try {
        return await work();
      } finally {
        clearInterval(ticking);
        bar.stop();
      }
    },
  };
}
