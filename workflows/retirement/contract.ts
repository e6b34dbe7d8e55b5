import { defineSearchAttributeKey, SearchAttributeType, type SearchAttributePair } from '@temporalio/common';
import type { DeadlineStanding } from '../../domain/retirement/deadlines.ts';
import type { Stage } from '../../domain/retirement/pipeline.ts';

export { CANARY, CANARY_SCHEDULE_ID } from './canary-contract.ts';

export const RETIREMENT_TASK_QUEUE = 'retirement';

export const RETIRE_USER = 'retireUser';
export const COLLECT_RETIREMENTS = 'collectRetirements';
export const RERUN_RETIREMENTS = 'rerunRetirements';

export const PROBE_ERASURE = 'probeErasure';
export const PARTNER_REPORT = 'partnerReport';
export const ARCHIVE_RETIREMENTS = 'archiveRetirements';

export const COLLECT_SCHEDULE_ID = 'collect-retirements';
export const PARTNER_REPORT_SCHEDULE_ID = 'partner-report';
export const ARCHIVE_SCHEDULE_ID = 'archive-retirements';

export const RESUME = 'resume';
export const CANCEL = 'cancel';
export const STATUS = 'status';

/** Search attributes of the product and their types, as `setup` registers them. */
export const searchAttributes = {
  RetirementState: 'KEYWORD',
  RetirementStage: 'KEYWORD',
  RetirementDueAt: 'DATETIME',
  RetirementDeadline: 'KEYWORD',
  CourseId: 'INT',
  CoursePhase: 'KEYWORD',
} as const;

const WORKFLOW_ID_PREFIX = 'retirement-';

/** One learner, one open workflow: Temporal refuses a second one under the same id. */
export function retirementWorkflowId(userId: number): string {
  return `${WORKFLOW_ID_PREFIX}${userId}`;
}

/** The LMS user id in a workflow id, or undefined when it is not one of ours. */
export function userIdOf(workflowId: string): number | undefined {
  const digits = /^retirement-(\d{1,15})$/.exec(workflowId)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** What `retireUser` is started with. No identity: people are found in PostgreSQL by their LMS user id. */
export interface RetireUserInput {
  readonly userId: number;
  /** How the LMS showed the learner to whoever starts this; absent = ask the LMS. */
  readonly found?: FoundState;
  /** Set for a COMPLETE learner who goes through the pipeline again. */
  readonly rerun?: RerunKind;
  /** Set when a parked run continues as new. */
  readonly parked?: ParkedRun;
}

/** What the list of workflows shows of one that has just been started. */
export interface ShownState {
  readonly state: string;
  readonly dueAt: Date;
}

/** Search attributes of a `retireUser` that others than the run itself read or write. */
export const stateKey = defineSearchAttributeKey('RetirementState', SearchAttributeType.KEYWORD);
export const dueKey = defineSearchAttributeKey('RetirementDueAt', SearchAttributeType.DATETIME);

/** How everybody starts a `retireUser`: its id, argument, search attributes and the summary that the UI shows. */
export function retirementStart(
  input: RetireUserInput,
  shown: ShownState,
): {
  readonly workflowId: string;
  readonly args: [RetireUserInput];
  readonly typedSearchAttributes: SearchAttributePair[];
  readonly staticSummary: string;
} {
  return {
    workflowId: retirementWorkflowId(input.userId),
    args: [input],
    typedSearchAttributes: [
      { key: stateKey, value: shown.state },
      { key: dueKey, value: shown.dueAt },
    ],
    staticSummary: `Retirement of LMS user ${input.userId}`,
  };
}

export interface FoundState {
  readonly state: string;
  readonly lastState: string;
}

export type RerunKind = 'all' | 'only-new';

export interface ParkedRun {
  readonly failedStage?: string;
  readonly cause: StageCause;
  /** The LMS and PostgreSQL have taken the ERRORED state. */
  readonly recorded: boolean;
  readonly resumes: number;
  /** End states that a rerun of only the new stages leaves out. */
  readonly leftOut?: readonly string[];
  /** A probe found the learner again after COMPLETE, which the LMS has to be forced out of. */
  readonly reopened?: boolean;
}

/** A later look at an erasure, by the receipt that tells of it. */
export interface ProbeErasureInput {
  readonly userId: number;
  /** Sequence of the erasure's receipt. */
  readonly receipt: number;
  /** How long to wait before looking. */
  readonly afterMs: number;
}

/** What a later look at an erasure found. */
export type ProbeErasureResult =
  | { readonly kind: 'probed'; readonly results: readonly StageProbe[] }
  /** `came-back`: the retirement is open again, ERRORED at the first stage that did. */
  | { readonly kind: 'came-back'; readonly results: readonly StageProbe[]; readonly stage: string }
  /** The retirement went on or ended otherwise since; there is nothing to look at. */
  | { readonly kind: 'superseded'; readonly reason: string };

export interface StageProbe {
  /** Start state. */
  readonly stage: string;
  readonly result: 'gone' | 'still-there' | 'came-back' | 'unknown';
}

/** One look an erasure: the receipt is part of it, so that another erasure of the same person has a look of its own. */
export function probeWorkflowId({ userId, receipt }: Omit<ProbeErasureInput, 'afterMs'>): string {
  return `${retirementWorkflowId(userId)}/probe-${receipt}`;
}

export interface RetireUserResult {
  readonly userId: number;
  readonly outcome: 'COMPLETE' | 'ABORTED';
  readonly reason: string;
  readonly completedStages: readonly string[];
}

/** `resume`'s argument: a state name alone means `{ state }`. */
export type ResumeMessage = string | ResumeRequest;

export interface ResumeRequest {
  readonly state: string;
  readonly by?: string;
  readonly reason?: string;
  /** Leave out the stages between the failed one and `state`. */
  readonly skip?: boolean;
}

/** `cancel`'s argument; may be absent. */
export interface CancelRequest {
  readonly by?: string;
  readonly reason?: string;
}

/** What an accepted update answers. */
export interface MessageAnswer {
  readonly message: string;
}

/** Why a stage failed, without any identity: safe in Temporal and in a log. */
export interface StageCause {
  /** Start state of the stage; absent when only COMPLETE was left to write, or nobody knows. */
  readonly stage?: string;
  /** `LMS.retirement_unenroll` */
  readonly activity?: string;
  /** `POST /api/…/{username}/… answered 500` */
  readonly what: string;
  readonly status?: number;
  readonly attempts?: number;
}

export type RetirementPhase =
  'opening' | 'cooling-off' | 'cancelling' | 'running' | 'resuming' | 'errored' | 'closed';

export type StageProgress =
  'waiting' | 'running' | 'done' | 'nothing-to-erase' | 'already-done' | 'skipped' | 'failed';

export interface StageView extends Stage {
  readonly progress: StageProgress;
  readonly startedAt?: string;
  readonly endedAt?: string;
}

/** Answer of the `status` query. Instants are ISO 8601. */
export interface RetirementStatusView {
  readonly userId: number;
  readonly state: string;
  readonly phase: RetirementPhase;
  /** Start state of the stage that runs or failed. */
  readonly stage: string | null;
  readonly coolOffUntil: string | null;
  readonly dueAt: string | null;
  readonly deadline: DeadlineStanding;
  readonly stages: readonly StageView[];
  readonly cause: StageCause | null;
  /** States that `resume` accepts without `skip`; empty unless ERRORED. */
  readonly resumableFrom: readonly string[];
  readonly resumes: number;
  readonly lastRefusal: string | null;
}

/** What `collectRetirements` did. */
export interface CollectResult {
  /** Learners whom the LMS listed, each counted once. */
  readonly listed: number;
  readonly started: number;
  /** Had a workflow already. */
  readonly running: number;
  /** Left for the next collection by `max_user_batch_size`. */
  readonly left: number;
}

/** The id of a report that somebody asks for by hand; whoever asks meanwhile joins it. */
export const PARTNER_REPORT_WORKFLOW_ID = 'partner-report';

/** What `partnerReport` did. Counts and ids only. */
export interface PartnerReportResult {
  /** Database ids of what was delivered and cleaned up, for whoever wants the names of the files. */
  readonly batches: readonly number[];
  readonly learners: number;
  readonly files: number;
  /** Learners whose rows the LMS had forgotten before it was told to. */
  readonly missing: number;
  /** Learners of the LMS's answer that have no id or no name: they stay "being processed" there. */
  readonly unreadable: number;
  /** Requests whose answer never came. */
  readonly lost: number;
  /** Learners of lost answers whose rows were put together again. */
  readonly recovered: number;
  /** Learners of lost answers who cannot be reported: nobody knows their organisations. */
  readonly left: number;
  /** The first of them. */
  readonly leftUserIds: readonly number[];
  /** Old reports that were deleted. */
  readonly deleted: number;
}

/** Answer of the `status` query of `partnerReport`. */
export interface PartnerReportStatus {
  readonly step: 'checking' | 'asking' | 'delivering' | 'cleaning-up' | 'done';
  readonly result: PartnerReportResult | null;
}

export const MAX_RERUN_USERS = 500;

export interface RerunInput {
  /** Absent, and `userIds` too = every COMPLETE learner. */
  readonly userId?: number;
  /** Several at once, so that the LMS's list is asked for once for all of them; at most {@link MAX_RERUN_USERS}. */
  readonly userIds?: readonly number[];
  readonly kind: RerunKind;
}

export interface RerunResult {
  readonly complete: number;
  readonly started: number;
  /** Had nothing new to run, or were running already. */
  readonly unchanged: number;
}

/** Takes somebody out of the statistics who was linked when the retirement was past that stage already. */
export const ERASE_COURSE_USER = 'eraseCourseUser';

export interface EraseCourseUserInput {
  readonly userId: number;
}

export interface EraseCourseUserResult {
  readonly outcome: 'erased' | 'nothing-to-erase';
  /** `2 courses were left and rebuilt by …` */
  readonly text: string;
}

/** One of a learner at a time: whoever asks meanwhile waits for the same. */
export function eraseCourseUserId({ userId }: EraseCourseUserInput): string {
  return `erase-course-user-${userId}`;
}
