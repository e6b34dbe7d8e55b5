import { Presets, SingleBar } from 'cli-progress';

/** Shows on a terminal how far something is that may take long; elsewhere nothing. */
export interface Progress {
  /** Runs `work`, which says how many steps there are once it knows, and gets what to call after each. */
  counting<Result>(
    what: string,
    work: (watch: (total: number) => () => void) => Promise<Result>,
  ): Promise<Result>;
  /** Runs `work`, which says again and again how far it is and of how much. */
  following<Result>(
    what: string,
    work: (show: (done: number, total: number, note: string) => void) => Promise<Result>,
  ): Promise<Result>;
  /** Runs something whose length nobody knows, with the time that has passed. */
  waiting<Result>(what: string, work: () => Promise<Result>): Promise<Result>;
}

const nothing = (): void => undefined;

/** Draws on `stream`, or nowhere. */
export function createProgress(stream: NodeJS.WritableStream | undefined): Progress {
  if (stream === undefined) {
    return {
      counting: (_what, work) => work(() => nothing),
      following: (_what, work) => work(nothing),
      waiting: (_what, work) => work(),
    };
  }
  const bar = (format: string): SingleBar =>
    new SingleBar({ stream, format, clearOnComplete: true, hideCursor: true }, Presets.legacy);
  return {
    counting: async (what, work) => {
      const shown = bar(`${what} [{bar}] {value}/{total}`);
      try {
        return await work((total) => {
          shown.start(total, 0);
          return () => shown.increment();
        });
      } finally {
        shown.stop();
      }
    },
    following: async (what, work) => {
      const shown = bar(`${what} [{bar}] {value}/{total} {note}`);
      // A bar of nothing would look full.
      shown.start(1, 0, { note: '' });
      try {
        return await work((done, total, note) => {
          shown.setTotal(total);
          shown.update(done, { note });
        });
      } finally {
        shown.stop();
      }
    },
    waiting: async (what, work) => {
      const shown = bar(`${what} {duration_formatted}`);
      shown.start(1, 0);
      try {
        return await work();
      } finally {
        shown.stop();
      }
    },
  };
}
