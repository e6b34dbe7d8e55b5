import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** How an attempt of a stage ended. `retried`: it failed, and is tried again. `waiting`: for something else to end. */
export type StageOutcome =
  | 'done'
  | 'nothing-to-erase'
  | 'already-done'
  | 'gone'
  | 'elsewhere'
  | 'retried'
  | 'waiting'
  | 'failed'
  | 'interrupted'
  | 'unexpected';

export type WikiResult = 'ok' | 'refused-name' | 'busy' | 'failed' | 'unanswered' | 'interrupted';

/** What activities did, as the rest of the worker tells it. Labels are few and fixed: none names a person. */
export interface Metrics {
  stageEnded(ended: {
    readonly service: string;
    readonly method: string;
    readonly outcome: StageOutcome;
    readonly seconds: number;
  }): void;
  /** `wiki`: host of its API. */
  wikiAnswered(answered: {
    readonly wiki: string;
    readonly result: WikiResult;
    readonly seconds: number;
  }): void;
  counterAnswered(answered: { readonly result: WikiResult; readonly seconds: number }): void;
  /** All of the wiki's slots were taken. */
  slotRefused(activity: string): void;
  queueSeen(queue: QueueSeen): void;
  readinessChanged(subject: string, isReady: boolean): void;
}

export interface QueueSeen {
  readonly taskQueue: string;
  readonly kind: 'workflow' | 'activity';
  readonly backlog: number;
  readonly backlogAgeSeconds: number;
}

export interface MetricsRegistry extends Metrics {
  /** Prometheus' text format. */
  text(): Promise<string>;
}

/** Seconds: requests to a service take from tens of milliseconds to the time-out of half a minute. */
const SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** The metrics of this process, Node's own included. */
export function createMetrics(): MetricsRegistry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const stageSeconds = new Histogram({
    name: 'registrar_stage_duration_seconds',
    help: 'Duration of attempts of retirement stages that ended well',
    labelNames: ['service', 'method'] as const,
    buckets: SECONDS,
    registers,
  });
  const stageAttempts = new Counter({
    name: 'registrar_stage_attempts_total',
    help: 'Attempts of retirement stages by how they ended',
    labelNames: ['service', 'method', 'outcome'] as const,
    registers,
  });
  const wikiRequests = new Counter({
    name: 'registrar_wiki_requests_total',
    help: 'Requests to wikis by result',
    labelNames: ['wiki', 'result'] as const,
    registers,
  });
  const wikiSeconds = new Histogram({
    name: 'registrar_wiki_request_duration_seconds',
    help: 'Duration of requests to wikis, with the wait for a free connection',
    labelNames: ['wiki'] as const,
    buckets: SECONDS,
    registers,
  });
  const counterRequests = new Counter({
    name: 'registrar_reference_counter_requests_total',
    help: 'Requests to the reference counter by result',
    labelNames: ['result'] as const,
    registers,
  });
  const counterSeconds = new Histogram({
    name: 'registrar_reference_counter_request_duration_seconds',
    help: 'Duration of requests to the reference counter',
    buckets: SECONDS,
    registers,
  });
  const slotWaits = new Counter({
    name: 'registrar_wiki_slot_waits_total',
    help: 'Attempts that ended because all slots of the wiki were taken',
    labelNames: ['activity'] as const,
    registers,
  });
  const backlog = new Gauge({
    name: 'registrar_task_queue_backlog',
    help: 'Tasks that wait in Temporal for a worker, about; the same from every worker',
    labelNames: ['task_queue', 'kind'] as const,
    registers,
  });
  const backlogAge = new Gauge({
    name: 'registrar_task_queue_backlog_age_seconds',
    help: 'Age of the oldest waiting task, about; the same from every worker',
    labelNames: ['task_queue', 'kind'] as const,
    registers,
  });
  const ready = new Gauge({
    name: 'registrar_worker_ready',
    help: '1 while nothing keeps this worker from its work, by what is looked at',
    labelNames: ['subject'] as const,
    registers,
  });
  return {
    stageEnded: ({ service, method, outcome, seconds }) => {
      stageAttempts.inc({ service, method, outcome });
      if (outcome === 'done' || outcome === 'nothing-to-erase')
        stageSeconds.observe({ service, method }, seconds);
    },
    wikiAnswered: ({ wiki, result, seconds }) => {
      wikiRequests.inc({ wiki, result });
      wikiSeconds.observe({ wiki }, seconds);
    },
    counterAnswered: ({ result, seconds }) => {
      counterRequests.inc({ result });
      counterSeconds.observe(seconds);
    },
    slotRefused: (activity) => slotWaits.inc({ activity }),
    queueSeen: ({ taskQueue, kind, backlog: waiting, backlogAgeSeconds }) => {
      backlog.set({ task_queue: taskQueue, kind }, waiting);
      backlogAge.set({ task_queue: taskQueue, kind }, backlogAgeSeconds);
    },
    readinessChanged: (subject, isReady) => ready.set({ subject }, isReady ? 1 : 0),
    text: () => registry.metrics(),
  };
}
