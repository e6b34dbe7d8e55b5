import { splitUrl } from './learner-traces.ts';

/** The list keeps the newest requests only; the counts keep all. */
const LONGEST_LOG = 50_000;

export interface LoggedRequest {
  /** Method and path as sent, without the query: the same text that the counts have. */
  readonly request: string;
  /** As sent, without the question mark. */
  readonly query: string;
  readonly at: string;
}

interface Entry {
  readonly request: string;
  readonly query: string;
  readonly atMs: number;
}

/** Requests since the last {@link RequestLog.clear}, in memory. */
export class RequestLog {
  #counts = new Map<string, number>();
  #entries: Entry[] = [];

  add(method: string, url: string): void {
    const [path, query] = splitUrl(url);
    const request = `${method} ${path}`;
    this.#counts.set(request, (this.#counts.get(request) ?? 0) + 1);
    this.#entries.push({ request, query, atMs: Date.now() });
    if (this.#entries.length >= 2 * LONGEST_LOG) this.#entries = this.#entries.slice(-LONGEST_LOG);
  }

  clear(): void {
    this.#counts = new Map();
    this.#entries = [];
  }

  counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }

  /** Oldest first. */
  entries(): readonly LoggedRequest[] {
    return this.#entries
      .slice(-LONGEST_LOG)
      .map(({ request, query, atMs }) => ({ request, query, at: new Date(atMs).toISOString() }));
  }
}
