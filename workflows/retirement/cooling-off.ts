import { ActivityFailure, rootCause } from '@temporalio/workflow';
import { ABORTED, PENDING } from '../../domain/retirement/states.ts';
import type { CancelRequest } from './contract.ts';
import { showDetails } from './details.ts';
import { patient, quickly } from './effects.ts';
import { answerAsks, takeDates, takePipeline, type Next, type Run } from './run.ts';
import { showState, waitShowingDeadline } from './visibility.ts';

/**
 * Holds a PENDING learner until the cooling-off is over, obeying a cancel meanwhile. From the moment it returns stages,
 * no cancel is taken: between the last look at the cancels and the scheduling of stage 1 nothing is awaited.
 */
export async function coolOff(run: Run): Promise<Next> {
  run.phase = 'cooling-off';
  showDetails(run);
  for (;;) {
    const waited = run.begun ? false : await waitOut(run);
    const ask = run.cancelAsks[0];
    if (ask !== undefined) {
      const cancelled = await cancel(run, ask.request);
      if (cancelled !== undefined) return cancelled;
      continue;
    }
    if (!waited) break;
    await refresh(run);
  }
  run.phase = 'running';
  run.begun = true;
  return { kind: 'stages', stages: run.pipeline, confirm: true };
}

/** False when there was nothing to wait for. */
async function waitOut(run: Run): Promise<boolean> {
  const remainingMs = Date.parse(run.coolOffUntil ?? '') - Date.now();
  if (run.cancelAsks.length > 0 || !(remainingMs > 0)) return false;
  showState(run);
  await waitShowingDeadline(run, () => run.cancelAsks.length > 0, {
    timeoutMs: remainingMs,
    summary: 'cooling off',
  });
  return true;
}

/** The file may have changed in the days of waiting: the pipeline that runs is the one of now. */
async function refresh(run: Run): Promise<void> {
  const opened = await quickly('openRetirement', {
    userId: run.userId,
    found: { state: PENDING, lastState: PENDING },
    at: new Date().toISOString(),
  });
  takeDates(run, opened);
  run.retry = opened.retry;
  takePipeline(run, opened.pipeline, []);
}

async function cancel(run: Run, request: CancelRequest): Promise<Next | undefined> {
  run.phase = 'cancelling';
  showDetails(run);
  const refusal = await cancelInLms(run, request);
  if (refusal === undefined) {
    const message =
      'cancelled: the learner has the e-mail address back, and must reset the password before logging in again';
    run.state = ABORTED;
    answerAsks(run.cancelAsks, { kind: 'accepted', message });
    return { kind: 'end', outcome: ABORTED, reason: message };
  }
  run.phase = 'cooling-off';
  answerAsks(run.cancelAsks, { kind: 'refused', reason: refusal });
  showDetails(run);
  return undefined;
}

async function cancelInLms(run: Run, request: CancelRequest): Promise<string | undefined> {
  try {
    const result = await patient.cancelRetirement({ ...request, userId: run.userId });
    return result.kind === 'cancelled' ? undefined : result.reason;
  } catch (error) {
    if (error instanceof ActivityFailure) return rootCause(error) ?? 'the LMS could not be asked';
    throw error;
  }
}
