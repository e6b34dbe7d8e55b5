import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { activityInfo, CompleteAsyncError } from '@temporalio/activity';
import type { ActivityInboundCallsInterceptor } from '@temporalio/worker';
import type { Logger } from 'pino';

/**
 * Lets only failures that the activities made on purpose reach Temporal. Any other error may quote a row, a request or an
 * answer: Temporal gets its name and code, and the log the same with where it was thrown, without its text.
 */
export function createHideIdentity(log: Logger): ActivityInboundCallsInterceptor {
  return {
    async execute(input, next) {
      try {
        return await next(input);
      } catch (error) {
        if (error instanceof ApplicationFailure || error instanceof CancelledFailure) throw error;
        if (error instanceof CompleteAsyncError || isAbort(error)) throw error;
        const { activityType, attempt, workflowExecution } = activityInfo();
        const what = nameAndCode(error);
        log.error(
          {
            activityType,
            attempt,
            workflowId: workflowExecution?.workflowId,
            error: what,
            at: framesOf(error),
          },
          'an activity met an unexpected error',
        );
        throw ApplicationFailure.retryable(`${activityType} met an unexpected error: ${what}`, 'Unexpected');
      }
    },
  };
}

/** Aborted by our own signal: Temporal decides by the activity's state what that means. */
function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}

function nameAndCode(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const code =
    'code' in error && typeof error.code === 'string' && /^[A-Z0-9_]+$/.test(error.code)
      ? ` ${error.code}`
      : '';
  return error.name + code;
}

function framesOf(error: unknown): readonly string[] {
  if (!(error instanceof Error)) return [];
  return (error.stack ?? '')
    .split('\n')
    .filter((text) => /^\s+at /.test(text))
    .slice(0, 8)
    .map((text) => text.trim());
}
