import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { activityInfo, CompleteAsyncError } from '@temporalio/activity';
import type { ActivityInboundCallsInterceptor, WorkerInterceptors } from '@temporalio/worker';
import type { Logger } from 'pino';
import { isAbort } from '../activities/failures.ts';
import { connectionTrouble } from '../db/connection-trouble.ts';

/**
 * Lets only failures that the activities made on purpose reach Temporal. Any other error may quote a row, a request or an
 * answer: Temporal gets its name and code, and the log the same with where it was thrown, without its text.
 */
function createHideIdentity(log: Logger): ActivityInboundCallsInterceptor {
  return {
    async execute(input, next) {
      try {
        return await next(input);
      } catch (error) {
        if (error instanceof CancelledFailure || error instanceof CompleteAsyncError || isAbort(error))
          throw error;
        const { activityType, attempt, workflowExecution } = activityInfo();
        if (error instanceof ApplicationFailure) {
          const { workflowId } = workflowExecution ?? {};
          log.info({ activityType, attempt, workflowId, failure: error.message }, 'an activity failed');
          throw error;
        }
        const what = nameAndCode(error);
        const met = { activityType, attempt, workflowId: workflowExecution?.workflowId, error: what };
        // An outage is told once, by the readiness.
        if (connectionTrouble(error) === undefined) {
          log.error({ ...met, at: framesOf(error) }, 'an activity met an unexpected error');
        } else {
          log.info(met, 'an activity lost the database');
        }
        throw ApplicationFailure.retryable(`${activityType} met an unexpected error: ${what}`, 'Unexpected');
      }
    },
  };
}

/** The interceptors given, and within them the one that hides: what they see is what Temporal gets. */
export function withHiddenIdentity(
  log: Logger,
  { activity = [], ...others }: Pick<WorkerInterceptors, 'activity' | 'client'> = {},
): WorkerInterceptors {
  return { ...others, activity: [...activity, () => ({ inbound: createHideIdentity(log) })] };
}

/** What the database library says in these words, with nothing of a row in them. */
const fixedWords: ReadonlySet<string> = new Set([
  'Query read timeout',
  'timeout exceeded when trying to connect',
  'Connection terminated',
  'Connection terminated unexpectedly',
  'Connection terminated due to connection timeout',
]);

function nameAndCode(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const words = fixedWords.has(error.message) ? [`: ${error.message}`] : [];
  const named = ['code', 'constraint', 'table'].flatMap((key) => {
    const value: unknown = Object.getOwnPropertyDescriptor(error, key)?.value;
    return typeof value === 'string' && /^[A-Za-z0-9_]+$/.test(value) ? [` ${value}`] : [];
  });
  return [error.name, ...named, ...words].join('');
}

function framesOf(error: unknown): readonly string[] {
  if (!(error instanceof Error)) return [];
  return (error.stack ?? '')
    .split('\n')
    .filter((text) => /^\s+at /.test(text))
    .slice(0, 8)
    .map((text) => text.trim());
}
