import fastify, { type FastifyError, type FastifyInstance } from 'fastify';
import { Pool } from 'pg';
import { registerControl } from '../control/control.ts';
import { plainBodyOf, registerBodyParsers } from '../lms/bodies.ts';
import { addApi, type Wiki } from './api.ts';
import { registerCallerLog } from './caller-log.ts';
import { addEditControl } from './edit-control.ts';
import { addOverview } from './overview.ts';
import { addReferenceCounter, type CountedSchemas } from './reference-counter.ts';
import { ensureSchema } from './schema.ts';

const LOOPBACK = '127.0.0.1';
const POOL_SIZE = 10;
const PLAIN_NAME = /^[a-z_][a-z0-9_]{0,62}$/;

/** Every statement goes by an index and is planned once, even while the tables are still empty. */
const sessionSettings = '-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c jit=off';

export interface SandboxWikiOptions {
  readonly databaseUrl: string;
  readonly host?: '127.0.0.1';
  /** 0: a free one. */
  readonly port: number;
  /** Default `sandbox_wiki`. */
  readonly schema?: string;
  /** Of the wiki's content, as `siteinfo` says it; default `en`. */
  readonly language?: string;
  /**
   * For a second sandbox wiki beside this one, in the same database: which schema the reference counter reads for a
   * `project/language`, such as `{ 'wikipedia/fr': 'sandbox_wiki_fr' }`. All others are this wiki.
   */
  readonly countedSchemas?: CountedSchemas;
}

export interface SandboxWiki {
  /** Its API is at `/w/api.php`, the reference counter at `/api/v1/references`. */
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Starts the stand-in wiki and reference counter on the loopback address. Everything that it knows is in the schema, which
 * it makes, so a restart loses nothing but faults, lag and logs. Throws for another host, a busy port or a schema of
 * somebody else.
 */
export async function startSandboxWiki(options: SandboxWikiOptions): Promise<SandboxWiki> {
  const host: string = options.host ?? LOOPBACK;
  if (host !== LOOPBACK) throw new Error(`the sandbox wiki listens on ${LOOPBACK} only, not on ${host}`);
  const schema = options.schema ?? 'sandbox_wiki';
  const counted = options.countedSchemas ?? {};
  for (const name of [schema, ...Object.values(counted)]) {
    if (!PLAIN_NAME.test(name)) throw new Error(`"${name}" is no plain schema name`);
  }
  const pool = new Pool({
    connectionString: options.databaseUrl,
    options: `-c search_path=${schema} ${sessionSettings}`,
    max: POOL_SIZE,
    connectionTimeoutMillis: 10_000,
  });
  // The database may be killed and come back: a broken idle connection is replaced at the next query.
  pool.on('error', () => undefined);
  const app = createApp({ pool, language: options.language ?? 'en', lagSeconds: 0 }, counted);
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

function createApp(wiki: Wiki, counted: CountedSchemas): FastifyInstance {
  const app = fastify({
    logger: false,
    forceCloseConnections: true,
    bodyLimit: 32 * 1024 * 1024,
    routerOptions: { maxParamLength: 1000 },
    exposeHeadRoutes: false,
  });
  registerBodyParsers(app);
  registerControl(app, { bodyOf: plainBodyOf });
  registerCallerLog(app);
  app.setNotFoundHandler((_request, reply) =>
    reply
      .code(404)
      .type('text/plain; charset=utf-8')
      .send('The sandbox wiki has no such page. Its API is at /w/api.php.\n'),
  );
  app.setErrorHandler((error: FastifyError, _request, reply) => {
    const status = error.statusCode ?? 500;
    if (status < 500) return reply.code(status).send({ error: error.message });
    const code = 'internal_api_error_DBQueryError';
    const info = 'Caught exception of type Wikimedia\\Rdbms\\DBQueryError';
    return reply.code(500).header('mediawiki-api-error', code).send({ error: { code, info } });
  });
  addApi(app, wiki);
  addReferenceCounter(app, wiki.pool, counted);
  addEditControl(app, wiki);
  addOverview(app, wiki);
  return app;
}
