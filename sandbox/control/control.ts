import { setTimeout as wait } from 'node:timers/promises';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { FaultBook, parseFault, type Fault, type TraceLearner } from './faults.ts';
import { splitUrl } from './learner-traces.ts';
import { RequestLog } from './request-log.ts';

const CONTROL_PREFIX = '/_sandbox/';

export interface ControlOptions {
  /** How a request may carry a learner besides by the name that the fault gives. */
  readonly traceLearner?: TraceLearner;
  /** The plain value of a parsed body, where the server wraps bodies. */
  readonly bodyOf?: (request: FastifyRequest) => unknown;
  /** Told of each request that a fault keeps from doing its work. */
  readonly onPrevented?: (request: FastifyRequest) => Promise<void>;
}

/**
 * Gives a sandbox server its fault switches and its request log: `/_sandbox/faults` and `/_sandbox/requests`, and the
 * hooks behind them. Call it before any route is added. Control requests and the page at `/` are neither counted nor failed.
 */
export function registerControl(app: FastifyInstance, options: ControlOptions = {}): void {
  const log = new RequestLog();
  const faults = new FaultBook(options.traceLearner ?? (async () => undefined));
  const closing = new AbortController();
  const toDrop = new WeakSet<FastifyRequest>();
  const bodyOf = options.bodyOf ?? ((request: FastifyRequest) => request.body);

  app.addHook('preClose', async () => closing.abort());
  app.addHook('onRequest', (request, _reply, done) => {
    if (isCounted(request.url)) log.add(request.method, request.url);
    done();
  });
  app.addHook('preHandler', async (request, reply) => {
    if (faults.size === 0 || !isCounted(request.url)) return;
    const verdict = await faults.meet(request.method, { url: request.url, body: bodyOf(request) });
    if (verdict === undefined) return;
    if (!(await waited(verdict.delayMs, closing.signal))) return hangUp(request, reply);
    const { outcome } = verdict;
    if (outcome === undefined) return;
    if (outcome.drop === 'after') {
      toDrop.add(request);
      return;
    }
    await options.onPrevented?.(request);
    if (outcome.drop === 'before') return hangUp(request, reply);
    return answerWith(reply, outcome);
  });
  app.addHook('onSend', (request, _reply, payload, done) => {
    // The answer is never written: `done` is not called.
    if (toDrop.has(request)) request.raw.socket.destroy();
    else done(null, payload);
  });

  app.post('/_sandbox/faults', { errorHandler: answerControlError }, async (request, reply) => {
    faults.add(parseControl(() => parseFault(bodyOf(request))));
    return reply.send({ faults: faults.size });
  });
  app.delete('/_sandbox/faults', async (_request, reply) => {
    faults.clear();
    return reply.send({ faults: 0 });
  });
  app.get('/_sandbox/requests', async (request, reply) => {
    const [, query] = splitUrl(request.url);
    return reply.send(new URLSearchParams(query).has('log') ? log.entries() : log.counts());
  });
  app.delete('/_sandbox/requests', async (_request, reply) => {
    log.clear();
    return reply.send({});
  });
}

/** Control input that nobody can use: answered 400 with `{"error": …}`, one line. */
export class ControlError extends Error {
  override readonly name = 'ControlError';
  readonly statusCode: number;

  constructor(message: string, statusCode = 400) {
    super(message);
    this.statusCode = statusCode;
  }
}

/** Route option `errorHandler` of control routes. */
export function answerControlError(error: unknown, _request: FastifyRequest, reply: FastifyReply): void {
  if (!(error instanceof ControlError)) throw error;
  void reply.code(error.statusCode).send({ error: error.message });
}

/** Runs a zod parser and says in one line what is wrong and where. */
export function parseControl<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    const [issue] = error.issues;
    const path = issue?.path.join('.') ?? '';
    throw new ControlError(`${path === '' ? '' : `${path}: `}${issue?.message ?? 'not understood'}`);
  }
}

function isCounted(url: string): boolean {
  return !url.startsWith(CONTROL_PREFIX) && url !== '/' && !url.startsWith('/?');
}

/** False when the server closed meanwhile. */
async function waited(delayMs: number, signal: AbortSignal): Promise<boolean> {
  if (delayMs === 0) return true;
  return wait(delayMs, true, { signal }).catch(() => false);
}

function hangUp(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  reply.hijack();
  request.raw.socket.destroy();
  return reply;
}

function answerWith(reply: FastifyReply, fault: Fault): FastifyReply {
  const { body } = fault;
  reply.code(fault.status ?? 200);
  if (fault.retry_after !== undefined) reply.header('retry-after', String(fault.retry_after));
  if (body === undefined) return reply.send();
  if (typeof body !== 'string') return reply.type('application/json').send(JSON.stringify(body));
  return reply.type(/^\s*</.test(body) ? 'text/html; charset=utf-8' : 'text/plain; charset=utf-8').send(body);
}
