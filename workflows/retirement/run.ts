import type { RetryTiming } from '../../activities/retirement/opening.ts';
import { createLimiter } from '../../domain/concurrency.ts';
import { standingAt, type DeadlineStanding } from '../../domain/retirement/deadlines.ts';
import type { Pipeline, Stage } from '../../domain/retirement/pipeline.ts';
import { resumableStates } from '../../domain/retirement/resume.ts';
import { PENDING } from '../../domain/retirement/states.ts';
import type {
  CancelRequest,
  ResumeRequest,
  RetirementPhase,
  RetirementStatusView,
  StageCause,
  StageView,
} from './contract.ts';

/** How a message was answered. */
export type Answer =
  | { readonly kind: 'accepted'; readonly message: string }
  | { readonly kind: 'refused'; readonly reason: string };

/** A message that waits for the main line of the workflow to decide it. */
export interface Ask<Request> {
  readonly request: Request;
  answer: Answer | undefined;
}

/** Where the main line of the workflow goes next. */
export type Next =
  /** `confirm`: ask the LMS before the first of them that the learner is still in its queue. */
  | { readonly kind: 'stages'; readonly stages: Pipeline; readonly confirm: boolean }
  /** `recorded`: the LMS and PostgreSQL have the ERRORED state already. */
  | { readonly kind: 'park'; readonly recorded: boolean }
  | { readonly kind: 'end'; readonly outcome: 'COMPLETE' | 'ABORTED'; readonly reason: string };

/** What one run of `retireUser` knows. Only the workflow's own functions change it. */
export interface Run {
  readonly userId: number;
  phase: RetirementPhase;
  state: string;
  coolOffUntil: string | undefined;
  warnAt: string | undefined;
  dueAt: string | undefined;
  pipeline: Pipeline;
  retry: RetryTiming;
  stages: StageView[];
  /** Some stage has begun, now or in an earlier life: no cancel any more. */
  begun: boolean;
  /** Start state, or COMPLETE when only that was left to write. */
  failedStage: string | undefined;
  cause: StageCause | undefined;
  resumes: number;
  /** End states that a rerun of only the new stages leaves out, also when its failed stage is tried again. */
  leftOut: readonly string[];
  /** A probe found the learner again: the LMS has COMPLETE, and is to be forced out of it. */
  reopened: boolean;
  lastRefusal: string | undefined;
  /** Milliseconds since 1970 of the newest note in `responses`: no two notes have the same time. */
  notedAtMs: number;
  /** For those beyond the first of a flood. */
  readonly limitNotes: ReturnType<typeof createLimiter>;
  /** Lines about refusals that are not written yet. */
  refusalsToTell: number;
  /** Refusals beyond those that are written one by one, not told yet. */
  refusalsToSum: number;
  /** Work on messages that Temporal does not count as handlers. */
  pendingNotes: number;
  readonly resumeAsks: Ask<ResumeRequest>[];
  readonly cancelAsks: Ask<CancelRequest>[];
}

const SLOWED_NOTES_AT_ONCE = 20;

export function createRun(userId: number): Run {
  return {
    userId,
    phase: 'opening',
    state: PENDING,
    coolOffUntil: undefined,
    warnAt: undefined,
    dueAt: undefined,
    pipeline: [],
    retry: { initialMs: 1_000, maximumMs: 60_000 },
    stages: [],
    begun: false,
    failedStage: undefined,
    cause: undefined,
    resumes: 0,
    leftOut: [],
    reopened: false,
    lastRefusal: undefined,
    notedAtMs: 0,
    limitNotes: createLimiter(SLOWED_NOTES_AT_ONCE),
    refusalsToTell: 0,
    refusalsToSum: 0,
    pendingNotes: 0,
    resumeAsks: [],
    cancelAsks: [],
  };
}

export function takeDates(
  run: Run,
  { coolOffUntil, warnAt, dueAt }: Partial<Pick<Run, 'coolOffUntil' | 'warnAt' | 'dueAt'>>,
): void {
  run.coolOffUntil = coolOffUntil;
  run.warnAt = warnAt;
  run.dueAt = dueAt;
}

/** Takes a pipeline over; stages that were done before show as such. */
export function takePipeline(run: Run, pipeline: Pipeline, completedStages: readonly string[]): void {
  const known = new Map(run.stages.map((stage) => [stage.endState, stage]));
  const completed = new Set(completedStages);
  run.pipeline = pipeline;
  run.stages = pipeline.map(
    (stage) =>
      known.get(stage.endState) ?? {
        ...stage,
        progress: completed.has(stage.endState) ? 'already-done' : 'waiting',
      },
  );
}

type StageChange = { readonly [Key in keyof StageView]?: StageView[Key] | undefined };

export function updateStage(run: Run, stage: Stage, change: StageChange): void {
  run.stages = run.stages.map((view) => (view.endState === stage.endState ? changed(view, change) : view));
}

/** Marks the stage at which the run stands still. */
export function showFailed(run: Run): void {
  const stage = run.pipeline.find(({ startState }) => startState === run.failedStage);
  if (stage !== undefined) updateStage(run, stage, { progress: 'failed' });
}

function changed(view: StageView, change: StageChange): StageView {
  const fields = Object.entries({ ...view, ...change }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(fields) as unknown as StageView;
}

/** Answers every ask of a list and empties it. */
export function answerAsks(asks: Ask<unknown>[], answer: Answer): void {
  for (const ask of asks.splice(0)) ask.answer = answer;
}

export function answerAll(run: Run, answer: Answer): void {
  answerAsks(run.resumeAsks, answer);
  answerAsks(run.cancelAsks, answer);
}

export function statusOf(run: Run): RetirementStatusView {
  const running = run.stages.find((stage) => stage.progress === 'running')?.startState;
  return {
    userId: run.userId,
    state: run.state,
    phase: run.phase,
    stage: run.phase === 'errored' ? failedStageOf(run) : (running ?? null),
    coolOffUntil: run.coolOffUntil ?? null,
    dueAt: run.dueAt ?? null,
    deadline: deadlineOf(run).standing,
    stages: run.stages,
    cause: run.cause ?? null,
    resumableFrom: run.phase === 'errored' ? resumableStates(standingOf(run)) : [],
    resumes: run.resumes,
    lastRefusal: run.lastRefusal ?? null,
  };
}

/** How near the due date is now, and in how many milliseconds that changes; ahead as long as no date is known. */
export function deadlineOf({ warnAt, dueAt }: Run): {
  readonly standing: DeadlineStanding;
  readonly changesInMs?: number;
} {
  if (warnAt === undefined || dueAt === undefined) return { standing: 'ahead' };
  const nowMs = Date.now();
  const { standing, changesAtMs } = standingAt(nowMs, {
    warnAtMs: Date.parse(warnAt),
    dueAtMs: Date.parse(dueAt),
  });
  return { standing, ...(changesAtMs === undefined ? {} : { changesInMs: changesAtMs - nowMs }) };
}

function failedStageOf({ pipeline, failedStage }: Run): string | null {
  return pipeline.find((stage) => stage.startState === failedStage)?.startState ?? null;
}

const finished: readonly StageView['progress'][] = ['done', 'nothing-to-erase', 'already-done'];

/** End states that the learner has reached, in the order of the pipeline. */
export function completedStagesOf(run: Run): readonly string[] {
  return run.stages.filter(({ progress }) => finished.includes(progress)).map((stage) => stage.endState);
}

/** What decides where a resume may begin. */
export function standingOf(run: Run): {
  readonly pipeline: Pipeline;
  readonly failedStage: string | undefined;
  readonly completedStages: readonly string[];
} {
  return { pipeline: run.pipeline, failedStage: run.failedStage, completedStages: completedStagesOf(run) };
}
