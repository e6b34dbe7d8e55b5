import type { FastifyError, FastifyInstance } from 'fastify';
import { requirePlainName } from '../shell/owned-schema.ts';
import { startServer, type SandboxServer, type ServerOptions } from '../shell/server.ts';
import { addApi, type Wiki } from './api.ts';
import { registerCallerLog } from './caller-log.ts';
import { addEditControl } from './edit-control.ts';
import { addOverview } from './overview.ts';
import { addReferenceCounter, type CountedSchemas } from './reference-counter.ts';
import { wikiSchema } from './schema.ts';

export interface SandboxWikiOptions extends ServerOptions {
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

/**
 * Starts the stand-in wiki and reference counter on the loopback address: its API is at `/w/api.php`, the counter at
 * `/api/v1/references`. Everything that it knows is in the schema, which it makes, so a restart loses nothing but faults,
 * lag and logs. Throws for another host, a busy port or a schema of somebody else.
 */
export async function startSandboxWiki(options: SandboxWikiOptions): Promise<SandboxServer> {
  const { language = 'en', countedSchemas = {} } = options;
  Object.values(countedSchemas).forEach(requirePlainName);
  return startServer(options, {
    schema: options.schema ?? 'sandbox_wiki',
    owned: wikiSchema,
    furnish: (app, pool) => furnish(app, { pool, language, lagSeconds: 0 }, countedSchemas),
  });
}

function furnish(app: FastifyInstance, wiki: Wiki, counted: CountedSchemas): void {
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
}
