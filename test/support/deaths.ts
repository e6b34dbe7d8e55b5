import type { Platform, PlatformSource } from '../../activities/retirement/platform.ts';
import type { Database } from '../../db/database.ts';
import type { Service } from '../../platform/learner.ts';

/** One call that an activity makes on behalf of one learner. */
export interface Step {
  /** `query begin-stage`, `move`, `find`, `method` */
  readonly name: string;
  /** True where the LMS is asked. */
  readonly remote: boolean;
}

/** How a step goes wrong. The dropped connections are the LMS's doing; the others are the activity's end. */
export const deathKinds = ['before', 'after', 'drop-before', 'drop-after'] as const;
export type DeathKind = (typeof deathKinds)[number];

export interface Death {
  /** Position of the step among all steps of this learner, from 0. */
  readonly at: number;
  readonly kind: DeathKind;
}

/** Wraps what activities call, so that an activity dies at chosen steps of chosen learners, once at each. */
export interface Deaths {
  wrapDatabase(database: Database): Database;
  wrapPlatform(platform: PlatformSource): PlatformSource;
  /** To be called before the learner's workflow starts. */
  plan(learner: { readonly userId: number; readonly username: string }, deaths: readonly Death[]): void;
  /** The steps that were taken so far, in order; steps taken twice are there twice. */
  steps(userId: number): readonly Step[];
  /** Deaths that were planned and did not happen yet. */
  left(userId: number): readonly Death[];
}

interface Life {
  readonly userId: number;
  readonly username: string;
  readonly steps: Step[];
  left: readonly Death[];
}

/** `dropNext` makes the LMS close the connection on the learner's next request, before or after the work. */
export function createDeaths(
  dropNext: (username: string, drop: 'before' | 'after') => Promise<void>,
): Deaths {
  const byId = new Map<number, Life>();
  const byName = new Map<string, Life>();

  const take = async <Result>(
    life: Life | undefined,
    step: Step,
    work: () => Promise<Result>,
  ): Promise<Result> => {
    if (life === undefined) return work();
    const position = life.steps.push(step) - 1;
    const death = life.left.find(({ at }) => at === position);
    if (death === undefined) return work();
    life.left = life.left.filter((other) => other !== death);
    switch (death.kind) {
      case 'before':
        throw new Error(`died before step ${position}, ${step.name}`);
      case 'after':
        await work();
        throw new Error(`died after step ${position}, ${step.name}`);
      case 'drop-before':
      case 'drop-after':
        if (!step.remote) throw new Error(`step ${position}, ${step.name}, asks nobody: nothing to drop`);
        await dropNext(life.username, death.kind === 'drop-before' ? 'before' : 'after');
        return work();
    }
  };

  const remote = (name: string): Step => ({ name, remote: true });

  const wrapServices = (services: Platform['services']): Platform['services'] =>
    Object.fromEntries(Object.entries(services).map(([name, service]) => [name, wrapService(service)]));

  const wrapService = (service: Service): Service =>
    Object.fromEntries(
      Object.entries(service).map(([name, method]) => [
        name,
        (call) => take(byId.get(call.learner.userId), remote('method'), () => method(call)),
      ]),
    );

  const wrap = (platform: Platform): Platform => ({
    ...platform,
    queue: {
      ...platform.queue,
      find: (username, signal) =>
        take(byName.get(username), remote('find'), () => platform.queue.find(username, signal)),
      move: (move, signal) =>
        take(byName.get(move.username), remote('move'), () => platform.queue.move(move, signal)),
    },
    services: wrapServices(platform.services),
  });

  return {
    wrapDatabase: (database) => ({
      ...database,
      query: (statement, values) => {
        const named =
          typeof statement === 'string' ? { text: statement, values: values?.slice() } : statement;
        const userId: unknown = named.values?.[0];
        const name = `query ${('name' in named ? named.name : undefined) ?? named.text.trim().slice(0, 40)}`;
        // The collector takes learners in; the workflow's own steps come after that.
        const life = name === 'query insert-retirement' ? undefined : byId.get(Number(userId));
        return take(life, { name, remote: false }, () => database.query(statement, values));
      },
    }),
    wrapPlatform: (platform) => ({
      current: async () => wrap(await platform.current()),
      lastValid: async () => wrap(await platform.lastValid()),
      close: () => platform.close(),
    }),
    plan: ({ userId, username }, left) => {
      const life: Life = { userId, username, steps: [], left };
      byId.set(userId, life);
      byName.set(username, life);
    },
    steps: (userId) => byId.get(userId)?.steps ?? [],
    left: (userId) => byId.get(userId)?.left ?? [],
  };
}
