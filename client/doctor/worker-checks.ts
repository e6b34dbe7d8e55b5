import type { TemporalAccess } from '../temporal.ts';
import { whyNoWorker, type WantedWorker } from '../worker-presence.ts';
import { bad, ok, type Check } from './check.ts';

/** Whether somebody would take the work of a task queue. */
export async function checkWorker(temporal: TemporalAccess, wanted: WantedWorker): Promise<Check> {
  const why = await whyNoWorker(temporal, wanted);
  if (why !== undefined) return bad('worker', why.message);
  return ok('worker', `polls the task queue ${wanted.taskQueue}`);
}
