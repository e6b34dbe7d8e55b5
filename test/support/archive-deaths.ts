import { activityInfo } from '@temporalio/activity';
import type { Platform, PlatformSource } from '../../activities/retirement/platform.ts';
import type { Database, Queryable } from '../../db/database.ts';

const ARCHIVING = ['beginArchive', 'nextBatch', 'writeBatch', 'cleanUpBatch', 'forgetBatch'];

/** When activities of the archive die: right after the same call of each of them, which is before the next one. */
export interface ArchiveDeath {
  /** Position of a call among those of one attempt, from 0. */
  readonly step: number;
  /** The first so many attempts of each activity. */
  readonly attempts: number;
}

/** Wraps what activities of the archive call, so that they die between two calls. */
export interface ArchiveDeaths {
  wrapDatabase(database: Database): Database;
  wrapPlatform(platform: PlatformSource): PlatformSource;
  plan(death: ArchiveDeath): void;
  /** Nobody dies any more. */
  relent(): void;
  /** `cleanUpBatch 3 remove`, …: where somebody died since the last plan, in order. */
  happened(): readonly string[];
}

/** `onRemove` hears of each clean-up before the LMS does. */
export function createArchiveDeaths(
  onRemove: (usernames: readonly string[]) => Promise<void>,
): ArchiveDeaths {
  let death: ArchiveDeath | undefined;
  let happened: string[] = [];
  const taken = new Map<string, number>();

  const take = async <Result>(name: string, work: () => Promise<Result>): Promise<Result> => {
    const { activityType, activityId, attempt, workflowExecution } = activityInfo();
    if (!ARCHIVING.includes(activityType)) return work();
    const key = [workflowExecution?.runId, activityId, attempt].join(' ');
    const step = taken.get(key) ?? 0;
    taken.set(key, step + 1);
    if (death === undefined || step !== death.step || attempt > death.attempts) return work();
    happened.push(`${activityType} ${step} ${name}`);
    await work();
    throw new Error(`died after step ${step}, ${name}`);
  };

  const wrapQueryable = <Kind extends Queryable>(queryable: Kind): Kind => ({
    ...queryable,
    query: (statement, values) => {
      const text = typeof statement === 'string' ? statement : statement.text;
      return take(`query ${text.trim().slice(0, 40)}`, () => queryable.query(statement, values));
    },
  });

  const wrap = (platform: Platform): Platform => {
    const { queue, cleanup } = platform;
    return {
      ...platform,
      queue: {
        ...queue,
        find: (username, signal) => take('find', () => queue.find(username, signal)),
        list: (states, options) => take('list', () => queue.list(states, options)),
      },
      cleanup: {
        list: (asked, signal) => take('list complete', () => cleanup.list(asked, signal)),
        remove: (usernames, signal) =>
          take('remove', async () => {
            await onRemove(usernames);
            return cleanup.remove(usernames, signal);
          }),
      },
    };
  };

  return {
    wrapDatabase: (database) => ({
      ...wrapQueryable(database),
      transaction: (work) =>
        take('transaction', () =>
          database.transaction((tx) => work(wrapQueryable({ query: tx.query.bind(tx) }))),
        ),
    }),
    wrapPlatform: (platform) => ({
      current: async () => wrap(await platform.current()),
      lastValid: async () => wrap(await platform.lastValid()),
      close: () => platform.close(),
    }),
    plan: (next) => {
      death = next;
      happened = [];
    },
    relent: () => {
      death = undefined;
    },
    happened: () => happened,
  };
}
