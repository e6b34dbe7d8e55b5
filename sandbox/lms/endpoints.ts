import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify';
import type { Pool } from 'pg';
import { splitUrl } from '../control/learner-traces.ts';
import { plainBodyOf } from '../shell/bodies.ts';
import { answerServerError, answerText } from './answers.ts';
import { usernameIn } from './json-bodies.ts';
import type { TokenOffice } from './tokens.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Set for endpoints that do something to one learner: the name under which the effects count it. */
    readonly effect?: (request: FastifyRequest) => string;
  }
}

export interface Lms {
  readonly pool: Pool;
  readonly tokens: TokenOffice;
}

export type Handler = (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>;

export interface Endpoint {
  readonly method: HTTPMethods;
  readonly url: string;
  /** `retire`: the service worker's right is asked for; `any`: a valid token is enough; `nobody`: always 403. */
  readonly allowed: 'retire' | 'any' | 'nobody';
  readonly handler: Handler;
  /** True for endpoints whose calls are counted for a learner. */
  readonly counted?: boolean;
}

const methods: readonly HTTPMethods[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** Adds endpoints of the REST API: 401 without a valid token, then 403, then 405 for a method that a path does not have. */
export function addEndpoints(app: FastifyInstance, lms: Lms, endpoints: readonly Endpoint[]): void {
  for (const endpoint of endpoints) {
    app.route({
      method: endpoint.method,
      url: endpoint.url,
      preHandler: authorize(lms.tokens, endpoint.allowed),
      handler: endpoint.handler,
      config: endpoint.counted === true ? { effect: effectOf } : {},
    });
  }
  for (const url of new Set(endpoints.map((endpoint) => endpoint.url))) {
    const known = endpoints.filter((endpoint) => endpoint.url === url).map((endpoint) => endpoint.method);
    app.route({
      method: methods.filter((method) => !known.includes(method)),
      url,
      preHandler: authorize(lms.tokens, 'any'),
      handler: async (request, reply) =>
        reply
          .code(405)
          .header('allow', known.join(', '))
          .send({ detail: `Method "${request.method}" not allowed.` }),
    });
  }
}

/** `POST /api/…/`, as sent; the forum's path may lack its last slash. */
export function effectOf(request: FastifyRequest): string {
  const [path] = splitUrl(request.url);
  return `${request.method} ${path.endsWith('/') ? path : `${path}/`}`;
}

/** The learner whom a request is about, for counting a call that did not get through. */
export function learnerOf(request: FastifyRequest): {
  readonly username: string | null;
  readonly userId: number | null;
} {
  const username = usernameIn(plainBodyOf(request)) ?? null;
  const id = paramOf(request, 'userId');
  return { username, userId: username === null && /^\d{1,15}$/.test(id) ? Number(id) : null };
}

export function paramOf(request: FastifyRequest, name: string): string {
  const { params } = request;
  if (typeof params !== 'object' || params === null || !Object.hasOwn(params, name)) return '';
  return String((params as Readonly<Record<string, unknown>>)[name]);
}

export function queryOf(request: FastifyRequest): URLSearchParams {
  return new URLSearchParams(splitUrl(request.url)[1]);
}

/** An unforeseen error, as the endpoints tell it that catch everything: its text. */
export function answerTrouble(reply: FastifyReply, error: unknown): FastifyReply {
  return error instanceof Error ? answerText(reply, 500, error.message) : answerServerError(reply);
}

function authorize(tokens: TokenOffice, allowed: Endpoint['allowed']) {
  return (request: FastifyRequest, reply: FastifyReply, done: () => void): void => {
    const verified = tokens.verify(request.headers.authorization);
    if (verified.kind === 'refused') {
      void reply.code(401).header('www-authenticate', 'JWT realm="api"').send({ detail: verified.detail });
    } else if (allowed === 'nobody' || (allowed === 'retire' && verified.caller !== 'retire')) {
      void reply.code(403).send({ detail: 'You do not have permission to perform this action.' });
    } else {
      done();
    }
  };
}
