import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { describe, expect, it } from 'vitest';
import { workflowBundle } from '../support/workflow-bundle.ts';

const FOLDER = fileURLToPath(new URL('./histories', import.meta.url));

interface HistoryEvent {
  readonly eventType: string;
  readonly [attributes: string]: unknown;
}

interface StoredHistory {
  readonly workflowId: string;
  readonly events: readonly HistoryEvent[];
}

const names = readdirSync(FOLDER).map((file) => path.basename(file, '.json'));

function readText(name: string): string {
  return readFileSync(path.join(FOLDER, `${name}.json`), 'utf8');
}

function readHistory(name: string): StoredHistory {
  return JSON.parse(readText(name)) as StoredHistory;
}

async function replay({ workflowId, events }: StoredHistory): Promise<void> {
  await Worker.runReplayHistory({ workflowBundle: workflowBundle() }, { events }, workflowId);
}

/** Events that commands of the workflow brought about. */
const COMMANDED = new Set([
  'EVENT_TYPE_MARKER_RECORDED',
  'EVENT_TYPE_ACTIVITY_TASK_SCHEDULED',
  'EVENT_TYPE_TIMER_STARTED',
  'EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES',
]);

/** The same history as another workflow would have made it: its first command is a timer that ours does not start. */
function withAnotherCommand(history: StoredHistory): StoredHistory {
  const first = history.events.findIndex(({ eventType }) => COMMANDED.has(eventType));
  const events = history.events.map((event, index) => {
    if (index !== first) return event;
    const { eventId, eventTime, taskId } = event;
    const timerStartedEventAttributes = {
      timerId: '99',
      startToFireTimeout: '60s',
      workflowTaskCompletedEventId: '4',
    };
    return { eventId, eventTime, taskId, eventType: 'EVENT_TYPE_TIMER_STARTED', timerStartedEventAttributes };
  });
  return { ...history, events };
}

/** The same history with the results of its first two stages in each other's place. */
function withStagesExchanged(history: StoredHistory): StoredHistory {
  const markers = history.events.filter(({ eventType }) => eventType === 'EVENT_TYPE_MARKER_RECORDED');
  const [, one, other] = markers;
  if (one === undefined || other === undefined) throw new Error('the history has too few markers');
  const events = history.events.map((event) => {
    if (event === one) return { ...other, eventId: one['eventId'] };
    return event === other ? { ...one, eventId: other['eventId'] } : event;
  });
  return { ...history, events };
}

describe('the workflows as they are now', () => {
  it('have a history for every branch', () => {
    expect(names).toEqual(
      expect.arrayContaining([
        ...['complete', 'complete-after-retries', 'cooled-off', 'gone-at-the-end-of-cooling-off'],
        ...['errored-and-resumed', 'errored-after-retries-and-resumed', 'errored-refused-messages'],
        ...[
          'cancelled-by-signal',
          'cancelled-by-update',
          'cancelled-by-request',
          'cancellation-request-refused',
        ],
        ...[
          'adopted-in-start-state',
          'adopted-between-stages',
          'adopted-errored-and-resumed',
          'resumed-skipping',
        ],
        ...['rerun-all', 'rerun-only-new', 'continued-as-new', 'continued-from-another-run'],
        ...['collector', 'rerun-workflow'],
      ]),
    );
  });

  it.each(names)('do in the run "%s" what they did when it was recorded', async (name) => {
    await replay(readHistory(name));
  });

  it.each(names)('are found out when the run "%s" has another command than theirs', async (name) => {
    await expect(replay(withAnotherCommand(readHistory(name)))).rejects.toThrow(DeterminismViolationError);
  });

  it('are found out when two stages stand in each other’s place', async () => {
    await expect(replay(withStagesExchanged(readHistory('complete')))).rejects.toThrow(
      DeterminismViolationError,
    );
  });
});

const MACHINE = /stackTrace|file:\/\/|\/home\/|\/root\/|\/tmp\/|node_modules|\d+@\w/;

describe('the stored histories', () => {
  it.each(names)('name no machine in "%s"', (name) => {
    expect(
      readText(name)
        .split('\n')
        .filter((line) => MACHINE.test(line)),
    ).toEqual([]);
  });
});
