import fastify, { type FastifyInstance } from 'fastify';
import { Pool } from 'pg';
import { registerControl, type ControlOptions } from '../control/control.ts';
import { plainBodyOf, registerBodyParsers } from './bodies.ts';
import { ensureSchema, requirePlainName, type OwnedSchema } from './owned-schema.ts';

const LOOPBACK = '127.0.0.1';
const POOL_SIZE = 10;

/** Every statement is prepared once and goes by an index: one plan, even while the tables are still empty. */
const sessionSettings = '-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c jit=off';

export interface ServerOptions {
  readonly databaseUrl: string;
  readonly host?: '127.0.0.1';
  /** 0: a free one. */
  readonly port: number;
}

export interface SandboxServer {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  readonly port: number;
  /** May be called twice. */
  close(): Promise<void>;
}

export interface Shell {
  /** The name of the schema, which becomes the pool's search path. */
  readonly schema: string;
  readonly owned: OwnedSchema;
  /** How the fault switches see the server's requests. */
  readonly control?: (pool: Pool) => Omit<ControlOptions, 'bodyOf'>;
  /** Adds hooks, handlers of errors and routes. */
  readonly furnish: (app: FastifyInstance, pool: Pool) => void;
}

/**
 * Starts a sandbox server on the loopback address: connections, its schema, body parsers, fault switches and request log;
 * the rest is the furniture. Throws for another host, a busy port or a schema of somebody else.
 */
export async function startServer(options: ServerOptions, shell: Shell): Promise<SandboxServer> {
  const { schema, owned } = shell;
  const host: string = options.host ?? LOOPBACK;
  if (host !== LOOPBACK) throw new Error(`the ${owned.owner} listens on ${LOOPBACK} only, not on ${host}`);
  requirePlainName(schema);
  const pool = new Pool({
    connectionString: options.databaseUrl,
    options: `-c search_path=${schema} ${sessionSettings}`,
    max: POOL_SIZE,
    connectionTimeoutMillis: 10_000,
  });
  // The database may be killed and come back: a broken idle connection is replaced at the next query.
  pool.on('error', () => undefined);
  const app = createApp(pool, shell);
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => (closed ??= app.close().then(() => pool.end()));
  try {
    await ensureSchema(pool, schema, owned);
    await app.listen({ host, port: options.port });
  } catch (error) {
    await close();
    throw error;
  }
  const address = app.server.address();
  const port = typeof address === 'object' && address !== null ? address.port : options.port;
  return { url: `http://${host}:${port}`, port, close };
}

function createApp(pool: Pool, { control, furnish }: Shell): FastifyInstance {
  const app = fastify({
    logger: false,
    forceCloseConnections: true,
    bodyLimit: 32 * 1024 * 1024,
    routerOptions: { maxParamLength: 1000 },
    exposeHeadRoutes: false,
  });
  registerBodyParsers(app);
  registerControl(app, { bodyOf: plainBodyOf, ...control?.(pool) });
  furnish(app, pool);
  return app;
}
