import { stageName, type Pipeline, type Stage } from '../../domain/retirement/pipeline.ts';
import { ServiceFailure, type FailedExchange } from '../../platform/failure.ts';
import type { Probe, ServiceCall } from '../../platform/learner.ts';
import { retryLater } from '../failures.ts';
import { nextAttemptFits, type EarlierAttempts } from './failing.ts';
import type { Platform } from './platform.ts';
import type { StoredRetirement } from './store.ts';

/** What a stage's service said when it was asked whether it still knows the learner. */
export interface Probed {
  readonly stage: Stage;
  readonly result: 'gone' | 'still-there' | 'unknown';
}

/** The stages that the learner has completed and whose services declare how to ask them. */
export function stagesToProbe(platform: Platform, learner: StoredRetirement): Pipeline {
  return platform.configuration.pipeline.filter(
    (stage) => platform.probeFor(stage) !== undefined && learner.completedStages.includes(stage.endState),
  );
}

/** For one service, whatever it is asked on the way: token, id, the probe itself. */
const LONGEST_MS = 15_000;

/**
 * Asks every service that can be asked, all at once. One that gives no answer is asked again within the retry budget; then,
 * or when its answer does not tell, the result is `unknown`: a probe never fails an erasure.
 */
export async function probeStages(
  platform: Platform,
  learner: StoredRetirement,
  { signal, earlier }: { readonly signal: AbortSignal; readonly earlier?: EarlierAttempts | undefined },
): Promise<readonly Probed[]> {
  return Promise.all(
    stagesToProbe(platform, learner).map(async (stage) => {
      const limit = AbortSignal.timeout(LONGEST_MS);
      try {
        const result = await ask(platform, stage, { learner, signal: AbortSignal.any([signal, limit]) });
        return { stage, result };
      } catch (error) {
        // A service that hangs has been waited for long enough: it is not asked again.
        if (limit.aborted && !signal.aborted) return { stage, result: 'unknown' as const };
        if (!(error instanceof ServiceFailure)) throw error;
        retryIfItMayHelp(platform, stage, error.exchange, earlier);
        return { stage, result: 'unknown' as const };
      }
    }),
  );
}

async function ask(
  platform: Platform,
  stage: Stage,
  { learner, signal }: ServiceCall,
): Promise<Awaited<ReturnType<Probe>>> {
  const probe = platform.probeFor(stage);
  if (probe === undefined) throw new Error(`${stageName(stage)} has no probe`);
  const findSegmentId = platform.segmentIdFor(stage.service);
  if (findSegmentId === undefined) return probe({ learner, signal });
  const ecommerceSegmentId = await findSegmentId({ username: learner.originalUsername, signal });
  return probe({ learner: { ...learner, ecommerceSegmentId }, signal });
}

function retryIfItMayHelp(
  { configuration }: Platform,
  stage: Stage,
  { transient, retryAfterMs, verb, route, what }: FailedExchange,
  earlier: EarlierAttempts | undefined,
): void {
  if (!transient || !nextAttemptFits(configuration.registrar, earlier, retryAfterMs)) return;
  throw retryLater('ServiceUnavailable', `${stageName(stage)}: ${verb} ${route} ${what}`, retryAfterMs);
}
