import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { openSession } from '../../client/session.ts';
import { openDatabase } from '../../db/database.ts';
import { act, type Deeds, type Scenery } from './acting.ts';
import { COURSES } from './cast.ts';
import { importCourse } from './course-steps.ts';
import { breaks } from './invariants/breaks.ts';
import { invariants } from './invariants/index.ts';
import type { Scene } from './invariants/scene.ts';
import type { Journal } from './journal.ts';
import { createPeople } from './people.ts';
import { chooseVariant, planRun } from './plan.ts';
import { createRandom } from './random.ts';
import { pipeline } from './retirement-steps.ts';
import { settle } from './settling.ts';
import { onStage, type Stage } from './stage.ts';
import type { Step } from './step.ts';
import { describeAction } from './wording.ts';

export interface ChaosOptions {
  readonly seed: number;
  readonly minutes: number;
  readonly workers: number;
  /** Name of a break that is done before the checks. */
  readonly broken: string | undefined;
  readonly keep: boolean;
  readonly journal: Journal;
}

export interface ChaosResult {
  readonly seed: number;
  readonly minutes: number;
  readonly learners: number;
  /** By victim. */
  readonly kills: Readonly<Record<string, number>>;
  /** By server. */
  readonly faults: Readonly<Record<string, number>>;
  /** By kind: how many were done, and how many could not be. */
  readonly operations: Readonly<Record<string, { readonly done: number; readonly failed: number }>>;
  readonly seconds: number;
  readonly isQuiet: boolean;
  readonly broken: string | null;
  readonly invariants: Readonly<Record<string, 'held' | readonly string[]>>;
  readonly ok: boolean;
}

/** Settling may take three minutes, or as long as the run where that was longer, up to ten minutes. */
const SHORTEST_SETTLING_MS = 180_000;
const LONGEST_SETTLING_MS = 600_000;
/** Steps that were begun and have no answer yet are waited for so long. */
const LAST_ANSWERS_MS = 35_000;

/** Plays the plan of the seed, waits for quiet and checks every invariant. */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const { seed, minutes, workers, keep, journal } = options;
  const plan = planRun({ seed, minutes, workers });
  return onStage({ workers, keep, journal }, async (stage) => {
    const deeds: Deeds = { kills: [], faults: [] };
    const scenery: Scenery = { stage, people: createPeople(), journal, deeds, beganAt: Date.now() };
    const tally = createTally();
    await foundCourses(scenery, seed);
    await play(scenery, plan, tally);
    const settleMs = Math.min(LONGEST_SETTLING_MS, Math.max(SHORTEST_SETTLING_MS, minutes * 60_000));
    const isQuiet = await settle(scenery, { withinMs: settleMs });
    const checked = await check(scenery, options);
    return {
      seed,
      minutes,
      learners: scenery.people.all().length,
      kills: countBy(deeds.kills.map(({ victim }) => victim)),
      faults: countBy(deeds.faults.map(({ server }) => server)),
      operations: tally.byKind(),
      seconds: Math.round(journal.now() / 1000),
      isQuiet,
      broken: options.broken ?? null,
      invariants: checked,
      ok: isQuiet && Object.values(checked).every((found) => found === 'held'),
    };
  });
}

async function foundCourses(scenery: Scenery, seed: number): Promise<void> {
  const random = createRandom(seed, 'first courses');
  for (let course = 0; course < COURSES; course += 1) {
    const action = { kind: 'import', course, variant: chooseVariant(random) } as const;
    const outcome = await importCourse(scenery.stage, scenery.beganAt, action, 5);
    scenery.journal.note(null, `course ${course}`, outcome);
  }
}

/** Each step begins at its moment, whether or not those before have an answer. */
async function play(scenery: Scenery, plan: readonly Step[], tally: Tally): Promise<void> {
  const { journal } = scenery;
  const beganMs = journal.now();
  const underWay = new Set<Promise<void>>();
  for (const step of plan) {
    await delay(Math.max(0, beganMs + step.atMs - journal.now()));
    const what = describeAction(step.action);
    const work = act(scenery, step)
      .then(
        (outcome) => {
          tally.count(step.action.kind, true);
          journal.note(step.step, what, outcome);
        },
        (error: unknown) => {
          tally.count(step.action.kind, false);
          journal.note(
            step.step,
            what,
            `not done: ${error instanceof Error ? error.message : String(error)}`,
          );
        },
      )
      .finally(() => underWay.delete(work));
    underWay.add(work);
  }
  journal.note(null, `${plan.length} steps were begun, ${underWay.size} have no answer yet`);
  await Promise.race([Promise.all(underWay), delay(LAST_ANSWERS_MS, undefined, { ref: false })]);
}

async function check(scenery: Scenery, { broken }: ChaosOptions): Promise<ChaosResult['invariants']> {
  const { stage, journal } = scenery;
  const session = openSession(stage.env);
  const outside = openDatabase({ url: stage.outsideUrl });
  try {
    const { client } = await session.temporal();
    const scene: Scene = {
      database: session.database(),
      outside,
      client,
      pipeline,
      people: scenery.people.all(),
      deeds: scenery.deeds,
      thirdParty: stage.thirdParty,
      deliveredFolder: path.join(stage.folder, 'delivered'),
      anonymous: anonymousPlaces(stage),
      configuration: () => session.configuration(),
    };
    const toBreak = broken === undefined ? undefined : breaks[broken];
    if (toBreak !== undefined) journal.note(null, `broken on purpose: ${broken}`, await toBreak.apply(scene));
    const checked: Record<string, 'held' | readonly string[]> = {};
    for (const [name, invariant] of Object.entries(invariants)) {
      const violations = await invariant(scene);
      checked[name] = violations.length === 0 ? 'held' : violations;
      journal.note(
        null,
        `invariant ${name}`,
        violations.length === 0 ? 'held' : `BROKEN: ${violations.join('; ')}`,
      );
    }
    return checked;
  } finally {
    await outside.close();
    await session.close();
  }
}

function anonymousPlaces({ folder, temporalDirectory, victims }: Stage): readonly string[] {
  const logs = [...victims.keys()].filter((name) => name.startsWith('worker-'));
  return [temporalDirectory, ...logs.map((name) => path.join(folder, `${name}.log`))];
}

interface Tally {
  count(kind: string, isDone: boolean): void;
  byKind(): ChaosResult['operations'];
}

function createTally(): Tally {
  const kinds = new Map<string, { done: number; failed: number }>();
  return {
    count: (kind, isDone) => {
      const counts = kinds.get(kind) ?? { done: 0, failed: 0 };
      counts[isDone ? 'done' : 'failed'] += 1;
      kinds.set(kind, counts);
    },
    byKind: () => Object.fromEntries([...kinds].toSorted()),
  };
}

function countBy(names: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
