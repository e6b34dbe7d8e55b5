import { createServer, type ServerResponse } from 'node:http';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ServiceFailure } from '../../platform/failure.ts';
import { createLmsClient } from '../../platform/lms/client.ts';
import { createTokenSource } from '../../platform/oauth.ts';
import { createServices } from '../../platform/services/index.ts';
import { createObjectStore } from '../../platform/storage/index.ts';
import { createWikiClient } from '../../platform/wiki/client.ts';
import { createReferenceCounter } from '../../platform/wiki/reference-counter.ts';
import { countingTokens, learnerWith, startStandIn, type StandIn } from '../platform/services/stand-in.ts';
import { listenOnLoopback } from '../support/loopback.ts';

/** How the far side answers every request but those for tokens of the LMS. */
let answer: (response: ServerResponse) => void;
let farSide: { readonly url: string; readonly close: () => Promise<void> };
/** Where redirects lead: nobody may come here. */
let elsewhere: StandIn;
let folder: string;

beforeAll(async () => {
  elsewhere = await startStandIn();
  farSide = await listenOnLoopback(
    createServer((request, response) => {
      request.resume();
      if (request.url === '/oauth2/access_token')
        return void response.end(JSON.stringify({ access_token: 'token-1', expires_in: 60 }));
      answer(response);
    }),
  );
  folder = await mkdtemp(join(tmpdir(), 'registrar-answers-'));
});

afterAll(async () => {
  await farSide.close();
  await elsewhere.close();
  await rm(folder, { recursive: true });
});

interface Caller {
  readonly who: string;
  readonly call: (timeoutMs: number) => Promise<unknown>;
}

const learner = learnerWith();
const erase = { verb: 'DELETE', path: '/people/{user_id}', ok: [200], nothingToErase: [] } as const;

async function callService(name: 'CRM' | 'MODULE' | 'BRAZE', timeoutMs: number): Promise<unknown> {
  const path = join(folder, 'module.mjs');
  await writeFile(
    path,
    `export async function erase({ fetch }) {
      const answer = await fetch('${farSide.url}/people', { method: 'DELETE', headers: { 'x-key': 'secret-7731' } });
      await answer.text();
      if (!answer.ok) throw Object.assign(new Error('no'), { status: answer.status });
    }`,
  );
  const services = await createServices({
    thirdParties: { braze: { apiKey: 'braze-key-7731', instance: 'iad-01' } },
    baseUrls: { braze: farSide.url },
    declarations: {
      CRM: {
        kind: 'http',
        baseUrl: farSide.url,
        auth: { kind: 'header', name: 'x-key', value: 'secret-7731' },
        methods: { erase },
      },
      MODULE: { kind: 'module', path },
    },
    lmsTokens: countingTokens(),
    timeoutMs,
  });
  return services[name]?.[name === 'BRAZE' ? 'delete_user' : 'erase']?.({ learner });
}

const callers: readonly Caller[] = [
  {
    who: 'the LMS',
    call: async (timeoutMs) => {
      const client = createLmsClient({
        baseUrl: farSide.url,
        clientId: 'id',
        clientSecret: 'secret-7731',
        concurrency: 1,
        timeoutMs,
      });
      try {
        return await client.send({ verb: 'GET', route: '/api/user/v1/accounts/retirement_queue/' });
      } finally {
        void client.close();
      }
    },
  },
  {
    who: 'a server of tokens',
    call: (timeoutMs) =>
      createTokenSource({
        service: 'CRM',
        tokenUrl: `${farSide.url}/token`,
        clientId: 'id',
        clientSecret: 'secret-7731',
        timeoutMs,
      }).token(),
  },
  { who: 'a declared service', call: (timeoutMs) => callService('CRM', timeoutMs) },
  { who: 'a service of a module', call: (timeoutMs) => callService('MODULE', timeoutMs) },
  { who: 'a third party', call: (timeoutMs) => callService('BRAZE', timeoutMs) },
  {
    who: 'a wiki',
    call: async (timeoutMs) => {
      const client = createWikiClient({ apiUrl: `${farSide.url}/w/api.php`, userAgent: 'test/1', timeoutMs });
      try {
        return await client.describeSite();
      } finally {
        void client.close();
      }
    },
  },
  {
    who: 'a reference counter',
    call: async (timeoutMs) => {
      const client = createReferenceCounter({ baseUrl: farSide.url, userAgent: 'test/1', timeoutMs });
      try {
        return await client.count({ project: 'wikipedia', language: 'en', revisionIds: [1] });
      } finally {
        void client.close();
      }
    },
  },
  {
    who: 'a bucket',
    call: async (timeoutMs) => {
      const store = createObjectStore(
        {
          kind: 's3',
          bucket: 'reports',
          prefix: '',
          endpoint: farSide.url,
          credentials: { accessKeyId: 'key-id-7731', secretAccessKey: 'secret-7731' },
        },
        { timeoutMs },
      );
      try {
        return await store.read('a.csv');
      } finally {
        await store.close();
      }
    },
  },
];

async function failureOf({ call }: Caller, timeoutMs = 60_000): Promise<ServiceFailure> {
  const end = await call(timeoutMs).then(
    () => new Error('it was taken for an answer'),
    (error: unknown) => error,
  );
  if (end instanceof ServiceFailure) return end;
  throw end;
}

const MiB = 1024 * 1024;
const chunk = Buffer.alloc(MiB, ' ');

/** Writes for as long as anybody reads. */
function endless(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  const more = (): void => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on('drain', more);
  more();
}

describe.each(callers)('an answer of $who', (caller) => {
  it.each([301, 302, 303, 307, 308])('that leads elsewhere with %i is not followed', async (status) => {
    elsewhere.behave(() => ({ status: 200, body: {} }));
    answer = (response) => void response.writeHead(status, { location: `${elsewhere.url}/taken` }).end();
    await failureOf(caller);
    expect(elsewhere.received).toEqual([]);
  });

  it('that never ends is given up, and fills no memory', { timeout: 120_000 }, async () => {
    answer = endless;
    const before = process.memoryUsage().rss;
    await failureOf(caller);
    expect(process.memoryUsage().rss - before).toBeLessThan(700 * MiB);
  });

  it('that drips for ever is given up when its time is over', async () => {
    answer = (response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const drip = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(drip));
    };
    expect((await failureOf(caller, 500)).exchange.transient).toBe(true);
  });

  it('with headers without end is given up', async () => {
    answer = (response) => {
      const headers = Array.from({ length: 200 }, (_, index) => [`x-${index}`, 'y'.repeat(4_000)]);
      response.writeHead(200, Object.fromEntries(headers) as Record<string, string>).end('{}');
    };
    await failureOf(caller);
  });
});

/** A hundred times as much as it looks. */
const bomb = gzipSync(Buffer.alloc(200 * MiB, ' '));

describe.each(callers.filter(({ who }) => who !== 'a bucket'))('an answer of $who', (caller) => {
  it('that unpacks to far more than it looks is given up', { timeout: 120_000 }, async () => {
    answer = (response) =>
      void response
        .writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' })
        .end(bomb);
    await failureOf(caller);
  });
});

it('of a service says why it was given up', async () => {
  answer = endless;
  const service = callers.find(({ who }) => who === 'a declared service');
  if (service === undefined) throw new Error('no such caller');
  expect((await failureOf(service)).exchange).toMatchObject({
    transient: true,
    what: 'sent an answer that is too large to be read',
  });
});
