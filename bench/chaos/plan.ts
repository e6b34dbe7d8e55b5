import { COURSES, PAGES, STUDENTS } from './cast.ts';
import { chooseFaults } from './faults.ts';
import { createRandom, type Random } from './random.ts';
import type { Action, CourseVariant, FaultyServer, Step, Victim } from './step.ts';

export interface PlanOptions {
  readonly seed: number;
  readonly minutes: number;
  readonly workers: number;
}

const ORGS = ['AcmeX', 'BorealisX', 'CumulusX', 'DeltaX', 'EstuaryX'] as const;

/**
 * Everything that a run does, in order. It follows from the options alone: what the product makes of it takes as long as it takes, but
 * nothing that it does changes what is chosen.
 */
export function planRun({ seed, minutes, workers }: PlanOptions): readonly Step[] {
  const endMs = minutes * 60_000;
  const random = (name: string): Random => createRandom(seed, name);
  const asked = planAsks(random('asks'), endMs);
  /** How many have asked by then: only they can be meant. */
  const askedBy = (atMs: number): number => asked.filter((ask) => ask.atMs <= atMs).length;
  const all = [
    ...asked,
    ...planKills(random('kills'), endMs, workers),
    ...every(random('faults'), { endMs, fromMs: 3_000, gapMs: 2_300 }, (choose, atMs) =>
      chooseTrouble(choose, askedBy(atMs)),
    ),
    ...every(random('operators'), { endMs, fromMs: 4_000, gapMs: 900 }, (choose, atMs) =>
      chooseOperation(choose, askedBy(atMs)),
    ),
    ...every(random('courses'), { endMs, fromMs: 500, gapMs: 1_000 }, chooseCourseChange),
    ...every(random('editors'), { endMs, fromMs: 0, gapMs: 700 }, chooseEditing),
  ];
  return all
    .toSorted((one, other) => one.atMs - other.atMs)
    .map(({ atMs, action }, step) => ({ step, atMs, action }));
}

interface Timed {
  readonly atMs: number;
  readonly action: Action;
}

interface Pace {
  readonly fromMs: number;
  readonly endMs: number;
  /** On average; single ones are between none and twice as long. */
  readonly gapMs: number;
}

function every(
  random: Random,
  { fromMs, endMs, gapMs }: Pace,
  choose: (random: Random, atMs: number) => Action,
): readonly Timed[] {
  const chosen: Timed[] = [];
  for (let atMs = fromMs + random.whole(0, gapMs); atMs < endMs; atMs += random.whole(0, 2 * gapMs)) {
    chosen.push({ atMs, action: choose(random, atMs) });
  }
  return chosen;
}

function planAsks(random: Random, endMs: number): readonly Timed[] {
  let learner = 0;
  return every(random, { fromMs: 0, endMs, gapMs: 1_300 }, () => ({
    kind: 'ask',
    learner: learner++,
    orgs: ORGS.filter(() => random.chance(0.35)),
    course: random.chance(0.15) ? random.whole(0, COURSES - 1) : null,
    isDoomed: random.chance(0.03),
  }));
}

function planKills(random: Random, endMs: number, workers: number): readonly Timed[] {
  const someWorker = (): Victim => `worker-${random.whole(0, workers - 1)}`;
  const allWorkers = Array.from({ length: workers }, (_, index): Victim => `worker-${index}`);
  return every(random, { fromMs: 6_000, endMs, gapMs: 9_000 }, () => ({
    kind: 'kill',
    victims: random.weighted<readonly Victim[]>([
      [[someWorker()], 8],
      [allWorkers, 1],
      [['temporal'], 3],
      [['postgres'], 4],
      [['postgres', someWorker()], 1],
      [['temporal', 'postgres'], 1],
    ]),
    downMs: random.whole(0, 5_000),
  }));
}

function chooseTrouble(random: Random, learners: number): Action {
  const server = random.weighted<FaultyServer>([
    ['lms', 5],
    ['third-party', 2],
    ['wiki', 3],
    ['second-wiki', 1],
  ]);
  if (random.chance(0.15)) return { kind: 'clear', server };
  if (server === 'wiki' && random.chance(0.15)) return { kind: 'lag', server, seconds: random.whole(0, 9) };
  const isWiki = server === 'wiki' || server === 'second-wiki';
  const learner = !isWiki && random.chance(0.6) ? recent(random, learners) : null;
  return { kind: 'fault', server, faults: chooseFaults(random, server), learner };
}

/** Rather somebody who asked lately: with them something is under way. */
function recent(random: Random, learners: number): number {
  const newest = Math.max(0, learners - 1);
  return random.chance(0.7) ? random.whole(Math.max(0, newest - 12), newest) : random.whole(0, newest);
}

function chooseOperation(random: Random, learners: number): Action {
  const learner = recent(random, learners);
  return random.weighted<() => Action>([
    [
      () => ({
        kind: 'resume',
        learner: random.chance(0.6) ? null : learner,
        by: random.pick(['signal', 'update', 'client']),
        from: random.weighted([
          ['prior', 6],
          ['any', 3],
          ['wrong', 2],
        ]),
        choice: random.whole(0, 99),
      }),
      8,
    ],
    [() => ({ kind: 'resume-all', stage: random.whole(0, 8) }), 1],
    [
      () => ({
        kind: 'cancel',
        learner: random.chance(0.7) ? Math.max(0, learners - 1 - random.whole(0, 8)) : learner,
        by: random.pick(['client', 'signal', 'update', 'request']),
      }),
      4,
    ],
    [
      () => ({
        kind: 'rerun',
        learner: random.chance(0.8) ? random.whole(0, Math.max(0, learners - 1)) : null,
        how: random.pick(['all', 'only-new']),
      }),
      2,
    ],
    [
      () => ({
        kind: random.weighted([
          ['collect', 6],
          ['report', 3],
          ['archive', 2],
        ]),
      }),
      4,
    ],
  ])();
}

function chooseCourseChange(random: Random): Action {
  const course = random.whole(0, COURSES - 1);
  const student = random.whole(0, STUDENTS - 1);
  const page = random.whole(0, PAGES - 1);
  const wiki = random.pick([0, 0, 1] as const);
  return random.weighted<() => Action>([
    [() => ({ kind: 'update', course, full: random.chance(0.15) }), 5],
    [() => ({ kind: random.pick(['enroll', 'drop']), course, student }), 4],
    [() => ({ kind: random.pick(['exclude', 'include']), course, page, wiki }), 2],
    [() => ({ kind: 'import', course, variant: chooseVariant(random) }), 2],
  ])();
}

export function chooseVariant(random: Random): CourseVariant {
  return {
    startHours: random.pick([0, 0, -24, 5, -49]),
    endHours: random.pick([0, 0, 24, 60]),
    hasSecondWiki: random.chance(0.5),
    namespaces: random.pick([[], [], [0, 2, 118], [0, 118]]),
    students: Array.from({ length: STUDENTS }, (_, index) => index).filter(() => random.chance(0.6)),
  };
}

function chooseEditing(random: Random): Action {
  const page = random.whole(0, PAGES - 1);
  const ns = random.pick([0, 0, 0, 2, 118]);
  const wiki = random.pick([0, 0, 1] as const);
  if (random.chance(0.1)) {
    const change = random.pick(['delete', 'undelete', 'move'] as const);
    return { kind: 'page', change, page, ns, toNs: random.pick([0, 2, 118]), wiki };
  }
  return {
    kind: 'edit',
    student: random.whole(0, STUDENTS - 1),
    page,
    ns,
    wiki,
    size: random.whole(-300, 900),
    refs: random.whole(0, 5),
    isNew: random.chance(0.2),
    minutesAgo: random.whole(0, 300),
  };
}
