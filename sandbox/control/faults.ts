import { z } from 'zod';
import { carriesLearner, decoded, splitUrl, type Carrier, type LearnerTraces } from './learner-traces.ts';

const faultSchema = z
  .strictObject({
    method: z.string().min(1).optional(),
    path: z.string().startsWith('/').optional(),
    username: z.string().min(1).optional(),
    status: z.int().min(200).max(599).optional(),
    body: z.json().optional(),
    delay_ms: z.number().min(0).max(3_600_000).optional(),
    drop: z.enum(['before', 'after']).optional(),
    retry_after: z.union([z.number().min(0), z.string().min(1)]).optional(),
    times: z.int().min(1).optional(),
  })
  .refine((fault) => fault.delay_ms !== undefined || hasOutcome(fault), {
    message: 'a fault needs status, body, delay_ms or drop',
  })
  .refine((fault) => fault.retry_after === undefined || fault.status !== undefined, {
    message: 'retry_after goes with a status, such as 429 or 503',
  });

export type Fault = z.infer<typeof faultSchema>;

/** Finds the traces of a learner by name; undefined while there is no such learner. */
export type TraceLearner = (username: string) => Promise<LearnerTraces | undefined>;

/** What happens to one request: wait, then answer as usual unless `outcome` says otherwise. */
export interface Verdict {
  readonly delayMs: number;
  readonly outcome: Fault | undefined;
}

interface LiveFault {
  readonly fault: Fault;
  left: number;
  traces: LearnerTraces | undefined;
}

/** Reads the control request's body; throws `z.ZodError` on anything that the contract does not name. */
export function parseFault(body: unknown): Fault {
  return faultSchema.parse(body);
}

/**
 * The faults that are set, in memory. A matching request meets every pure delay, added up, and the first fault with an
 * outcome (status, body or drop), whose own delay counts too. Each fault that was met uses up one of its `times`.
 */
export class FaultBook {
  #faults: LiveFault[] = [];
  readonly #traceLearner: TraceLearner;

  constructor(traceLearner: TraceLearner) {
    this.#traceLearner = traceLearner;
  }

  get size(): number {
    return this.#faults.length;
  }

  add(fault: Fault): void {
    this.#faults.push({ fault, left: fault.times ?? Infinity, traces: undefined });
  }

  clear(): void {
    this.#faults = [];
  }

  /** The verdict for a request; undefined on the ordinary way. */
  async meet(method: string, carrier: Carrier): Promise<Verdict | undefined> {
    if (this.#faults.length === 0) return undefined;
    let delayMs = 0;
    let outcome: Fault | undefined;
    let met = false;
    for (const live of [...this.#faults]) {
      const { fault } = live;
      if (outcome !== undefined && hasOutcome(fault)) continue;
      if (!matchesRoute(fault, method, carrier.url)) continue;
      if (!(await this.#matchesLearner(live, carrier)) || live.left <= 0) continue;
      live.left -= 1;
      met = true;
      delayMs += fault.delay_ms ?? 0;
      if (hasOutcome(fault)) outcome = fault;
    }
    this.#faults = this.#faults.filter((live) => live.left > 0);
    return met ? { delayMs, outcome } : undefined;
  }

  async #matchesLearner(live: LiveFault, carrier: Carrier): Promise<boolean> {
    const { username } = live.fault;
    if (username === undefined) return true;
    const byName = { names: [username], pathSegments: [], bodyFields: {} };
    if (carriesLearner(carrier, live.traces ?? byName)) return true;
    if (live.traces !== undefined) return false;
    live.traces = await this.#traceLearner(username);
    return live.traces !== undefined && carriesLearner(carrier, live.traces);
  }
}

function hasOutcome(fault: {
  readonly status?: unknown;
  readonly body?: unknown;
  readonly drop?: unknown;
}): boolean {
  return fault.status !== undefined || fault.body !== undefined || fault.drop !== undefined;
}

/** `path` is a prefix of what was sent, encoded or decoded, so that it may also reach into the query. */
function matchesRoute(fault: Fault, method: string, url: string): boolean {
  if (fault.method !== undefined && fault.method.toUpperCase() !== method) return false;
  if (fault.path === undefined) return true;
  const [path] = splitUrl(url);
  return url.startsWith(fault.path) || path.split('/').map(decoded).join('/').startsWith(fault.path);
}
