import { isObject, listOf, type JsonObject } from '../../domain/json-object.ts';

/** Where the next page of results begins: the API's `continue` object, to be sent back verbatim. */
export type Continuation = Readonly<Record<string, string>>;

/** An error inside an answer, whose status is mostly 200. */
export interface ApiError {
  /** Undefined where there is an error without a code: not the API's own then. */
  readonly code: string | undefined;
  /** With `errorformat=raw`: what the message is about, such as a parameter's name and its value. May name a person. */
  readonly parameters: readonly string[];
  /** The message in words, where it came in words. May name a person. */
  readonly text: string;
}

/** Errors that pass by themselves; so does every error of a server that answers 5xx or 429. */
const passing = /^(maxlag|ratelimited|readonly|concurrency-limit|internal_api_error.*)$/;

/** What the numbers would silently be wrong by: a limit, a direction or a property that was not understood. */
const serious: ReadonlySet<unknown> = new Set(['unrecognizedparams', 'unrecognizedvalues']);

export function isPassingError(code: string): boolean {
  return passing.test(code);
}

/** True for the refusal of a whole request because of one malformed username. */
export function isBadUser({ code }: ApiError): boolean {
  return code === 'baduser' || code?.startsWith('baduser_') === true;
}

/** The error of an answer in the list `errors` or, as proxies of MediaWiki and old versions have it, in the object `error`. */
export function findError(answer: JsonObject): ApiError | undefined {
  if (answer['errors'] === undefined && answer['error'] === undefined) return undefined;
  const errors = [...listOf(answer['errors']), answer['error']].filter(isObject).map(readError);
  return errors.find(isBadUser) ?? errors[0] ?? { code: undefined, parameters: [], text: '' };
}

/** True when a warning says that a parameter, or a value of one, was not understood. Other warnings change nothing. */
export function hasSeriousWarning({ warnings }: { readonly warnings?: unknown }): boolean {
  if (!isObject(warnings)) return listOf(warnings).some((one) => isObject(one) && serious.has(one['code']));
  const texts = Object.values(warnings).flatMap((one) => (isObject(one) ? Object.values(one) : []));
  return texts.some((text) => typeof text === 'string' && /^Unrecognized (parameter|value)/m.test(text));
}

/** Undefined at the end of the results, `'malformed'` for what is no continuation at all. */
export function readContinuation(answer: JsonObject): Continuation | 'malformed' | undefined {
  const given = answer['continue'];
  if (given === undefined) return undefined;
  if (!isObject(given)) return 'malformed';
  const entries: [string, string][] = [];
  for (const [name, value] of Object.entries(given)) {
    if (typeof value !== 'string' && typeof value !== 'number') return 'malformed';
    entries.push([name, String(value)]);
  }
  return entries.length === 0 ? 'malformed' : Object.fromEntries(entries);
}

function readError(error: JsonObject): ApiError {
  const { code, params, text, info } = error;
  const words = text ?? info;
  return {
    // Only what looks like a code may be shown in a message.
    code: typeof code === 'string' && /^[\w-]{1,100}$/.test(code) ? code : undefined,
    parameters: listOf(params).map(readParameter),
    text: typeof words === 'string' ? words : '',
  };
}

/** A parameter is a text, or an object that says how it is to be shown: `{"plaintext": …}`. */
function readParameter(parameter: unknown): string {
  if (typeof parameter === 'string') return parameter;
  const [shown] = isObject(parameter) ? Object.values(parameter) : [];
  return typeof shown === 'string' ? shown : '';
}
