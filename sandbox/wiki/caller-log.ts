import type { FastifyInstance } from 'fastify';

/** More different ones than this are not kept. */
const MOST_CALLERS = 1000;

/**
 * Remembers with which `User-Agent` the API and the counter were called: `GET /_sandbox/callers` answers `{"agent": n, …}`,
 * the empty text for none; `DELETE` forgets them. Wikimedia refuses callers without one; the sandbox only tells.
 */
export function registerCallerLog(app: FastifyInstance): void {
  const calls = new Map<string, number>();
  app.addHook('onRequest', (request, _reply, done) => {
    const agent = request.headers['user-agent'] ?? '';
    const isCall = /^\/(w|api)\//.test(request.url);
    if (isCall && (calls.has(agent) || calls.size < MOST_CALLERS))
      calls.set(agent, (calls.get(agent) ?? 0) + 1);
    done();
  });
  app.get('/_sandbox/callers', async (_request, reply) => reply.send(Object.fromEntries(calls)));
  app.delete('/_sandbox/callers', async (_request, reply) => {
    calls.clear();
    return reply.send({});
  });
}
