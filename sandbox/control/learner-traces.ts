/** Everything by which a request may carry one learner, so that a fault can be aimed at that learner alone. */
export interface LearnerTraces {
  /** Texts that stand for the learner: usernames, before and after the erasure. */
  readonly names: readonly string[];
  /** Whole path segments, such as the user id. */
  readonly pathSegments: readonly string[];
  /** Body keys with the value that means this learner, such as `retirement_id`. */
  readonly bodyFields: Readonly<Record<string, number>>;
}

export interface Carrier {
  /** As sent: percent-encoded, with the query. */
  readonly url: string;
  /** The parsed body, if there was one. */
  readonly body: unknown;
}

/** True when the request's path, query or body carries one of the learner's names or ids. Names are compared exactly. */
export function carriesLearner(carrier: Carrier, traces: LearnerTraces): boolean {
  const [path = '', query = ''] = splitUrl(carrier.url);
  const segments = path.split('/').map(decoded);
  if (segments.some((segment) => traces.names.includes(segment) || traces.pathSegments.includes(segment))) {
    return true;
  }
  const values = [...new URLSearchParams(query).values()];
  return values.some((value) => holdsName(value, traces)) || bodyCarries(carrier.body, traces);
}

/** Splits a URL as sent into path and query, without the question mark. */
export function splitUrl(url: string): readonly [path: string, query: string] {
  const mark = url.indexOf('?');
  return mark < 0 ? [url, ''] : [url.slice(0, mark), url.slice(mark + 1)];
}

/** A path segment without its percent-encoding; as it is when the encoding is broken. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function bodyCarries(body: unknown, traces: LearnerTraces): boolean {
  if (typeof body === 'string') return holdsName(body, traces);
  if (typeof body !== 'object' || body === null) return false;
  if (Array.isArray(body)) return body.some((entry) => bodyCarries(entry, traces));
  return Object.entries(body).some(
    ([key, value]: [string, unknown]) => isFieldOf(key, value, traces) || bodyCarries(value, traces),
  );
}

function isFieldOf(key: string, value: unknown, traces: LearnerTraces): boolean {
  if (typeof value !== 'string' && typeof value !== 'number') return false;
  return Object.hasOwn(traces.bodyFields, key) && traces.bodyFields[key] === Number(value);
}

/** MediaWiki separates several names by `|`. */
function holdsName(value: string, traces: LearnerTraces): boolean {
  return traces.names.includes(value) || value.split('|').some((part) => traces.names.includes(part));
}
