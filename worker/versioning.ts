import type { WorkerDeploymentOptions } from '@temporalio/worker';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The version that this process is of, for Temporal's worker versioning: `TEMPORAL_DEPLOYMENT_NAME` and `TEMPORAL_WORKER_BUILD_ID`,
 * as Temporal's own controller for Kubernetes sets them. Undefined when neither is set. Throws an Error of one line when one is missing.
 */
export function readWorkerVersion(env: Environment): WorkerDeploymentOptions | undefined {
  const deploymentName = env['TEMPORAL_DEPLOYMENT_NAME'] ?? '';
  const buildId = env['TEMPORAL_WORKER_BUILD_ID'] ?? '';
  if (deploymentName === '' && buildId === '') return undefined;
  if (deploymentName === '' || buildId === '') {
    const missing = buildId === '' ? 'TEMPORAL_WORKER_BUILD_ID' : 'TEMPORAL_DEPLOYMENT_NAME';
    throw new Error(`${missing} is not set: worker versioning needs both, or unset the other one too`);
  }
  return {
    version: { deploymentName, buildId },
    useWorkerVersioning: true,
    // Retirements wait for weeks: pinned to a build, each would keep a worker of that build alive. Replay tests make moving safe.
    defaultVersioningBehavior: 'AUTO_UPGRADE',
  };
}
