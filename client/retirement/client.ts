import type { RetirementFilter } from '../../activities/retirement/store.ts';
import type {
  CollectResult,
  RerunKind,
  RerunResult,
  ResumeRequest,
} from '../../workflows/retirement/contract.ts';
import { changeStatusInBulk, type BulkOutcome, type BulkRequest } from './bulk-status.ts';
import { cancelRetirement, type Cancelled } from './cancel.ts';
import type { RetirementContext } from './context.ts';
import { planResume, type ResumePlan } from './plan.ts';
import { resumeAllErrored, resumeRetirement, type Resumed, type ResumeOutcome } from './resume.ts';
import { reportToPartners, type PartnerReport } from './report.ts';
import { collectNow, rerunRetirements } from './runs.ts';
import { listSummaries, showRetirement, type RetirementDetails, type RetirementSummary } from './show.ts';
import { startRetirement, type Started } from './start.ts';

/**
 * Retirements for scripts: what the command line does, as functions. `who` is an LMS user id, a username, an e-mail
 * address or a workflow id. Everything throws an `OperationError` or what the systems below threw;
 * `toOperationError` puts the latter into words.
 */
export interface RetirementClient {
  list(filter?: RetirementFilter): Promise<readonly RetirementSummary[]>;
  show(who: string, options?: { readonly uiUrl?: string | undefined }): Promise<RetirementDetails>;
  start(username: string): Promise<Started>;
  resume(who: string, request: Omit<ResumeRequest, 'by'>): Promise<Resumed>;
  /** `watch` hears how many learners there are, and its answer is called after each of them. */
  resumeAllErrored(
    asked: { readonly stage: string; readonly reason?: string },
    watch?: (total: number) => () => void,
  ): Promise<readonly ResumeOutcome[]>;
  plan(who: string, from: string): Promise<ResumePlan>;
  cancel(email: string): Promise<Cancelled>;
  rerun(asked: { readonly who?: string | undefined; readonly kind: RerunKind }): Promise<RerunResult>;
  collect(): Promise<CollectResult>;
  report(): Promise<PartnerReport>;
  /** `watch` as with `resumeAllErrored`. */
  bulkStatus(asked: BulkRequest, watch?: (total: number) => () => void): Promise<readonly BulkOutcome[]>;
}

export function createRetirementClient(context: RetirementContext): RetirementClient {
  return {
    list: (filter = {}) => listSummaries(context, filter, new Date()),
    show: (who, options) => showRetirement(context, who, { now: new Date(), uiUrl: options?.uiUrl }),
    start: (username) => startRetirement(context, username),
    resume: (who, request) => resumeRetirement(context, who, request),
    resumeAllErrored: (asked, watch = () => () => undefined) => resumeAllErrored(context, asked, watch),
    plan: (who, from) => planResume(context, who, from),
    cancel: (email) => cancelRetirement(context, email),
    rerun: (asked) => rerunRetirements(context, asked),
    collect: () => collectNow(context),
    report: () => reportToPartners(context),
    bulkStatus: (asked, watch = () => () => undefined) => changeStatusInBulk(context, asked, watch),
  };
}
