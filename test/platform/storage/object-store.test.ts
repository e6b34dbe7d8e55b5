import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import { chmodSync, mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Destination } from '../../../domain/retirement/destination.ts';
import { ServiceFailure } from '../../../platform/failure.ts';
import { createObjectStore } from '../../../platform/storage/index.ts';
import type { ObjectStore } from '../../../platform/storage/object-store.ts';
import { startBucket, type TestBucket } from '../../support/bucket.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { waitFor } from '../../support/wait.ts';

const TIMEOUT_MS = 10_000;

let bucket: TestBucket;
beforeAll(async () => {
  bucket = await startBucket();
});
afterAll(() => bucket.close());

let prefixes = 0;

/** A part of the bucket that no other test writes to. */
function ownPrefix(): Destination {
  return { ...bucket.destination, prefix: `part/${(prefixes += 1)}` };
}

function open(destination: Destination, timeoutMs = TIMEOUT_MS): ObjectStore {
  const store = createObjectStore(destination, { timeoutMs });
  onTestFinished(() => store.close());
  return store;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (content: Uint8Array | undefined): string | undefined =>
  content === undefined ? undefined : new TextDecoder().decode(content);

async function failureOf(work: () => Promise<unknown>): Promise<ServiceFailure> {
  const error = await work().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof ServiceFailure) return error;
  throw new Error('no ServiceFailure', { cause: error });
}

describe.each([
  {
    kind: 'a folder',
    place: (): Destination => ({ kind: 'folder', path: path.join(temporaryFolder(), 'new', 'reports') }),
  },
  { kind: 'a bucket', place: ownPrefix },
])('$kind', ({ place }) => {
  it('gives back what was written, byte for byte', async () => {
    const store = open(place());
    const content = Uint8Array.from({ length: 70_000 }, (_, index) => index % 256);
    await store.put('a/b/Grüße, 100% & Co.csv', content, 'text/csv');
    expect(await store.read('a/b/Grüße, 100% & Co.csv')).toEqual(content);
  });

  it('keeps an empty file', async () => {
    const store = open(place());
    await store.put('empty.csv', new Uint8Array(), 'text/csv');
    expect(await store.read('empty.csv')).toEqual(new Uint8Array());
  });

  it('replaces a file of the same key', async () => {
    const store = open(place());
    await store.put('one.csv', bytes('a long first version'), 'text/csv');
    await store.put('one.csv', bytes('second'), 'text/csv');
    expect(textOf(await store.read('one.csv'))).toBe('second');
    expect(await store.list('')).toHaveLength(1);
  });

  it('says that a file is not there, and lists none, before anything was written', async () => {
    const store = open(place());
    expect(await store.read('nothing.csv')).toBeUndefined();
    expect(await store.list('')).toEqual([]);
    await store.remove('nothing.csv');
  });

  it('lists keys that begin so, in order, with the time of their writing', async () => {
    const store = open(place());
    const from = Date.now();
    for (const key of ['report_b.csv', 'report_a.csv', 'other.csv', 'report_c/d.csv'])
      await store.put(key, bytes(key), 'text/csv');
    const listed = await store.list('report_');
    expect(listed.map(({ key }) => key)).toEqual(['report_a.csv', 'report_b.csv', 'report_c/d.csv']);
    // A bucket's clock may show whole seconds only.
    for (const { modifiedAt } of listed) {
      expect(modifiedAt.getTime()).toBeGreaterThan(from - 2_000);
      expect(modifiedAt.getTime()).toBeLessThan(Date.now() + 2_000);
    }
  });

  it('removes one file and leaves the others', async () => {
    const store = open(place());
    await store.put('one.csv', bytes('1'), 'text/csv');
    await store.put('two.csv', bytes('2'), 'text/csv');
    await store.remove('one.csv');
    expect((await store.list('')).map(({ key }) => key)).toEqual(['two.csv']);
  });

  it.each(['', '/etc/passwd', '../outside.csv', 'a/../../outside.csv', './a.csv', 'a//b.csv', 'a/', 'a\0b'])(
    'refuses the key %j',
    async (key) => {
      const store = open(place());
      const works = [
        () => store.put(key, bytes('x'), 'text/csv'),
        () => store.read(key),
        () => store.remove(key),
      ];
      for (const work of works) expect((await failureOf(work)).exchange).toMatchObject({ transient: false });
    },
  );
});

describe('a folder', () => {
  it('is readable by its own account alone, with its files', async () => {
    const root = path.join(temporaryFolder(), 'reports');
    const store = open({ kind: 'folder', path: root });
    await store.put('a/one.csv', bytes('1'), 'text/csv');
    expect(statSync(path.join(root, 'a', 'one.csv')).mode & 0o777).toBe(0o600);
    for (const folder of [root, path.join(root, 'a')]) expect(statSync(folder).mode & 0o777).toBe(0o700);
  });

  it('clears away what a killed process left half written, and never lists it', async () => {
    const root = temporaryFolder();
    const store = open({ kind: 'folder', path: root });
    writeFileSync(path.join(root, '.unfinished.one.csv.4f2'), 'half');
    expect(await store.list('')).toEqual([]);
    await store.put('one.csv', bytes('whole'), 'text/csv');
    expect(readdirSync(root)).toEqual(['one.csv']);
  });

  it('leaves the file before, and nothing half written, when a new one cannot take its place', async () => {
    const root = temporaryFolder();
    const store = open({ kind: 'folder', path: root });
    mkdirSync(path.join(root, 'one.csv', 'occupied'), { recursive: true });
    expect((await failureOf(() => store.put('one.csv', bytes('x'), 'text/csv'))).exchange.transient).toBe(
      false,
    );
    expect(readdirSync(root)).toEqual(['one.csv']);
  });

  it('shows how old a file is', async () => {
    const root = temporaryFolder();
    const store = open({ kind: 'folder', path: root });
    await store.put('one.csv', bytes('1'), 'text/csv');
    const long = new Date('2026-01-05T10:00:00Z');
    utimesSync(path.join(root, 'one.csv'), long, long);
    expect(await store.list('one')).toEqual([{ key: 'one.csv', modifiedAt: long }]);
  });

  it('survives many writers of one key: one of the contents is there, whole', async () => {
    const root = temporaryFolder();
    const store = open({ kind: 'folder', path: root });
    const contents = Array.from({ length: 8 }, (_, index) => `${index}`.repeat(10_000));
    const outcomes = await Promise.allSettled(
      contents.map((content) => store.put('one.csv', bytes(content), 'text/csv')),
    );
    for (const outcome of outcomes) {
      if (outcome.status === 'fulfilled') continue;
      expect(outcome.reason).toMatchObject({ exchange: { transient: true } });
    }
    expect(outcomes.some(({ status }) => status === 'fulfilled')).toBe(true);
    expect(contents).toContain(textOf(await store.read('one.csv')));
    expect(readdirSync(root)).toEqual(['one.csv']);
  });

  it('says in words that a file stands in its way', async () => {
    const root = path.join(temporaryFolder(), 'reports');
    writeFileSync(root, '');
    const failure = await failureOf(() =>
      open({ kind: 'folder', path: root }).put('a.csv', bytes('x'), 'text/csv'),
    );
    expect(failure.message).toContain(
      `folder ${root}: write a.csv is not possible: there is a file where a folder belongs`,
    );
    expect(failure.exchange.transient).toBe(false);
  });

  it.skipIf(process.getuid?.() === 0)('says that it may not write there', async () => {
    const root = temporaryFolder();
    chmodSync(root, 0o500);
    const failure = await failureOf(() =>
      open({ kind: 'folder', path: root }).put('a.csv', bytes('x'), 'text/csv'),
    );
    expect(failure.message).toMatch(/is not allowed \(EACCES\)/);
    expect(failure.exchange.transient).toBe(false);
  });
});

describe('a bucket', () => {
  it('is listed page by page', async () => {
    const asked: (string | null)[] = [];
    const endpoint = await listenWith((request, response) => {
      const { searchParams } = new URL(request.url ?? '', 'http://bucket');
      asked.push(searchParams.get('continuation-token'));
      const page = asked.length;
      response.writeHead(200, { 'content-type': 'application/xml' }).end(
        `<?xml version="1.0"?><ListBucketResult><Name>reports</Name><IsTruncated>${page < 3}</IsTruncated>
         <Contents><Key>p/many_${page}.csv</Key><LastModified>2026-01-0${page}T10:00:00.000Z</LastModified></Contents>
         ${page < 3 ? `<NextContinuationToken>after ${page}&amp;=</NextContinuationToken>` : ''}</ListBucketResult>`,
      );
    });
    const store = open({ ...bucket.destination, endpoint, prefix: 'p' });
    expect(await store.list('many_')).toEqual(
      [1, 2, 3].map((page) => ({
        key: `many_${page}.csv`,
        modifiedAt: new Date(`2026-01-0${page}T10:00:00Z`),
      })),
    );
    expect(asked).toEqual([null, 'after 1&=', 'after 2&=']);
  });

  it('keeps what belongs to other prefixes apart', async () => {
    const one = open(ownPrefix());
    const other = open(ownPrefix());
    await one.put('a.csv', bytes('one'), 'text/csv');
    expect(await other.list('')).toEqual([]);
    expect(await other.read('a.csv')).toBeUndefined();
  });

  it('says which bucket is missing, for good', async () => {
    const store = open({ ...bucket.destination, bucket: 'missing', prefix: 'p' });
    const works = [
      () => store.put('a.csv', bytes('x'), 'text/csv'),
      () => store.read('a.csv'),
      () => store.list(''),
    ];
    for (const work of works) {
      const failure = await failureOf(work);
      expect(failure.message).toMatch(/^s3:\/\/missing\/p: .*404 \(NoSuchBucket\)/);
      expect(failure.exchange).toMatchObject({ status: 404, transient: false });
    }
  });

  it('refuses credentials that nobody knows for good, and names none of them', async () => {
    const credentials = { accessKeyId: 'AKIANOBODY', secretAccessKey: 'a-wrong-secret' };
    const store = open({ ...bucket.destination, credentials });
    const failure = await failureOf(() => store.put('a.csv', bytes('x'), 'text/csv'));
    expect(failure.message).toContain('403 (InvalidAccessKeyId): correct access_key_id');
    expect(failure.exchange).toMatchObject({ status: 403, transient: false });
    expect(JSON.stringify([failure.message, failure.exchange])).not.toMatch(/a-wrong-secret|AKIANOBODY/);
  });

  it.each([
    { status: 500, transient: true },
    { status: 503, transient: true },
    { status: 429, transient: true },
    { status: 403, transient: false },
    { status: 404, transient: false },
  ])('takes a $status for transient: $transient', async ({ status, transient }) => {
    const endpoint = await listenWith((_request, response) => response.writeHead(status).end());
    const store = open({ ...bucket.destination, endpoint });
    expect((await failureOf(() => store.put('a.csv', bytes('x'), 'text/csv'))).exchange).toMatchObject({
      status,
      transient,
    });
  });

  it('gives up on a server that does not answer, and on one that stops in the middle', async () => {
    const silent = await listenWith(() => undefined);
    const halting = await listenWith((_request, response) =>
      response.writeHead(200, { 'content-length': '1000' }).write('half'),
    );
    for (const endpoint of [silent, halting]) {
      const store = open({ ...bucket.destination, endpoint }, 300);
      const failure = await failureOf(() => store.read('a.csv'));
      expect(failure.message).toContain('was not answered within 0.3 s');
      expect(failure.exchange.transient).toBe(true);
    }
  });

  it('gives up soon on a server that takes no connection', { timeout: 60_000 }, async () => {
    const endpoint = await listenForNobody();
    const failure = await failureOf(() =>
      open({ ...bucket.destination, endpoint }, 50_000).put('a.csv', bytes('x'), 'text/csv'),
    );
    expect(failure.message).toContain('took no connection within 5 s');
    expect(failure.exchange.transient).toBe(true);
  });

  it('takes a lost connection and a closed port for transient', async () => {
    const hangingUp = await listenWith((request) => request.socket.destroy());
    const nobody = `http://127.0.0.1:${await closedPort()}`;
    for (const endpoint of [hangingUp, nobody]) {
      const failure = await failureOf(() => open({ ...bucket.destination, endpoint }).list(''));
      expect(failure.exchange).toMatchObject({ transient: true });
      expect(failure.exchange.status).toBeUndefined();
    }
  });
});

/** A server that answers as told, until the end of the test. */
async function listenWith(answer: Parameters<typeof createServer>[1]): Promise<string> {
  const server: Server = createServer({}, answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the server has no port');
  return `http://127.0.0.1:${address.port}`;
}

/** A server that stands still, and whose queue of connections is full: the next one gets no answer at all. */
async function listenForNobody(): Promise<string> {
  const script = `require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, function () {
    process.stdout.write(String(this.address().port));
  })`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [port] = (await once(child.stdout, 'data')) as [Buffer];
  child.kill('SIGSTOP');
  const waiting = Array.from({ length: 8 }, () => connect(Number(port.toString()), '127.0.0.1'));
  for (const socket of waiting) socket.on('error', () => undefined);
  onTestFinished(() => waiting.forEach((socket) => void socket.destroy()));
  await waitFor(() => waiting.filter(({ connecting }) => !connecting).length >= 2, {
    what: 'the queue to fill',
  });
  return `http://127.0.0.1:${port.toString()}`;
}

/** A port that was free a moment ago. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the server has no port');
  await new Promise((resolve) => server.close(resolve));
  return address.port;
}
