import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Learner } from '../../../platform/learner.ts';
import { ServiceFailure } from '../../../platform/failure.ts';
import type { TokenSource } from '../../../platform/oauth.ts';

export interface Received {
  readonly verb: string;
  /** Path and query as they came over the wire. */
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** `drop` closes the connection without an answer, `hang` never answers. */
export type Answer = 'drop' | 'hang' | HttpReply;

export interface HttpReply {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
}

type Behaviour = (received: Received) => Answer | Promise<Answer>;

export interface StandIn {
  readonly url: string;
  readonly received: Received[];
  /** How it answers from now on; forgets what it has received. */
  behave(behaviour: Behaviour): void;
  close(): Promise<void>;
}

/** A service's far side: a real server on a free loopback port that records each request and answers as it is told. */
export async function startStandIn(): Promise<StandIn> {
  const received: Received[] = [];
  let behaviour: Behaviour = () => ({ status: 500 });
  const server = createServer((request, response) => void serve(request, response));

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const one = {
      verb: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
      body: await readBody(request),
    };
    received.push(one);
    const answer = await behaviour(one);
    if (answer === 'hang') return;
    if (answer === 'drop') return void request.socket.destroy();
    const text = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body);
    const type = typeof answer.body === 'string' ? 'text/plain' : 'application/json';
    response.writeHead(answer.status, { 'content-type': type, ...answer.headers }).end(text);
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the stand-in has no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    received,
    behave(next) {
      behaviour = next;
      received.length = 0;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

export const html: HttpReply = {
  status: 200,
  headers: { 'content-type': 'text/html; charset=utf-8' },
  body: '<!doctype html><title>Maintenance</title>',
};

export const missingRoute: HttpReply = {
  status: 404,
  headers: { 'content-type': 'text/html' },
  body: '<html><body><h1>Not Found</h1></body></html>',
};

export function learnerWith(differences: Partial<Learner> = {}): Learner {
  return {
    userId: 42,
    retirementId: 7,
    originalUsername: 'ada',
    originalEmail: 'ada@example.com',
    originalName: 'Ada Lovelace',
    retiredUsername: 'retired__user_0f1e',
    retiredEmail: 'retired__user_0f1e@retired.invalid',
    ...differences,
  };
}

/** Values that a careless client lets out of their place. */
export const oddValues: readonly string[] = [
  'two words',
  '100%41',
  'a/b/../c',
  'a/b\\c',
  'say "hi" & <b>',
  "'; drop table users; --",
  'back\\slash',
  'line\nbreak\r\nX-Evil: 1',
  'Ünïcødé 李 🦊',
  '?x=1#frag',
  '{user_id}',
  '$& $1 $$',
];

/** Those of {@link oddValues} that no path is filled with: what decodes them on the way would go elsewhere. */
export const refusedInPaths: readonly string[] = ['a/b/../c', 'line\nbreak\r\nX-Evil: 1'];

/** A source that hands out `token-1`, `token-2`, … and moves on when one is forgotten. */
export function countingTokens(): TokenSource & { readonly forgotten: string[] } {
  const forgotten: string[] = [];
  return {
    forgotten,
    token: async () => `token-${forgotten.length + 1}`,
    forget: (token) => void forgotten.push(token),
  };
}

/** The failure that `work` ends in; an error in itself if it ends otherwise. */
export async function failureOf(work: Promise<unknown>): Promise<ServiceFailure> {
  const end = await work.then(
    (value) => new Error(`expected a failure, got ${JSON.stringify(value)}`),
    (error: unknown) => error,
  );
  if (end instanceof ServiceFailure) return end;
  throw end;
}
