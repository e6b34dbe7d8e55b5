import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import {
  startObservabilityServer,
  type ObservabilityServer,
} from '../../worker/observability/http-server.ts';
import { waitFor } from '../support/wait.ts';

let server: ObservabilityServer;
const open = new Set<Socket>();

beforeAll(async () => {
  server = await startObservabilityServer(
    { host: '127.0.0.1', port: 0 },
    { metrics: async () => 'registrar_up 1\n', notLive: () => [], notReady: () => [] },
    pino({ level: 'silent' }),
  );
});
afterEach(async () => {
  for (const socket of open) socket.destroy();
  open.clear();
  await expectServed();
});
afterAll(() => server.close());

/** Others get their answers, whatever somebody does. */
async function expectServed(): Promise<void> {
  for (const [path, body] of [
    ['/metrics', 'registrar_up 1\n'],
    ['/livez', 'ok\n'],
    ['/readyz', 'ok\n'],
  ] as const) {
    const answer = await fetch(server.url + path);
    expect([answer.status, await answer.text()]).toEqual([200, body]);
  }
}

/** What a connection was answered before it was closed. */
interface Connection {
  readonly socket: Socket;
  readonly answered: () => string;
  readonly closed: Promise<unknown>;
}

async function connected(): Promise<Connection> {
  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  open.add(socket);
  let text = '';
  socket.on('data', (chunk) => (text += chunk.toString('latin1')));
  socket.on('error', () => undefined);
  const closed = once(socket, 'close');
  await once(socket, 'connect');
  return { socket, answered: () => text, closed };
}

async function answerTo(sent: string): Promise<string> {
  const { socket, answered, closed } = await connected();
  socket.write(sent, 'latin1');
  await Promise.race([
    closed,
    waitFor(() => answered().includes('\r\n\r\n'), {
      what: `an answer to ${JSON.stringify(sent.slice(0, 60))}`,
    }),
  ]);
  return answered();
}

const request = (line: string, ...headers: readonly string[]): string =>
  [line, 'Host: worker', ...headers, '', ''].join('\r\n');

it.each<[string, string, RegExp]>([
  ['a path that leads elsewhere', request('GET /../../etc/passwd HTTP/1.1'), /^HTTP\/1\.1 404 /],
  ['the same, encoded', request('GET /metrics/..%2f..%2fetc%2fpasswd HTTP/1.1'), /^HTTP\/1\.1 404 /],
  ['the address of another host', request('GET http://169.254.169.254/latest HTTP/1.1'), /^HTTP\/1\.1 404 /],
  ['no path', request('OPTIONS * HTTP/1.1'), /^HTTP\/1\.1 405 /],
  ['a method that only writes', request('DELETE /metrics HTTP/1.1'), /^HTTP\/1\.1 405 /],
  ['a body without an end', request('POST /livez HTTP/1.1', 'Content-Length: 1000000'), /^HTTP\/1\.1 405 /],
  ['a wish for a tunnel', request('CONNECT 169.254.169.254:80 HTTP/1.1'), /^HTTP\/1\.1 405 /],
  ['a method that nobody knows', request('BREW /metrics HTTP/1.1'), /^HTTP\/1\.1 400 /],
  ['a version that nobody knows', request('GET /metrics HTTP/9.9'), /^HTTP\/1\.1 [45]/],
  ['garbage of HTTP/1.0', 'GET\0/metrics HTTP/1.0\r\n\x01\xff: \r\n\r\n', /^HTTP\/1\.1 400 /],
  ['what is no HTTP', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n', /^HTTP\/1\.1 400 /],
  [
    'two lengths',
    request('GET /livez HTTP/1.1', 'Content-Length: 1', 'Content-Length: 2'),
    /^HTTP\/1\.1 400 /,
  ],
  ['huge headers', request('GET /livez HTTP/1.1', `X-Long: ${'x'.repeat(100_000)}`), /^HTTP\/1\.1 431 /],
  ['an endless path', request(`GET /${'a'.repeat(100_000)} HTTP/1.1`), /^HTTP\/1\.1 431 /],
])('refuses %s', async (_what, sent, expected) => {
  const answer = await answerTo(sent);
  expect(answer).toMatch(expected);
  expect(answer).not.toContain('registrar_up');
});

it('answers plain HTTP/1.0', async () => {
  expect(await answerTo('GET /livez HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 /);
});

it('hangs up on headers that never end, and on who says nothing', { timeout: 60_000 }, async () => {
  const slow = await connected();
  slow.socket.write('GET /metrics HTTP/1.1\r\nX-Slow: ');
  const dripping = setInterval(() => slow.socket.write('x'), 250);
  const silent = await connected();
  try {
    await waitFor(
      async () => {
        await expectServed();
        return slow.socket.destroyed && silent.socket.destroyed;
      },
      { what: 'both to be hung up on', timeoutMs: 20_000 },
    );
    expect(slow.answered()).toMatch(/^HTTP\/1\.1 408 /);
  } finally {
    clearInterval(dripping);
  }
});

it('answers others while a thousand connections say nothing, of which it keeps a few', async () => {
  const silent: Connection[] = [];
  const isOpen = ({ socket }: Connection): boolean => !socket.destroyed;
  for (let index = 0; index < 1_000; index += 1) {
    silent.push(await connected());
    if (index % 100 !== 99) continue;
    await expectServed();
    // Sooner than the time-out of headers, which would end them too.
    await waitFor(() => silent.filter(isOpen).length <= 64, {
      what: 'the silent ones to make room for each other',
      timeoutMs: 4_000,
    });
  }
  expect(silent.some(isOpen)).toBe(true);
});
