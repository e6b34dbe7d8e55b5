import { stat } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { untilAborted } from '../credential.ts';
import { MAX_ERROR_BODY_BYTES, isTransientStatus } from '../http.ts';
import { ServiceFailure } from '../failure.ts';
import type { Learner, Service, ServiceCall, ServiceOutcome } from '../learner.ts';
import { createModuleFetch, isConnectionTrouble, type ModuleFetchOptions } from './module-fetch.ts';
import { erased, nothingToErase } from './outcome.ts';

/** What a module's functions are given. They answer with a text for the log, nothing, or `{ kind, response? }` as a `ServiceOutcome`. */
interface ModuleCall {
  readonly learner: Learner;
  /** Aborted when the activity is cancelled or the worker shuts down. */
  readonly signal: AbortSignal;
  /** As the global one, with a time-out and this signal; it follows no redirect and calls no link-local address. */
  readonly fetch: typeof fetch;
}

export interface ModuleServiceOptions extends ModuleFetchOptions {
  /** Methods that the pipeline wants of it. */
  readonly methods?: readonly string[];
}

/** A call of a module may last as long as so many requests that time out. */
const REQUESTS_A_CALL = 5;

/** Longest text of a module that goes to a learner's log. */
const MAX_RESPONSE_LENGTH = 500;

/**
 * Imports an operator's ES module as a service. A module that cannot be loaded, or lacks a wanted method, is a plain
 * Error of one line. Its own errors become `ServiceFailure`s: transient with `transient: true`, a `status` of 429 or 5xx,
 * or a connection error or time-out behind them; permanent otherwise. Their texts may name a person, so they are kept as `body` and never in the message.
 */
export async function loadModuleService(
  name: string,
  path: string,
  options: ModuleServiceOptions,
): Promise<Service> {
  const exported = await importModule(name, path);
  const methods = Object.entries(exported).filter(isMethod);
  const known = methods.map(([method]) => method);
  const missing = (options.methods ?? []).find((method) => !known.includes(method));
  if (missing !== undefined || known.length === 0) {
    const wanted = missing === undefined ? 'no function' : `no function "${missing}"`;
    throw new Error(
      `service "${name}": ${path} exports ${wanted}; its functions are: ${known.join(', ') || 'none'}`,
    );
  }
  return Object.fromEntries(
    methods.map(([method, call]) => [
      method,
      (asked: ServiceCall) => callModule(name, method, call, asked, options),
    ]),
  );
}

type Method = (call: ModuleCall) => unknown;

function isMethod(entry: [string, unknown]): entry is [string, Method] {
  return entry[0] !== 'default' && typeof entry[1] === 'function';
}

async function importModule(name: string, path: string): Promise<Record<string, unknown>> {
  try {
    const url = pathToFileURL(path);
    // Node keeps a module for ever under its URL; the time of change in it lets a corrected file be loaded again.
    url.searchParams.set('changed', `${(await stat(path)).mtimeMs}`);
    return (await import(url.href)) as Record<string, unknown>;
  } catch (cause) {
    const [reason = ''] = (cause instanceof Error ? cause.message : String(cause)).split('\n');
    throw new Error(`service "${name}": cannot load ${path}: ${reason}`, { cause });
  }
}

async function callModule(
  service: string,
  method: string,
  call: Method,
  { learner, signal = new AbortController().signal }: ServiceCall,
  options: ModuleFetchOptions,
): Promise<ServiceOutcome> {
  try {
    signal.throwIfAborted();
    const given = { learner, signal, fetch: createModuleFetch(signal, options) };
    // What hangs on something else than its `fetch` is given up: the stage then fails by the rules of all others.
    const limit = AbortSignal.timeout(options.timeoutMs * REQUESTS_A_CALL);
    return outcomeOf(await untilAborted(Promise.resolve(call(given)), AbortSignal.any([signal, limit])));
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw moduleFailure(service, method, error);
  }
}

/** Strict, since a forgotten `await` or a returned `Response` must not pass for an erasure. */
function outcomeOf(answer: unknown): ServiceOutcome {
  if (answer === undefined) return erased('done');
  if (typeof answer === 'string') return erased(short(answer));
  if (typeof answer === 'object' && answer !== null && 'kind' in answer) {
    const response =
      'response' in answer && typeof answer.response === 'string' ? answer.response : undefined;
    if (answer.kind === 'nothing-to-erase') return nothingToErase(short(response ?? 'nothing to erase'));
    if (answer.kind === 'erased') return erased(short(response ?? 'done'));
  }
  throw new UnknownAnswer();
}

class UnknownAnswer extends Error {
  override readonly name = 'UnknownAnswer';
}

function moduleFailure(service: string, method: string, error: unknown): ServiceFailure {
  const details = error instanceof ServiceFailure ? error.exchange : traitsOf(error);
  return new ServiceFailure({
    service,
    verb: 'CALL',
    path: details.path ?? method,
    route: method,
    status: details.status,
    body: details.body ?? bodyOf(error),
    what:
      error instanceof UnknownAnswer
        ? 'returned neither a text nor an outcome'
        : `failed in its module (${nameOf(error)})`,
    transient: details.transient,
    retryAfterMs: details.retryAfterMs,
  });
}

interface Traits {
  readonly path?: string;
  readonly status?: number | undefined;
  readonly body?: string;
  readonly transient: boolean;
  readonly retryAfterMs?: number | undefined;
}

function traitsOf(error: unknown): Traits {
  if (typeof error !== 'object' || error === null) return { transient: false };
  const status = 'status' in error && typeof error.status === 'number' ? error.status : undefined;
  const wait =
    'retryAfterMs' in error && typeof error.retryAfterMs === 'number' ? error.retryAfterMs : undefined;
  const said = 'transient' in error && typeof error.transient === 'boolean' ? error.transient : undefined;
  return {
    status,
    transient: said ?? (status === undefined ? isConnectionTrouble(error) : isTransientStatus(status)),
    retryAfterMs: wait,
  };
}

/** The error's class, which is code; anything that looks like more is left out. */
function nameOf(error: unknown): string {
  return error instanceof Error && /^[A-Za-z]\w{0,40}$/.test(error.name) ? error.name : 'an unnamed error';
}

/** At most 8 KiB, whatever the characters: none needs more than four bytes. */
function bodyOf(error: unknown): string {
  const text = error instanceof Error ? error.message : typeof error === 'string' ? error : typeof error;
  return text.slice(0, MAX_ERROR_BODY_BYTES / 4);
}

function short(text: string): string {
  return text.length > MAX_RESPONSE_LENGTH ? `${text.slice(0, MAX_RESPONSE_LENGTH)}…` : text;
}
