import type { Worker } from '@temporalio/worker';
import type { Logger } from 'pino';
import type { Reasons } from './http-server.ts';
import type { Metrics } from './metrics.ts';
import type { QueueLook } from './temporal-watch.ts';

export interface Watched {
  readonly workers: readonly Pick<Worker, 'getState' | 'options'>[];
  /** Throws when the database does not answer. */
  readonly askDatabase: () => Promise<unknown>;
  /** Throws when Temporal does not answer. */
  readonly askTemporal: () => Promise<QueueLook>;
}

export interface Readiness {
  readonly notLive: () => Reasons;
  readonly notReady: () => Reasons;
  /** Before `watch`: what is waited for, in one line, or that it is there. */
  readonly waitsFor: (subject: Subject, reason: string | undefined) => void;
  /** From here on database and Temporal are asked again and again. Resolves when both were asked once; until then nothing is ready. */
  watch(watched: Watched): Promise<void>;
  /** Asks no more. */
  stop(): Promise<void>;
}

const LOOK_EVERY_MS = 5_000;
/** While something is wrong, so that its end is seen soon. */
const LOOK_AGAIN_MS = 1_000;
const ANSWER_WITHIN_MS = 5_000;

/** What is looked at, with the words for the log. */
const subjects = {
  migrations: { lost: 'the database lacks migrations', back: 'the database has every migration' },
  database: { lost: 'the database does not answer', back: 'the database answers again' },
  temporal: { lost: 'Temporal does not answer', back: 'Temporal answers again' },
  polling: { lost: 'a worker does not poll', back: 'all workers poll again' },
} as const;

export type Subject = keyof typeof subjects;

/**
 * Whether the process works, and what keeps it from that. A change is one line in the log, however long it lasts (and each other reason
 * while it starts, when somebody may have to do something about it): nobody needs to be told every second, and nothing needs to be done, because workers and connections try again by themselves.
 */
export function createReadiness(log: Logger, metrics: Metrics): Readiness {
  const troubles = new Map<Subject, { readonly reason: string; readonly sinceMs: number }>();
  let watched: Watched | undefined;
  let hasLooked = false;
  let looking: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;

  const note = (subject: Subject, reason: string | undefined): void => {
    metrics.readinessChanged(subject, reason === undefined);
    const before = troubles.get(subject);
    if (reason === undefined) {
      troubles.delete(subject);
      const seconds = before && Math.round((Date.now() - before.sinceMs) / 1000);
      if (before) log.info({ seconds }, subjects[subject].back);
      return;
    }
    troubles.set(subject, { reason, sinceMs: before?.sinceMs ?? Date.now() });
    const isTold = before !== undefined && (watched !== undefined || before.reason === reason);
    if (!isTold && !isStopping(watched)) log.error({ reason }, subjects[subject].lost);
  };

  const look = async (given: Watched): Promise<void> => {
    const [database, temporal] = await Promise.all([attempt(given.askDatabase), attempt(given.askTemporal)]);
    if (isStopped) return;
    note(
      'database',
      'trouble' in database ? `the database does not answer (${database.trouble})` : undefined,
    );
    note('temporal', 'trouble' in temporal ? `Temporal does not answer (${temporal.trouble})` : undefined);
    // What nobody can tell is as it was.
    if ('answer' in temporal) {
      for (const queue of temporal.answer.queues) metrics.queueSeen(queue);
      note('polling', unpolledReason(temporal.answer.unpolled));
    }
    hasLooked = true;
  };

  const again = (given: Watched): void => {
    looking = look(given).finally(() => {
      if (isStopped) return;
      timer = setTimeout(() => again(given), troubles.size === 0 ? LOOK_EVERY_MS : LOOK_AGAIN_MS);
    });
  };

  return {
    notLive: () => failedWorkers(watched),
    notReady: () => {
      if (watched === undefined || !hasLooked) return ['starting', ...reasonsOf(troubles)];
      if (isStopped) return ['shutting down'];
      return [...idleWorkers(watched), ...reasonsOf(troubles)];
    },
    waitsFor: note,
    watch: (given) => {
      watched = given;
      again(given);
      return looking;
    },
    stop: async () => {
      isStopped = true;
      clearTimeout(timer);
      await looking;
    },
  };
}

function reasonsOf(troubles: ReadonlyMap<unknown, { readonly reason: string }>): Reasons {
  return [...troubles.values()].map(({ reason }) => reason);
}

type Attempt<Answer> = { readonly answer: Answer } | { readonly trouble: string };

async function attempt<Answer>(ask: () => Promise<Answer>): Promise<Attempt<Answer>> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Attempt<Answer>>((resolve) => {
    const trouble = `nothing within ${ANSWER_WITHIN_MS / 1000} s`;
    timer = setTimeout(() => resolve({ trouble }), ANSWER_WITHIN_MS);
  });
  const asked = ask().then(
    (answer): Attempt<Answer> => ({ answer }),
    (error: unknown): Attempt<Answer> => ({ trouble: nameOf(error) }),
  );
  try {
    return await Promise.race([asked, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** gRPC's numbers that an operator can do something about. */
const grpcCodes: Readonly<Record<number, string>> = {
  4: 'DEADLINE_EXCEEDED',
  5: 'NOT_FOUND',
  7: 'PERMISSION_DENIED',
  8: 'RESOURCE_EXHAUSTED',
  14: 'UNAVAILABLE',
  16: 'UNAUTHENTICATED',
};

/** A code or a name: the texts of errors may quote what they were about. */
function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const code: unknown = Object.getOwnPropertyDescriptor(error, 'code')?.value;
  if (typeof code === 'number') return grpcCodes[code] ?? `gRPC ${code}`;
  return typeof code === 'string' && /^[A-Za-z0-9_]+$/.test(code) ? code : error.name;
}

function failedWorkers(watched: Watched | undefined): Reasons {
  const failed = watched?.workers.filter((worker) => worker.getState() === 'FAILED') ?? [];
  return failed.map(({ options }) => `the worker of ${options.taskQueue} has failed`);
}

function idleWorkers({ workers }: Watched): Reasons {
  return workers.flatMap((worker) => {
    const state = worker.getState();
    return state === 'RUNNING' ? [] : [`the worker of ${worker.options.taskQueue} is ${state}`];
  });
}

function isStopping(watched: Watched | undefined): boolean {
  return watched?.workers.some((worker) => !['INITIALIZED', 'RUNNING'].includes(worker.getState())) ?? false;
}

function unpolledReason(unpolled: readonly string[]): string | undefined {
  return unpolled.length === 0 ? undefined : `no poller of this process for ${unpolled.join(', ')}`;
}
