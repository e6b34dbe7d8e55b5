import type { FastifyError, FastifyInstance, FastifyRequest } from 'fastify';
import { startServer, type SandboxServer, type ServerOptions } from '../shell/server.ts';
import { accountEndpoints, addTokenEndpoint } from './account-endpoints.ts';
import { actionEndpoints } from './action-endpoints.ts';
import { answerNoRoute, answerServerError } from './answers.ts';
import { countIneffectiveCall } from './effect-store.ts';
import { addEndpoints, learnerOf, type Lms } from './endpoints.ts';
import { addLearnerControl } from './learner-control.ts';
import { findTraces } from './learner-store.ts';
import { addOverview } from './overview.ts';
import { addPartnerControl } from './partner-control.ts';
import { partnerEndpoints } from './partner-endpoints.ts';
import { retirementEndpoints } from './retirement-endpoints.ts';
import { lmsSchema } from './schema.ts';
import { TokenOffice, type Credentials } from './tokens.ts';

export interface SandboxLmsOptions extends ServerOptions {
  /** Default `sandbox_lms`. */
  readonly schema?: string;
  /** Default 3600, as the LMS; may be a fraction. */
  readonly tokenLifetimeSeconds?: number;
  readonly credentials: Credentials;
}

/**
 * Starts the stand-in LMS on the loopback address. Everything that it knows is in the schema, which it makes, so a
 * restart loses nothing but faults and the request log. Throws for another host, a busy port or a schema of somebody else.
 */
export async function startSandboxLms(options: SandboxLmsOptions): Promise<SandboxServer> {
  const tokens = new TokenOffice(options.credentials, options.tokenLifetimeSeconds ?? 3600);
  return startServer(options, {
    schema: options.schema ?? 'sandbox_lms',
    owned: lmsSchema,
    control: (pool) => ({
      traceLearner: (username) => findTraces(pool, username),
      onPrevented: (request) => countPrevented({ pool, tokens }, request),
    }),
    furnish: (app, pool) => furnish(app, { pool, tokens }),
  });
}

function furnish(app: FastifyInstance, lms: Lms): void {
  app.setNotFoundHandler((_request, reply) => answerNoRoute(reply));
  app.setErrorHandler((error: FastifyError, _request, reply) => {
    const status = error.statusCode ?? 500;
    return status < 500 ? reply.code(status).send({ detail: error.message }) : answerServerError(reply);
  });
  addTokenEndpoint(app, lms);
  addEndpoints(app, lms, [
    ...retirementEndpoints(lms),
    ...actionEndpoints(lms),
    ...partnerEndpoints(lms),
    ...accountEndpoints(lms),
  ]);
  addLearnerControl(app, lms);
  addPartnerControl(app, lms);
  addOverview(app, lms);
}

async function countPrevented(lms: Lms, request: FastifyRequest): Promise<void> {
  const action = request.routeOptions.config.effect?.(request);
  if (action !== undefined) await countIneffectiveCall(lms.pool, { ...learnerOf(request), action });
}
