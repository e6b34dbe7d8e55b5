import { setTimeout as delay } from 'node:timers/promises';
import { filesMiB, familyMiB, residentMiB } from './memory.ts';
import { metricOf, scrape } from './metrics.ts';
import type { LoadStage } from './stage.ts';
import { countStates, databaseMiB } from './store.ts';

/** What the stack looked like at one moment. Memory and sizes in MiB. */
export interface Sample {
  /** Seconds since the series began. */
  readonly at: number;
  readonly phase: string;
  readonly worker: number | undefined;
  /** Of the worker's main thread. */
  readonly workerHeap: number | undefined;
  readonly temporal: number | undefined;
  readonly postgres: number | undefined;
  readonly database: number;
  readonly temporalDatabase: number;
  /** Learners. */
  readonly pending: number;
  readonly underWay: number;
  readonly errored: number;
  readonly complete: number;
}

export interface Series {
  readonly samples: readonly Sample[];
  /** What is being done from now on. */
  enter(phase: string): void;
  stop(): Promise<void>;
}

/** Looks at the stack every few seconds until it is stopped. */
export function startSeries(stage: LoadStage, everyMs: number): Series {
  const samples: Sample[] = [];
  const began = performance.now();
  const ending = new AbortController();
  let phase = 'empty';
  const watch = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      const at = Math.round((performance.now() - began) / 100) / 10;
      samples.push({ at, phase, ...(await look(stage)) });
      await delay(everyMs, undefined, { signal: ending.signal }).catch(() => undefined);
    }
  };
  const watching = watch();
  // Told when the series is stopped: until then nobody waits for it.
  watching.catch(() => undefined);
  return {
    samples,
    enter: (next) => {
      phase = next;
      stage.log(`— ${next}`);
    },
    stop: async () => {
      ending.abort();
      await watching;
    },
  };
}

async function look(stage: LoadStage): Promise<Omit<Sample, 'at' | 'phase'>> {
  const { pids, database, temporalDirectory, metricsUrl } = stage;
  const [states, size, metrics] = await Promise.all([
    countStates(database),
    databaseMiB(database),
    // A worker too busy to answer is no reason to end the measurement.
    scrape(metricsUrl).catch(() => ''),
  ]);
  const heapBytes = metricOf(metrics, 'nodejs_heap_size_used_bytes');
  const { PENDING: pending = 0, ERRORED: errored = 0, COMPLETE: complete = 0, ...others } = states;
  return {
    worker: residentMiB(pids.worker[0]),
    workerHeap: heapBytes === undefined ? undefined : Math.round(heapBytes / 1024 / 1024),
    temporal: residentMiB(pids.temporal[0]),
    postgres: familyMiB(pids.postgres[0]),
    database: size,
    temporalDatabase: filesMiB(temporalDirectory),
    pending,
    underWay: Object.values(others).reduce((sum, count) => sum + count, 0),
    errored,
    complete,
  };
}
