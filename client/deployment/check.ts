import { bad, ok, type Check } from '../doctor/check.ts';
import type { TemporalAccess } from '../temporal.ts';
import { RETIREMENT_TASK_QUEUE } from '../../workflows/retirement/contract.ts';
import { TIMESLICES_TASK_QUEUE } from '../../workflows/timeslices/contract.ts';
import { viewDeployment, type DeploymentView } from './deployment.ts';
import { listPolled, placesText } from './pollers.ts';

const NAME = 'deployment';

/** Whether the builds that get the work are those whose workers poll; nothing where no worker has a build. */
export async function checkDeployments(temporal: TemporalAccess): Promise<readonly Check[]> {
  const builds = (await listPolled(temporal)).flatMap((place) => place.builds);
  const current = await listCurrentDeployments(temporal);
  const names = [...new Set([...current, ...builds.flatMap((build) => build?.deployment ?? [])])].sort();
  const views = await Promise.all(names.map((name) => viewDeployment(temporal, name)));
  return views.map(judge);
}

/** Those whose builds get the work of our task queues, whether anybody polls or not. */
async function listCurrentDeployments({ connection, namespace }: TemporalAccess): Promise<readonly string[]> {
  const looks = await Promise.all(
    [RETIREMENT_TASK_QUEUE, TIMESLICES_TASK_QUEUE].map((name) =>
      connection.workflowService.describeTaskQueue({ namespace, taskQueue: { name }, taskQueueType: 1 }),
    ),
  );
  return looks.flatMap(
    ({ versioningInfo }) => versioningInfo?.currentDeploymentVersion?.deploymentName || [],
  );
}

function judge({ deployment, current, builds }: DeploymentView): Check {
  const getsWork = builds.find(({ buildId }) => buildId === current);
  const who = current === null ? 'a worker without a build' : `build ${current}`;
  if (getsWork !== undefined && getsWork.unpolled.length === 0)
    return ok(NAME, `${deployment}: ${who} is current`);
  const missing = getsWork === undefined ? 'any task queue' : placesText(getsWork.unpolled);
  const candidate = builds.find(({ unpolled }) => unpolled.length === 0)?.buildId;
  const next =
    candidate == null
      ? 'start its workers'
      : `start its workers, or run \`registrar deployment promote --deployment ${deployment} --build-id ${candidate}\``;
  return bad(NAME, `${deployment}: ${who} is to get the work, and none polls ${missing}: ${next}`);
}
