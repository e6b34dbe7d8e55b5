import { activityInfo } from '@temporalio/activity';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import type { ActivityInboundCallsInterceptor } from '@temporalio/worker';
import { isAbort } from '../../activities/failures.ts';
import type { Metrics, StageOutcome } from './metrics.ts';

/** Says of every attempt of a stage how it ended and how long it took. Activities know nothing of it. */
export function createWatchActivities(metrics: Metrics): ActivityInboundCallsInterceptor {
  return {
    async execute(input, next) {
      const stage = stageOf(input.args[0]);
      const began = performance.now();
      const end = (outcome: StageOutcome): void => {
        if (stage === undefined) return;
        metrics.stageEnded({ ...stage, outcome, seconds: (performance.now() - began) / 1000 });
      };
      try {
        const result: unknown = await next(input);
        end(outcomeOf(result));
        return result;
      } catch (error) {
        end(failureOf(error));
        if (error instanceof ApplicationFailure && error.type === 'WikiBusy') {
          metrics.slotRefused(activityInfo().activityType);
        }
        throw error;
      }
    },
  };
}

/** Service and method, where the activity is a stage: stages have their names from the pipeline, `LMS.retirement_unenroll`. */
function stageOf(argument: unknown): { readonly service: string; readonly method: string } | undefined {
  const [service, method, ...rest] = activityInfo().activityType.split('.');
  if (service === undefined || method === undefined || rest.length > 0) return undefined;
  return typeof argument === 'object' && argument !== null && 'stage' in argument
    ? { service, method }
    : undefined;
}

const outcomes: ReadonlySet<string> = new Set<StageOutcome>([
  'done',
  'nothing-to-erase',
  'already-done',
  'gone',
  'elsewhere',
]);

function outcomeOf(result: unknown): StageOutcome {
  const kind = typeof result === 'object' && result !== null && 'kind' in result ? result.kind : undefined;
  return isOutcome(kind) ? kind : 'unexpected';
}

function isOutcome(kind: unknown): kind is StageOutcome {
  return typeof kind === 'string' && outcomes.has(kind);
}

function failureOf(error: unknown): StageOutcome {
  if (error instanceof CancelledFailure || isAbort(error)) return 'interrupted';
  if (!(error instanceof ApplicationFailure)) return 'unexpected';
  if (error.type === 'Unexpected') return 'unexpected';
  if (error.type !== 'StageWillRetry') return 'failed';
  // The words of StillWaiting, which spends nothing of the retry budget.
  return error.message.startsWith('waiting for ') ? 'waiting' : 'retried';
}
