import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import type { HttpAddress } from './http-address.ts';

/** Empty: all is well. Otherwise a line for each thing that is not. */
export type Reasons = readonly string[];

export interface Observed {
  /** In Prometheus' text format. */
  readonly metrics: () => Promise<string>;
  /** Why this process should be started anew. */
  readonly notLive: () => Reasons;
  /** Why this process takes no work. */
  readonly notReady: () => Reasons;
}

export interface ObservabilityServer {
  readonly url: string;
  /** Hangs up on whoever still asks. */
  close(): Promise<void>;
}

const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/**
 * Serves `/metrics`, `/livez` and `/readyz`; the last two in JSON where the client accepts that, with 503 when something is wrong.
 * No answer names a person. Throws an Error of one line when it cannot listen.
 */
export async function startObservabilityServer(
  address: HttpAddress,
  observed: Observed,
  log: Logger,
): Promise<ObservabilityServer> {
  const server = createServer({ connectionsCheckingInterval: LOOK_FOR_SLOW_MS }, (request, response) => {
    answer(request, response, observed).catch((error: unknown) => {
      log.warn({ error: error instanceof Error ? error.name : typeof error }, 'metrics cannot be collected');
      send(response, 500, 'text/plain; charset=utf-8', 'metrics cannot be collected; the log says why\n');
    });
  });
  // A scraper keeps its connection; nobody else has reason to hold one for long.
  server.requestTimeout = 10_000;
  server.headersTimeout = 5_000;
  server.maxHeadersCount = 100;
  server.maxConnections = MAX_CONNECTIONS;
  hangUpOnIdle(server);
  server.on('connect', (_request, socket) => socket.end('HTTP/1.1 405 Method Not Allowed\r\n\r\n'));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(address.port, address.host, resolve);
  }).catch((cause: unknown) => {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'an error';
    throw new Error(
      `cannot listen at ${address.host}:${address.port} (${code}): check REGISTRAR_HTTP_ADDRESS`,
      { cause },
    );
  });
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : address.port;
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  const url = `http://${host}:${port}`;
  log.info({ url }, 'serving /metrics, /livez and /readyz');
  return {
    url,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Time-outs are kept as often as that; Node's own half a minute would let a slow connection live for as long. */
const LOOK_FOR_SLOW_MS = 1_000;

/** Those that wait for an answer. Far more than scrapers and probes have, far fewer than a process may have files. */
const MAX_CONNECTIONS = 256;

/** Those that have asked nothing, or nothing any more. */
const MAX_IDLE = 64;

/** Whoever opens connections and says nothing must not keep others out: the one that has been silent longest makes room. */
function hangUpOnIdle(server: Server): void {
  const idle = new Set<Socket>();
  const rest = (socket: Socket): void => {
    if (socket.destroyed) return;
    idle.add(socket);
    if (idle.size <= MAX_IDLE) return;
    const [longest] = idle;
    if (longest === undefined) return;
    idle.delete(longest);
    longest.destroy();
  };
  server.on('connection', (socket: Socket) => {
    socket.once('close', () => idle.delete(socket));
    rest(socket);
  });
  server.on('request', ({ socket }, response) => {
    idle.delete(socket);
    response.once('close', () => rest(socket));
  });
}

async function answer(request: IncomingMessage, response: ServerResponse, observed: Observed): Promise<void> {
  const [path = ''] = (request.url ?? '').split('?');
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return send(response, 405, 'text/plain; charset=utf-8', 'only GET and HEAD\n', { allow: 'GET, HEAD' });
  }
  switch (path) {
    case '/metrics':
      return send(response, 200, METRICS_TYPE, await observed.metrics());
    case '/livez':
      return tell(request, response, observed.notLive());
    case '/readyz':
      return tell(request, response, observed.notReady());
    default:
      return send(response, 404, 'text/plain; charset=utf-8', 'there are /metrics, /livez and /readyz\n');
  }
}

function tell(request: IncomingMessage, response: ServerResponse, reasons: Reasons): void {
  const status = reasons.length === 0 ? 200 : 503;
  if (request.headers.accept?.includes('application/json')) {
    const body = { status: status === 200 ? 'ok' : 'unavailable', reasons };
    return send(response, status, 'application/json', `${JSON.stringify(body)}\n`);
  }
  const text = status === 200 ? 'ok\n' : reasons.map((reason) => `${reason}\n`).join('');
  return send(response, status, 'text/plain; charset=utf-8', text);
}

function send(
  response: ServerResponse,
  status: number,
  type: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store', ...headers });
  response.end(body);
}
