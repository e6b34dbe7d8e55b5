import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { listenOnLoopback } from './loopback.ts';

/** A service of an operator's own that knows learners by their names, and repeats them in whatever it says. */
export interface PeopleService {
  readonly url: string;
  /** Decoded paths of all requests. */
  readonly asked: readonly string[];
  close(): Promise<void>;
}

/**
 * Starts the service. Whose name has `declared-refused` in it is answered 403; `declared-shaky` meets HTML, a dropped
 * connection and a 503 before it works; all others are erased at once.
 */
export async function startPeopleService(): Promise<PeopleService> {
  const asked: string[] = [];
  let shaken = 0;
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const path = decodeURIComponent(request.url ?? '');
    asked.push(path);
    if (path.includes('declared-refused')) {
      response.writeHead(403, { 'content-type': 'application/json', 'x-person': encodeURIComponent(path) });
      response.end(JSON.stringify({ detail: `${path} is not allowed`, path: request.url }));
      return;
    }
    shaken += path.includes('declared-shaky') ? 1 : 0;
    if (path.includes('declared-shaky') && shaken <= 3) {
      if (shaken === 1) response.writeHead(200, { 'content-type': 'text/html' }).end(`<html>${path}</html>`);
      if (shaken === 2) request.socket.destroy();
      if (shaken === 3) response.writeHead(503).end(`no ${path}`);
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ erased: path }));
  };
  const server = createServer(answer);
  return { asked, ...(await listenOnLoopback(server)) };
}
