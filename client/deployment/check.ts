import { bad, ok, type Check } from '../doctor/check.ts';
import type { TemporalAccess } from '../temporal.ts';
import type { LookAtQueue } from '../worker-presence.ts';
import { viewDeployment, type DeploymentView } from './deployment.ts';
import { listPolled, placesText } from './pollers.ts';

const NAME = 'deployment';

/** Whether the builds that get the work are those whose workers poll; nothing where no worker has a build. */
export async function checkDeployments(
  temporal: TemporalAccess,
  look?: LookAtQueue,
): Promise<readonly Check[]> {
  const polled = await listPolled(temporal, look);
  // Those whose builds get the work, whether anybody polls or not, and those that poll.
  const builds = polled.flatMap(({ builds: polling, getWork }) => [...getWork, ...polling]);
  const names = [...new Set(builds.flatMap((build) => build?.deployment ?? []))].sort();
  const views = await Promise.all(names.map((name) => viewDeployment(temporal, name, polled)));
  return views.map(judge);
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
