import { cancellationSignal } from '@temporalio/activity';
import type { Stage } from '../../domain/retirement/pipeline.ts';
import { ServiceFailure } from '../../platform/failure.ts';
import { LMS } from '../../platform/lms/client.ts';
import { permanent } from '../failures.ts';
import { beating } from '../heartbeat.ts';
import type { RetirementDependencies } from './dependencies.ts';
import type { Platform } from './platform.ts';
import { findRetirement, type StoredRetirement } from './store.ts';

/** The learner's row, and the platform that is talked to about them. Throws `UnknownLearner`. */
export async function prepare(
  { database, platform }: RetirementDependencies,
  userId: number,
): Promise<{
  readonly learner: StoredRetirement;
  readonly platform: Platform;
}> {
  const learner = await findRetirement(database, userId);
  if (learner === undefined)
    throw permanent('UnknownLearner', `no row for LMS user ${userId} in user_retirement_status`);
  return { learner, platform: await platform.lastValid() };
}

/** Runs requests to the LMS with heartbeats; a failure of the LMS's goes through `translate`, which throws. */
export async function talking<Result>(
  work: (signal: AbortSignal) => Promise<Result>,
  translate: (failure: ServiceFailure) => Promise<Result>,
): Promise<Result> {
  try {
    return await beating(() => work(cancellationSignal()));
  } catch (error) {
    if (!(error instanceof ServiceFailure)) throw error;
    return await translate(error);
  }
}

/** A move of the LMS that belongs to no row of the pipeline fails by the same rules as a stage. */
export function moveTo(state: string): Stage {
  return { startState: state, endState: state, service: LMS, method: 'update_retirement_status' };
}
