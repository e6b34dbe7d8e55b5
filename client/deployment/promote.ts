import { setTimeout as delay } from 'node:timers/promises';
import { isGrpcServiceError } from '@temporalio/client';
import { refused } from '../operation-error.ts';
import type { TemporalAccess } from '../temporal.ts';
import { viewDeployment, type BuildId, type DeploymentView } from './deployment.ts';
import { listPolled, places, placesText, placesWithout } from './pollers.ts';

export interface PromoteOptions {
  readonly deployment: string;
  /** Null: the workers without versioning. */
  readonly buildId: BuildId;
  /** How long its workers are waited for. */
  readonly waitMs: number;
  /** Told again and again how many of how many task queues are polled, and which are not. */
  readonly watch?: (polled: number, all: number, missing: string) => void;
}

export interface Promoted {
  readonly deployment: string;
  readonly before: BuildId;
  readonly current: BuildId;
  readonly changed: boolean;
}

const LOOK_AGAIN_MS = 500;

/**
 * Makes a build the one that gets new runs, and those of other builds at their next step, once its workers poll every task
 * queue that is in use. Refuses one whose workers do not within `waitMs`: work for it would lie about. Safe to repeat; rolling
 * back is the same with the former build, as long as its workers run.
 */
export async function promote(temporal: TemporalAccess, options: PromoteOptions): Promise<Promoted> {
  const { deployment, buildId } = options;
  await awaitPollers(temporal, options);
  const { current: before } = await viewDeployment(temporal, deployment);
  if (before !== buildId) await setCurrent(temporal, options);
  return { deployment, before, current: buildId, changed: before !== buildId };
}

async function awaitPollers(
  temporal: TemporalAccess,
  { deployment, buildId, waitMs, watch }: PromoteOptions,
): Promise<void> {
  const build = buildId === null ? undefined : { deployment, buildId };
  const deadline = Date.now() + waitMs;
  for (;;) {
    const missing = placesWithout(await listPolled(temporal), build);
    watch?.(places.length - missing.length, places.length, missing[0] ?? '');
    if (missing.length === 0) return;
    if (Date.now() >= deadline) throw refused(nobodyPolls(workersOf(deployment, buildId), missing));
    await delay(LOOK_AGAIN_MS);
  }
}

function workersOf(deployment: string, buildId: BuildId): string {
  return buildId === null ? 'worker without versioning' : `worker of build ${buildId} of ${deployment}`;
}

function nobodyPolls(who: string, missing: readonly string[]): string {
  return `no ${who} polls ${placesText(missing)}: start them (TEMPORAL_DEPLOYMENT_NAME and TEMPORAL_WORKER_BUILD_ID name a worker's build), or wait longer with --wait`;
}

/** Temporal learns of a build's task queues a moment after it sees their pollers. */
const TAKES_IT_WITHIN_MS = 30_000;
const NOT_FOUND = 5;
const FAILED_PRECONDITION = 9;

async function setCurrent(
  { connection, namespace, client }: TemporalAccess,
  { deployment, buildId }: PromoteOptions,
): Promise<void> {
  const deadline = Date.now() + TAKES_IT_WITHIN_MS;
  for (;;) {
    try {
      await connection.workflowService.setWorkerDeploymentCurrentVersion({
        namespace,
        deploymentName: deployment,
        buildId: buildId ?? '',
        identity: client.options.identity,
      });
      return;
    } catch (error) {
      if (!isGrpcServiceError(error)) throw error;
      const mayPass = [NOT_FOUND, FAILED_PRECONDITION].includes(Number(error.code));
      if (!mayPass || Date.now() >= deadline) throw error;
      await delay(LOOK_AGAIN_MS);
    }
  }
}

/** The build that was current before the present one; undefined when Temporal knows of none. */
export function formerBuild({ current, builds }: DeploymentView): BuildId | undefined {
  const former = builds
    .filter(({ buildId, lastCurrentAt }) => buildId !== current && lastCurrentAt !== null)
    .toSorted((one, other) => String(other.lastCurrentAt).localeCompare(String(one.lastCurrentAt)));
  const [last] = former;
  if (last !== undefined) return last.buildId;
  return builds.some(({ buildId }) => buildId === null) && current !== null ? null : undefined;
}
