import type { Pipeline } from '../../domain/retirement/pipeline.ts';
import { stateBefore } from '../../domain/retirement/pipeline.ts';
import { indexToRetry, type BulkMove } from '../../domain/retirement/bulk.ts';
import { decideResume } from '../../domain/retirement/resume.ts';
import { COMPLETE } from '../../domain/retirement/states.ts';
import { failureOf, hasBegun, type BulkLearner } from './bulk-learners.ts';

/** What a move would do to one learner, in words; `possible` is false when it would be refused. */
export interface Forecast {
  readonly possible: boolean;
  readonly text: string;
}

/** Says what `move` would do, by our row and the LMS alone: the learner's workflow, which decides in the end, is not asked. */
export function forecast(pipeline: Pipeline, learner: BulkLearner, move: BulkMove): Forecast {
  switch (move.kind) {
    case 'resume':
      return forecastResume(pipeline, learner, move.from);
    case 'retry': {
      const index = indexToRetry(pipeline, failureOf(learner));
      return index === undefined
        ? impossible(UNKNOWN_FAILURE)
        : forecastResume(pipeline, learner, stateBefore(pipeline, index));
    }
    case 'cancel':
      return hasBegun(learner)
        ? impossible('a stage of the retirement has begun, and what is erased cannot be given back')
        : possible('would be cancelled');
    case 'rerun':
      return learner.status === undefined
        ? impossible(CLEANED_UP)
        : possible(`would go through all ${pipeline.length} stages again`);
    default:
      return move satisfies never;
  }
}

export const UNKNOWN_FAILURE =
  'nobody knows in which stage of the pipeline it failed: say --new-state with the state to go on from';

export const CLEANED_UP =
  'the LMS has no COMPLETE row of the learner any more, and a rerun would find nobody: nothing is left to do';

function forecastResume(pipeline: Pipeline, learner: BulkLearner, from: string): Forecast {
  const index = indexToRetry(pipeline, failureOf(learner));
  const failedStage = index === undefined ? undefined : (pipeline[index]?.startState ?? COMPLETE);
  const decision = decideResume({
    pipeline,
    failedStage,
    completedStages: learner.row?.completedStages ?? [],
    from,
    skip: false,
  });
  if (decision.kind === 'refused') return impossible(decision.reason);
  const first = pipeline[decision.index]?.startState ?? COMPLETE;
  return possible(`would be resumed from ${decision.state}, beginning with ${first}`);
}

function possible(text: string): Forecast {
  return { possible: true, text };
}

function impossible(text: string): Forecast {
  return { possible: false, text };
}
