import fastify, { type FastifyError, type FastifyInstance, type FastifyRequest } from 'fastify';
import { Pool } from 'pg';
import { registerControl } from '../control/control.ts';
import { accountEndpoints, addTokenEndpoint } from './account-endpoints.ts';
import { actionEndpoints } from './action-endpoints.ts';
import { answerNoRoute, answerServerError } from './answers.ts';
import { plainBodyOf, registerBodyParsers } from './bodies.ts';
import { countIneffectiveCall } from './effect-store.ts';
import { addEndpoints, learnerOf, type Lms } from './endpoints.ts';
import { addLearnerControl } from './learner-control.ts';
import { findTraces } from './learner-store.ts';
import { addOverview } from './overview.ts';
import { partnerEndpoints } from './partner-endpoints.ts';
import { retirementEndpoints } from './retirement-endpoints.ts';
import { ensureSchema } from './schema.ts';
import { TokenOffice, type Credentials } from './tokens.ts';

const LOOPBACK = '127.0.0.1';
const POOL_SIZE = 10;

/** Every statement is prepared once and looks up single rows: one plan, by index, even while the tables are still empty. */
const sessionSettings = '-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c jit=off';

export interface SandboxLmsOptions {
  readonly databaseUrl: string;
  readonly host?: '127.0.0.1';
  /** 0: a free one. */
  readonly port: number;
  /** Default `sandbox_lms`. */
  readonly schema?: string;
  /** Default 3600, as the LMS; may be a fraction. */
  readonly tokenLifetimeSeconds?: number;
  readonly credentials: Credentials;
}

export interface SandboxLms {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Starts the stand-in LMS on the loopback address. Everything that it knows is in the schema, which it makes, so a
 * restart loses nothing but faults and the request log. Throws for another host, a busy port or a schema of somebody else.
 */
export async function startSandboxLms(options: SandboxLmsOptions): Promise<SandboxLms> {
  const host: string = options.host ?? LOOPBACK;
  if (host !== LOOPBACK) throw new Error(`the sandbox LMS listens on ${LOOPBACK} only, not on ${host}`);
  const schema = options.schema ?? 'sandbox_lms';
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(schema)) throw new Error(`"${schema}" is no plain schema name`);
  const pool = new Pool({
    connectionString: options.databaseUrl,
    options: `-c search_path=${schema} ${sessionSettings}`,
    max: POOL_SIZE,
    connectionTimeoutMillis: 10_000,
  });
  // The database may be killed and come back: a broken idle connection is replaced at the next query.
  pool.on('error', () => undefined);
  const tokens = new TokenOffice(options.credentials, options.tokenLifetimeSeconds ?? 3600);
  const app = createApp({ pool, tokens });
  try {
    await ensureSchema(pool, schema);
    await app.listen({ host, port: options.port });
  } catch (error) {
    await app.close();
    await pool.end();
    throw error;
  }
  const address = app.server.address();
  const port = typeof address === 'object' && address !== null ? address.port : options.port;
  return {
    url: `http://${host}:${port}`,
    port,
    close: async () => {
      await app.close();
      await pool.end();
    },
  };
}

function createApp(lms: Lms): FastifyInstance {
  const app = fastify({
    logger: false,
    forceCloseConnections: true,
    bodyLimit: 32 * 1024 * 1024,
    routerOptions: { maxParamLength: 1000 },
    exposeHeadRoutes: false,
  });
  registerBodyParsers(app);
  registerControl(app, {
    bodyOf: plainBodyOf,
    traceLearner: (username) => findTraces(lms.pool, username),
    onPrevented: (request) => countPrevented(lms, request),
  });
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
  addOverview(app, lms);
  return app;
}

async function countPrevented(lms: Lms, request: FastifyRequest): Promise<void> {
  const action = request.routeOptions.config.effect?.(request);
  if (action !== undefined) await countIneffectiveCall(lms.pool, { ...learnerOf(request), action });
}
