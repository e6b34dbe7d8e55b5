import type { Platform, PlatformSource } from '../../activities/retirement/platform.ts';
import type { Database } from '../../db/database.ts';
import type { Step } from './deaths.ts';

/**
 * How a step of a report goes wrong. Dropped connections are the LMS's doing; `before` and `after` end the activity, which is
 * tried again; `abandon` ends the whole run there.
 */
export type ReportDeathKind = 'before' | 'after' | 'drop-before' | 'drop-after' | 'abandon';

export interface ReportDeath {
  /** Position among all steps since the deaths were planned, from 0. */
  readonly at: number;
  readonly kind: ReportDeathKind;
}

/** Wraps what the activities of a report call, so that they die at chosen steps, once at each. */
export interface ReportDeaths {
  wrapDatabase(database: Database): Database;
  wrapPlatform(platform: PlatformSource): PlatformSource;
  /** Forgets the steps before. */
  plan(deaths: readonly ReportDeath[]): void;
  steps(): readonly Step[];
  /** Deaths that were planned and did not happen. */
  left(): readonly ReportDeath[];
}

export interface ReportDeathsOptions {
  /** Makes the LMS close the connection on the next request of a report. */
  readonly dropNext: (drop: 'before' | 'after') => Promise<void>;
  readonly abandon: () => Promise<void>;
}

export function createReportDeaths({ dropNext, abandon }: ReportDeathsOptions): ReportDeaths {
  let steps: Step[] = [];
  let left: readonly ReportDeath[] = [];

  const take = async <Result>(step: Step, work: () => Promise<Result>): Promise<Result> => {
    const position = steps.push(step) - 1;
    const death = left.find(({ at }) => at === position);
    if (death === undefined) return work();
    left = left.filter((other) => other !== death);
    const where = `step ${position}, ${step.name}`;
    switch (death.kind) {
      case 'before':
        throw new Error(`died before ${where}`);
      case 'after':
        await work();
        throw new Error(`died after ${where}`);
      case 'abandon':
        await work();
        await abandon();
        throw new Error(`abandoned after ${where}`);
      case 'drop-before':
      case 'drop-after':
        await dropNext(death.kind === 'drop-before' ? 'before' : 'after');
        return work();
    }
  };

  const wrap = (platform: Platform): Platform => {
    const { partnerReports } = platform;
    return {
      ...platform,
      partnerReports: {
        take: (signal) => take({ name: 'take', remote: true }, () => partnerReports.take(signal)),
        listProcessed: (names, signal) =>
          take({ name: 'listProcessed', remote: true }, () => partnerReports.listProcessed(names, signal)),
        cleanUp: (names, signal) =>
          take({ name: 'cleanUp', remote: true }, () => partnerReports.cleanUp(names, signal)),
      },
    };
  };

  return {
    wrapDatabase: (database) => ({
      ...database,
      query: (statement, values) => {
        const text = typeof statement === 'string' ? statement : statement.text;
        const name = `query ${text.trim().replace(/\s+/g, ' ').slice(0, 50)}`;
        return take({ name, remote: false }, () => database.query(statement, values));
      },
      transaction: (work) => take({ name: 'transaction', remote: false }, () => database.transaction(work)),
    }),
    wrapPlatform: (platform) => ({
      current: async () => wrap(await platform.current()),
      lastValid: async () => wrap(await platform.lastValid()),
      close: () => platform.close(),
    }),
    plan: (deaths) => {
      steps = [];
      left = deaths;
    },
    steps: () => steps,
    left: () => left,
  };
}
