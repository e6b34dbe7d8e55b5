import { once } from 'node:events';
import http2 from 'node:http2';
import net, { type AddressInfo, type Server, type Socket } from 'node:net';
import tls from 'node:tls';
import type { Authority, Issued } from './connections-certificates.ts';

/** A server before a plain Temporal server, with what a guarded one wants of its clients. */
export interface Front {
  /** `host:port` */
  readonly address: string;
  /** Connections that it has passed on. */
  passed(): number;
  close(): Promise<void>;
}

/** Speaks TLS, and wants a client certificate of `clients`, if there are any. */
export async function startTlsFront(
  target: string,
  { server, clients }: { readonly server: Issued; readonly clients?: Authority },
): Promise<Front> {
  let passed = 0;
  const listener = tls.createServer(
    {
      ...server,
      ALPNProtocols: ['h2'],
      ...(clients === undefined ? {} : { ca: clients.cert, requestCert: true, rejectUnauthorized: true }),
    },
    (socket) => {
      passed += 1;
      const [host, port] = target.split(':');
      const upstream = net.connect({ host: host ?? '', port: Number(port) });
      socket.on('error', () => upstream.destroy());
      upstream.on('error', () => socket.destroy());
      socket.pipe(upstream).pipe(socket);
    },
  );
  return listening(listener, () => passed);
}

/** Speaks TLS, and wants `Bearer <apiKey>` with every call. Whom it refuses it tells what they said, as careless servers do. */
export async function startKeyFront(
  target: string,
  { server, apiKey }: { readonly server: Issued; readonly apiKey: string },
): Promise<Front> {
  let passed = 0;
  const upstream = http2.connect(`http://${target}`);
  upstream.on('error', () => undefined);
  const listener = http2.createSecureServer({ ...server, settings: { maxConcurrentStreams: 1000 } });
  listener.on('sessionError', () => undefined);
  listener.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    const said = headers.authorization;
    if (said !== `Bearer ${apiKey}`) {
      stream.respond(
        {
          ':status': 200,
          'content-type': 'application/grpc',
          'grpc-status': '16',
          'grpc-message': `Request unauthorized: ${said ?? 'nothing said'}`,
        },
        { endStream: true },
      );
      return;
    }
    passed += 1;
    passOn(stream, upstream.request(callHeaders(headers), { endStream: false }));
  });
  const front = await listening(listener, () => passed);
  return {
    ...front,
    close: async () => {
      upstream.destroy();
      await front.close();
    },
  };
}

function callHeaders(headers: http2.IncomingHttpHeaders): http2.OutgoingHttpHeaders {
  return { ...headers, authorization: undefined, ':scheme': 'http' };
}

function passOn(stream: http2.ServerHttp2Stream, call: http2.ClientHttp2Stream): void {
  let trailers: http2.IncomingHttpHeaders = {};
  call.on('error', () => stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR));
  stream.on('aborted', () => call.close(http2.constants.NGHTTP2_CANCEL));
  call.on('response', (headers, flags) => {
    if (stream.destroyed) return;
    const isOver = (flags & http2.constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    stream.respond(headers, isOver ? { endStream: true } : { waitForTrailers: true });
  });
  call.on('trailers', (found: http2.IncomingHttpHeaders) => {
    trailers = found;
  });
  stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  stream.pipe(call);
  call.pipe(stream);
}

async function listening(listener: Server, passed: () => number): Promise<Front> {
  const open = new Set<Socket>();
  listener.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => open.delete(socket));
  });
  listener.on('tlsClientError', () => undefined);
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  return {
    address: `127.0.0.1:${(listener.address() as AddressInfo).port}`,
    passed,
    close: async () => {
      for (const socket of open) socket.destroy();
      listener.close();
      await once(listener, 'close');
    },
  };
}
