import { createLimiter } from '../../domain/concurrency.ts';
import { isObject, wholeNumber } from '../../domain/json-object.ts';
import { exchange, failure, parseJson, type HttpRequest } from '../http.ts';
import { createGuardedAgent } from '../services/guarded-agent.ts';

/** Revisions that one request may carry. */
export const REVISIONS_A_REQUEST = 50;

const REQUESTS_AT_ONCE = 3;

/** In the counter's paths, for wikis without a language. */
const NO_LANGUAGE = 'www';

export interface ReferenceCounterOptions {
  /** May have a path prefix. */
  readonly baseUrl: string;
  readonly userAgent: string;
  readonly timeoutMs: number;
}

export interface CountAsked {
  /** `wikipedia` */
  readonly project: string;
  readonly language: string | null;
  /** At most 50. */
  readonly revisionIds: readonly number[];
  readonly signal?: AbortSignal | undefined;
}

/** The service that counts the references in the text of revisions. */
export interface ReferenceCounter {
  /**
   * How many references the text of each revision has: all ids that were asked for are in the answer, with null where the count is
   * unknown (hidden, deleted, never was; also 0, which stands for no revision). One request, or none for no ids; more
   * than 50 are a `RangeError`. Throws `ServiceFailure`, and the signal's reason when aborted.
   */
  count(asked: CountAsked): Promise<ReadonlyMap<number, number | null>>;
  /** Waits for requests under way. */
  close(): Promise<void>;
}

export function createReferenceCounter(options: ReferenceCounterOptions): ReferenceCounter {
  const dispatcher = createGuardedAgent({
    connections: REQUESTS_AT_ONCE,
    keepAliveTimeout: 10_000,
    pipelining: 1,
  });
  const limited = createLimiter(REQUESTS_AT_ONCE);
  return {
    count: async (asked) => {
      const counts = new Map<number, number | null>(asked.revisionIds.map((id) => [id, null]));
      // The counter refuses a request with an id below 1 in it.
      const ids = [...counts.keys()].filter((id) => id > 0);
      if (ids.length > REVISIONS_A_REQUEST) {
        throw new RangeError(
          `a request asks about ${REVISIONS_A_REQUEST} revisions, not about ${ids.length}; ask in groups`,
        );
      }
      if (ids.length === 0) return counts;
      const request: HttpRequest = { ...prepare(options, asked, ids), dispatcher };
      const found = await limited(() => askCounter(request));
      for (const id of ids) counts.set(id, found.get(String(id)) ?? null);
      return counts;
    },
    close: () => dispatcher.close(),
  };
}

function prepare(
  { baseUrl, userAgent, timeoutMs }: ReferenceCounterOptions,
  { project, language, signal }: CountAsked,
  ids: readonly number[],
): HttpRequest {
  const [base, path] = [
    baseUrl.replace(/\/+$/, ''),
    [project, language ?? NO_LANGUAGE].map(encodeURIComponent).join('/'),
  ];
  return {
    service: 'reference counter',
    verb: 'POST',
    url: `${base}/api/v1/references/${path}`,
    route: `/api/v1/references/${path}`,
    headers: { 'user-agent': userAgent, 'accept-encoding': 'gzip', 'content-type': 'application/json' },
    body: JSON.stringify({ rev_ids: ids }),
    timeoutMs,
    maxAnswerBytes: 4 * 1024 * 1024,
    signal,
  };
}

/** Counts by revision id as text. */
async function askCounter(request: HttpRequest): Promise<ReadonlyMap<string, number | null>> {
  const answer = await exchange(request);
  if (answer.status < 200 || answer.status > 299) throw failure(request, {}, answer);
  const body = parseJson(request, answer);
  const malformed = (what: string): Error =>
    failure(request, { what: `answered ${answer.status} with ${what}`, transient: true }, answer);
  if (!isObject(body)) throw malformed('no object');
  return new Map(
    Object.entries(body).map(([id, entry]) => {
      const count = isObject(entry) ? entry['num_ref'] : undefined;
      if (count !== null && wholeNumber(count) === undefined) throw malformed('a count that is no number');
      return [id, wholeNumber(count) ?? null];
    }),
  );
}
