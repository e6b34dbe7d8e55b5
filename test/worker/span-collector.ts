import { once } from 'node:events';
import { createServer } from 'node:http';

export interface CollectedSpan {
  readonly traceId: string;
  readonly name: string;
  readonly status?: { readonly code?: number; readonly message?: string };
}

/** Stands in for an OpenTelemetry collector: a real server that keeps what it is sent. */
export interface SpanCollector {
  readonly url: string;
  spans(): readonly CollectedSpan[];
  /** All bodies as they came. */
  text(): string;
  close(): void;
}

interface Body {
  readonly resourceSpans: readonly {
    readonly scopeSpans: readonly { readonly spans: readonly CollectedSpan[] }[];
  }[];
}

export async function startSpanCollector(): Promise<SpanCollector> {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString('utf8')));
    request.on('end', () => {
      if (request.url === '/v1/traces') bodies.push(body);
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the collector has no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    spans: () =>
      bodies.flatMap((body) =>
        (JSON.parse(body) as Body).resourceSpans.flatMap(({ scopeSpans }) =>
          scopeSpans.flatMap(({ spans }) => spans),
        ),
      ),
    text: () => bodies.join('\n'),
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
