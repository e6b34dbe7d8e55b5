import { isGrpcServiceError } from '@temporalio/client';
import type { TemporalAccess } from '../temporal.ts';
import { listPolled, places, placesWithout, type PolledPlace } from './pollers.ts';

/** Null stands for the workers without versioning. */
export type BuildId = string | null;

export interface BuildView {
  readonly buildId: BuildId;
  /** `current`: new runs begin here, and waiting ones move here. `draining`: nothing new; `drained`: nothing old either. */
  readonly status: 'current' | 'ramping' | 'inactive' | 'draining' | 'drained';
  /** Until when it was, or since when it is, current; ISO 8601. Null when it never was. */
  readonly lastCurrentAt: string | null;
  /** Task queues in use that no worker of the build polls, by kind of task; empty: all are served. */
  readonly unpolled: readonly string[];
}

/** The builds of one worker deployment, in Temporal's words. */
export interface DeploymentView {
  readonly deployment: string;
  readonly current: BuildId;
  /** The newest first; workers without versioning last, when there are some. */
  readonly builds: readonly BuildView[];
}

/** Temporal's numbers. */
const statuses: Readonly<Record<number, BuildView['status']>> = {
  1: 'inactive',
  2: 'current',
  3: 'ramping',
  4: 'draining',
  5: 'drained',
};

const NOT_FOUND = 5;

/** What Temporal knows of the deployment. One that no worker has named yet has no builds, and unversioned workers are current. `polledNow` spares asking who polls. */
export async function viewDeployment(
  temporal: TemporalAccess,
  deployment: string,
  polledNow?: readonly PolledPlace[],
): Promise<DeploymentView> {
  const { connection, namespace } = temporal;
  const [polled, info] = await Promise.all([
    polledNow ?? listPolled(temporal),
    connection.workflowService
      .describeWorkerDeployment({ namespace, deploymentName: deployment })
      .then(({ workerDeploymentInfo }) => workerDeploymentInfo)
      .catch((error: unknown) => {
        if (isGrpcServiceError(error) && Number(error.code) === NOT_FOUND) return undefined;
        throw error;
      }),
  ]);
  const current = info?.routingConfig?.currentDeploymentVersion?.buildId || null;
  const versions = (info?.versionSummaries ?? []).map((summary) => {
    const buildId = summary.deploymentVersion?.buildId ?? '';
    return {
      buildId,
      createdAtMs: toMs(summary.createTime) ?? 0,
      status: statuses[Number(summary.status)] ?? 'inactive',
      lastCurrentAt: toIso(summary.lastDeactivationTime ?? summary.currentSinceTime),
      unpolled: placesWithout(polled, { deployment, buildId }),
    };
  });
  const newestFirst = versions.toSorted((one, other) => other.createdAtMs - one.createdAtMs);
  const unversioned = placesWithout(polled, undefined);
  return {
    deployment,
    current,
    builds: [
      ...newestFirst.map(({ buildId, status, lastCurrentAt, unpolled }) => ({
        buildId,
        status,
        lastCurrentAt,
        unpolled,
      })),
      ...(unversioned.length === places.length && current !== null
        ? []
        : [
            {
              buildId: null,
              status: current === null ? ('current' as const) : ('inactive' as const),
              lastCurrentAt: null,
              unpolled: unversioned,
            },
          ]),
    ],
  };
}

interface Timestamp {
  readonly seconds?: unknown;
}

function toMs(time: Timestamp | null | undefined): number | undefined {
  return time?.seconds == null ? undefined : Number(time.seconds) * 1000;
}

function toIso(time: Timestamp | null | undefined): string | null {
  const ms = toMs(time);
  return ms === undefined ? null : new Date(ms).toISOString();
}
