import type { HistoryEvent, StoredHistory } from './stored-histories.ts';

/** Events that commands of the workflow brought about. */
const COMMANDED = new Set([
  'EVENT_TYPE_MARKER_RECORDED',
  'EVENT_TYPE_ACTIVITY_TASK_SCHEDULED',
  'EVENT_TYPE_TIMER_STARTED',
  'EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES',
  'EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED',
]);

const TIMER = {
  eventType: 'EVENT_TYPE_TIMER_STARTED',
  timerStartedEventAttributes: {
    timerId: '99',
    startToFireTimeout: '60s',
    workflowTaskCompletedEventId: '4',
  },
} as const;

const ACTIVITY = {
  eventType: 'EVENT_TYPE_ACTIVITY_TASK_SCHEDULED',
  activityTaskScheduledEventAttributes: {
    activityId: '99',
    activityType: { name: 'nothingOfOurs' },
    taskQueue: { name: 'retirement' },
    workflowTaskCompletedEventId: '4',
  },
} as const;

/**
 * The same history as another workflow would have made it: its first command is a timer that ours does not start, or an
 * activity where ours starts a timer.
 */
export function withAnotherCommand(history: StoredHistory): StoredHistory {
  const first = history.events.findIndex(({ eventType }) => COMMANDED.has(eventType));
  const events = history.events.map((event, index) => {
    if (index !== first) return event;
    const { eventId, eventTime, taskId } = event;
    return { eventId, eventTime, taskId, ...(event.eventType === TIMER.eventType ? ACTIVITY : TIMER) };
  });
  return { ...history, events };
}

/** The same history with the results of its first two stages in each other's place. */
export function withStagesExchanged(history: StoredHistory): StoredHistory {
  const markers = history.events.filter(({ eventType }) => eventType === 'EVENT_TYPE_MARKER_RECORDED');
  const [, one, other] = markers;
  if (one === undefined || other === undefined) throw new Error('the history has too few markers');
  const events = history.events.map((event) => {
    if (event === one) return { ...other, eventId: one['eventId'] };
    return event === other ? { ...one, eventId: other['eventId'] } : event;
  });
  return { ...history, events };
}

/** What a workflow asks for and waits for: where its event says of which type it is. */
const WORK: Readonly<Record<string, readonly [attributesKey: string, typeKey: string]>> = {
  EVENT_TYPE_ACTIVITY_TASK_SCHEDULED: ['activityTaskScheduledEventAttributes', 'activityType'],
  EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED: [
    'startChildWorkflowExecutionInitiatedEventAttributes',
    'workflowType',
  ],
};

interface Work {
  readonly event: HistoryEvent;
  readonly type: string;
  withType(name: string): HistoryEvent;
}

/** Activities and children in the order in which the workflow asked for them. */
function listWork({ events }: StoredHistory): readonly Work[] {
  return events.flatMap((event) => {
    const [attributesKey, typeKey] = WORK[event.eventType] ?? [];
    if (attributesKey === undefined || typeKey === undefined) return [];
    const attributes = event[attributesKey] as Readonly<Record<string, { readonly name: string }>>;
    const withType = (name: string): HistoryEvent => ({
      ...event,
      [attributesKey]: { ...attributes, [typeKey]: { name } },
    });
    return { event, type: attributes[typeKey]?.name ?? '', withType };
  });
}

/** True when {@link withTypesExchanged} has something to exchange. */
export function hasTwoTypes(history: StoredHistory): boolean {
  return new Set(listWork(history).map(({ type }) => type)).size > 1;
}

/** The same history as if its first activities or children of two types had been asked for in each other's place. */
export function withTypesExchanged(history: StoredHistory): StoredHistory {
  const [one, ...more] = listWork(history);
  const other = more.find(({ type }) => type !== one?.type);
  if (one === undefined || other === undefined) throw new Error('the history has one type of work');
  const events = history.events.map((event) => {
    if (event === one.event) return one.withType(other.type);
    return event === other.event ? other.withType(one.type) : event;
  });
  return { ...history, events };
}

/** The same history with the first two answers of an activity in each other's place. */
export function withAnswersExchanged(history: StoredHistory, activity: string): StoredHistory {
  const asked = listWork(history).filter(({ type }) => type === activity);
  const isAnswer = (event: HistoryEvent): boolean =>
    asked.some((work) => work.event['eventId'] === completionOf(event)?.['scheduledEventId']);
  const [one, other] = history.events.filter(isAnswer);
  if (one === undefined || other === undefined) throw new Error(`${activity} has too few answers`);
  const events = history.events.map((event) => {
    if (event === one) return withResultOf(one, other);
    return event === other ? withResultOf(other, one) : event;
  });
  return { ...history, events };
}

const COMPLETION = 'activityTaskCompletedEventAttributes';

function completionOf(event: HistoryEvent): Readonly<Record<string, unknown>> | undefined {
  return event[COMPLETION] as Readonly<Record<string, unknown>> | undefined;
}

function withResultOf(event: HistoryEvent, from: HistoryEvent): HistoryEvent {
  return { ...event, [COMPLETION]: { ...completionOf(event), result: completionOf(from)?.['result'] } };
}
