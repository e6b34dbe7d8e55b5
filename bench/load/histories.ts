import { rounded } from './cost.ts';
import type { LoadStage } from './stage.ts';

/** What Temporal keeps of one workflow, on average over some. */
export interface HistoryCost {
  readonly workflows: number;
  readonly events: number;
  readonly bytes: number;
  /** How often each kind of event is there. */
  readonly kinds: Readonly<Record<string, number>>;
  /** Workflow tasks that a worker did not end in time: what they did is done again. Of all these workflows together. */
  readonly tasksLost: number;
  /** Attempts of activities beyond the first, of all these workflows together. */
  readonly retries: number;
}

/** The server's API number. The other one only means that a task waited long and may go to another worker. */
const START_TO_CLOSE = 1;

/** Reads the histories of these workflows. */
export async function readHistories(
  { temporal }: LoadStage,
  workflowIds: readonly string[],
): Promise<HistoryCost> {
  const kinds = new Map<string, number>();
  let [events, bytes, tasksLost, retries] = [0, 0, 0, 0];
  for (const workflowId of workflowIds) {
    const handle = temporal.client.workflow.getHandle(workflowId);
    const { raw } = await handle.describe();
    bytes += Number(raw.workflowExecutionInfo?.historySizeBytes ?? 0);
    const history = await handle.fetchHistory();
    for (const event of history.events ?? []) {
      const kind = nameOfEvent(event);
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
      events += 1;
      if (Number(event.workflowTaskTimedOutEventAttributes?.timeoutType) === START_TO_CLOSE) tasksLost += 1;
      retries += (event.activityTaskStartedEventAttributes?.attempt ?? 1) - 1;
    }
  }
  const count = Math.max(1, workflowIds.length);
  const each = [...kinds].toSorted(([, one], [, other]) => other - one);
  return {
    workflows: workflowIds.length,
    events: rounded(events / count, 1),
    bytes: Math.round(bytes / count),
    kinds: Object.fromEntries(each.map(([kind, number]) => [kind, rounded(number / count, 2)])),
    tasksLost,
    retries,
  };
}

/** The attributes of an event are in the one field that is named after its kind. */
function nameOfEvent(event: object): string {
  const field = Object.entries(event).find(
    ([name, value]) => name.endsWith('EventAttributes') && value !== null && value !== undefined,
  );
  return field === undefined ? 'unknown' : field[0].replace(/EventAttributes$/, '');
}
