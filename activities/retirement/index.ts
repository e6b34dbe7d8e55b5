import type { Pipeline } from '../../domain/retirement/pipeline.ts';
import { createArchiveActivities } from './archive/index.ts';
import { createCanaryActivities } from './canary/index.ts';
import { createComplete } from './completing.ts';
import { createCollect, createStartReruns } from './collecting.ts';
import { createEraseCourseUser } from './course-erasure/erasing-late.ts';
import type { RetirementDependencies } from './dependencies.ts';
import { translating } from './failing.ts';
import { createAddNote, createCancel, createMoveBack, createRecordErrored } from './moving.ts';
import { createPartnerReportActivities } from './partner-report/index.ts';
import { createProbeAgain } from './probing-again.ts';
import { createOpenRetirement, createRecordState, type RetryTiming } from './opening.ts';
import { createRunStage } from './stages.ts';

export type RetirementActivities = ReturnType<typeof createRetirementActivities>;

/** All effects of the retirement workflows. Each is safe to run twice; the doc comment of each says why. */
// eslint-disable-next-line @typescript-eslint/explicit-module-boundary-types -- the workflows take its type from here
export function createRetirementActivities(dependencies: RetirementDependencies) {
  return {
    openRetirement: createOpenRetirement(dependencies),
    readPipeline: createReadPipeline(dependencies),
    moveBack: createMoveBack(dependencies),
    recordErrored: createRecordErrored(dependencies),
    recordState: createRecordState(dependencies),
    completeRetirement: createComplete(dependencies),
    cancelRetirement: createCancel(dependencies),
    probeAgain: createProbeAgain(dependencies),
    addNote: createAddNote(dependencies),
    collect: createCollect(dependencies),
    startReruns: createStartReruns(dependencies),
    eraseCourseUser: createEraseCourseUser(dependencies),
    ...createArchiveActivities(dependencies),
    ...createPartnerReportActivities(dependencies),
    ...createCanaryActivities(dependencies),
    // Takes every activity type that is not above: stages are named after the pipeline row, `LMS.retirement_unenroll`.
    default: createRunStage(dependencies),
  };
}

/** The pipeline as the file and the LMS have it now. Throws `ConfigurationInvalid`. */
function createReadPipeline({ platform, lmsStates }: RetirementDependencies): () => Promise<ReadPipeline> {
  return async () => {
    const current = await platform.current();
    await translating(() => lmsStates.check(current));
    const { pipeline, registrar } = current.configuration;
    return { pipeline, retry: { initialMs: registrar.retryInitialMs, maximumMs: registrar.retryMaximumMs } };
  };
}

export interface ReadPipeline {
  readonly pipeline: Pipeline;
  readonly retry: RetryTiming;
}
