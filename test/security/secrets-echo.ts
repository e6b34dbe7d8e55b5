import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { listenOnLoopback } from '../support/loopback.ts';

/** A service that tells everybody everything that it was told: headers, address and body. */
export interface EchoService {
  readonly url: string;
  /** Whether no token is given any more. */
  refuseTokens(isRefusing: boolean): void;
  close(): Promise<void>;
}

/**
 * Starts the service. It gives `token` to whoever asks at a path that ends with `token`, and refuses everything that an LMS is asked. A learner whose name has `fails-at-x` in it is
 * refused (400) at the path `/x/…`, one with `busy-at-x` is put off (503), and all others are erased.
 */
export async function startEchoService(token: string): Promise<EchoService> {
  let isRefusing = false;
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const told = {
      asked: `${request.method ?? ''} ${request.url ?? ''}`,
      headers: request.headers,
      raw: request.rawHeaders.join(' '),
      body: await text(request),
    };
    const path = decodeURIComponent(request.url ?? '');
    const [, place = ''] = path.split('/');
    const status = statusOf(path, place, isRefusing);
    const isToken = path.endsWith('token');
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(
      JSON.stringify(
        isToken && status === 200 ? { access_token: token, expires_in: 3600 } : { detail: 'no', told },
      ),
    );
  };
  const server = createServer((request, response) => void answer(request, response));
  return {
    ...(await listenOnLoopback(server)),
    refuseTokens: (refusing) => (isRefusing = refusing),
  };
}

function statusOf(path: string, place: string, isRefusing: boolean): number {
  if (path.endsWith('token')) return isRefusing ? 401 : 200;
  if (place === 'api') return 400;
  if (path.includes(`fails-at-${place}`)) return 400;
  return path.includes(`busy-at-${place}`) ? 503 : 200;
}
