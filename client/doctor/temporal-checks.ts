import type { Configuration } from '../../config/configuration.ts';
import { RETIREMENT_TASK_QUEUE } from '../../workflows/retirement/contract.ts';
import { checkDeployments } from '../deployment/check.ts';
import { findSchedule, retirementSchedules } from '../setup/schedules.ts';
import { compareSearchAttributes } from '../setup/search-attributes.ts';
import type { TemporalAccess } from '../temporal.ts';
import { toOperationError } from '../translate-error.ts';
import { lookingOnce, type LookAtQueue } from '../worker-presence.ts';
import { bad, ok, warning, type Check } from './check.ts';
import { checkWorker } from './worker-checks.ts';

/** Whether Temporal answers, has what `setup` makes, and has a worker for each task queue. */
export async function checkTemporal(
  connect: () => Promise<TemporalAccess>,
  {
    taskQueues = [RETIREMENT_TASK_QUEUE],
    configuration,
    look: given,
  }: {
    readonly taskQueues?: readonly string[];
    readonly configuration?: Configuration | undefined;
    /** For a caller with more questions about the same task queues. */
    readonly look?: LookAtQueue | undefined;
  } = {},
): Promise<readonly Check[]> {
  const temporal = await connect().catch((error: unknown) =>
    bad('temporal', toOperationError(error).message),
  );
  if ('check' in temporal) return [temporal];
  const look = given ?? lookingOnce(temporal);
  const checks = await Promise.all([
    guarded('temporal', () => checkSearchAttributes(temporal)),
    ...retirementSchedules(configuration?.registrar).map(({ scheduleId }) =>
      guarded('schedules', () => checkSchedule(temporal, scheduleId)),
    ),
    guarded('deployment', () => checkDeployments(temporal, look)),
    ...taskQueues.map((taskQueue) =>
      guarded('worker', async () => [await checkWorker(temporal, { taskQueue, look })]),
    ),
  ]);
  return checks.flat();
}

async function guarded(name: string, work: () => Promise<readonly Check[]>): Promise<readonly Check[]> {
  try {
    return await work();
  } catch (error) {
    return [bad(name, toOperationError(error).message)];
  }
}

async function checkSearchAttributes(temporal: TemporalAccess): Promise<readonly Check[]> {
  await temporal.connection.workflowService.describeNamespace({ namespace: temporal.namespace });
  const { missing, wrong } = await compareSearchAttributes(temporal);
  const problems = [
    ...wrong.map((message) => bad('temporal', message)),
    ...(missing.length === 0
      ? []
      : [bad('temporal', `lacks the search attributes ${missing.join(', ')}: run \`registrar setup\``)]),
  ];
  if (problems.length > 0) return problems;
  return [
    ok(
      'temporal',
      `${temporal.address}, namespace ${temporal.namespace}: reachable, every search attribute is there`,
    ),
  ];
}

async function checkSchedule({ client }: TemporalAccess, scheduleId: string): Promise<readonly Check[]> {
  const found = await findSchedule(client, scheduleId);
  if (found === undefined) {
    return [bad('schedules', `${scheduleId} is missing: run \`registrar setup\``)];
  }
  if (!found.state.paused) return [ok('schedules', `${scheduleId} runs`)];
  return [
    warning(
      'schedules',
      `${scheduleId} is paused: resume it with \`temporal schedule toggle --unpause --schedule-id ${scheduleId}\``,
    ),
  ];
}
