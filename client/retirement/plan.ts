import { decideResume, planStages, type PlannedStage } from '../../domain/retirement/resume.ts';
import { ERRORED } from '../../domain/retirement/states.ts';
import { refused } from '../operation-error.ts';
import type { RetirementContext } from './context.ts';
import { failedStageOf } from './resume.ts';
import { oneWho } from './who.ts';

export interface ResumePlan {
  readonly userId: number;
  readonly state: string;
  /** The state that the LMS would be moved back to. */
  readonly from: string;
  readonly stages: readonly PlannedStage[];
  /** False while the retirement is not ERRORED: a resume would be refused. */
  readonly resumable: boolean;
  /** Stages would be left out, so that the resume needs `--skip`. */
  readonly needsSkip: boolean;
}

/** What a resume from `from` would do with every stage. Changes nothing; throws when the state could never be resumed from. */
export async function planResume(context: RetirementContext, who: string, from: string): Promise<ResumePlan> {
  const row = await oneWho(context.database, who);
  const { pipeline } = await context.configuration();
  const decision = decideResume({
    pipeline,
    failedStage: failedStageOf(row, pipeline),
    completedStages: row.completedStages,
    from,
    skip: true,
  });
  if (decision.kind === 'refused') throw refused(decision.reason);
  return {
    userId: row.userId,
    state: row.currentState,
    from: decision.state,
    stages: planStages(pipeline, decision.index, row.completedStages),
    resumable: row.currentState === ERRORED,
    needsSkip: decision.skipped.length > 0,
  };
}
