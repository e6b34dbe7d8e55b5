import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ServiceFailure } from '../../../platform/failure.ts';
import { createLmsClient } from '../../../platform/lms/client.ts';
import { createPartnerReports, type PartnerReports } from '../../../platform/lms/partner-reports.ts';

/** An LMS that holds these rows and refuses in words of its own. */
interface Lms {
  readonly reports: PartnerReports;
  readonly processed: Set<string>;
  /** Names given in each request. */
  readonly asked: (readonly string[])[];
}

type Words = (given: readonly string[], found: readonly string[]) => string;

const ofOpenEdx: Words = (given, found) =>
  JSON.stringify(
    `${given.length} original_usernames given, ${found.length} found!\nGiven usernames:\n${given.join(', ')}\n` +
      `Found UserRetirementReportingStatuses:\n${found.join(', ')}`,
  );
const withoutNames: Words = (given, found) =>
  JSON.stringify({ error: `${found.length} found of ${given.length}` });
const withoutAnything: Words = () => JSON.stringify({ detail: 'no' });

async function startLms(names: readonly string[], words: Words): Promise<Lms> {
  const processed = new Set(names);
  const asked: (readonly string[])[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      if (request.url === '/oauth2/access_token') {
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify({ access_token: 'token', expires_in: 3600, token_type: 'JWT' }));
        return;
      }
      const rows = (await json(request)) as readonly { readonly original_username: string }[];
      const given = rows.map((row) => row.original_username);
      asked.push(given);
      const found = [...processed].filter((name) => given.includes(name));
      if (found.length !== given.length) {
        response.writeHead(400, { 'content-type': 'application/json' }).end(words(given, found));
        return;
      }
      for (const name of found) processed.delete(name);
      response.writeHead(204).end();
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the server has no port');
  const client = createLmsClient({
    baseUrl: `http://127.0.0.1:${address.port}`,
    clientId: 'client',
    clientSecret: 'secret',
    concurrency: 2,
    timeoutMs: 10_000,
  });
  onTestFinished(async () => {
    await client.close();
    await new Promise((resolve) => server.close(resolve));
  });
  return { reports: createPartnerReports(client), processed, asked };
}

const people = (count: number, prefix = 'person'): readonly string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}-${index}`);

describe.each([
  ['in the words of Open edX', ofOpenEdx],
  ['in words that name nobody', withoutNames],
])('an LMS that refuses %s', (_, words) => {
  it.each([
    ['nobody', []],
    ['everybody', people(9)],
    ['one', ['person-4']],
    ['some', ['person-0', 'person-3', 'person-8']],
  ])('tells who is being processed, without any change: %s', async (_kind, names) => {
    const { reports, processed } = await startLms(names, words);
    expect(await reports.listProcessed(people(9))).toEqual(names);
    expect([...processed]).toEqual(names);
  });

  it('cleans up those who are there, and says how many were not', async () => {
    const { reports, processed } = await startLms([...people(5), 'somebody-else'], words);
    expect(await reports.cleanUp([...people(5), ...people(3, 'gone')])).toEqual({ missing: 3 });
    expect([...processed]).toEqual(['somebody-else']);
    expect(await reports.cleanUp(people(5))).toEqual({ missing: 5 });
  });

  it('takes names with commas and spaces for what they are, and a part of a name for nobody', async () => {
    const names = ['a, b', 'person', 'Person'];
    const { reports } = await startLms(names, words);
    expect(await reports.listProcessed(['a, b', 'a', 'b', 'person', 'PERSON', 'perso'])).toEqual([
      'a, b',
      'person',
    ]);
  });
});

it('asks once where one request says it all, and in parts where there are many', async () => {
  const { reports, asked } = await startLms(people(1_200), ofOpenEdx);
  expect(await reports.listProcessed(people(3))).toEqual(people(3));
  expect(asked).toHaveLength(1);
  expect(await reports.cleanUp(people(1_200))).toEqual({ missing: 0 });
  expect(asked.map((given) => given.length)).toEqual([4, 500, 500, 200]);
});

it('cleans up each name once, and nobody without a request', async () => {
  const { reports, processed, asked } = await startLms(['one'], ofOpenEdx);
  expect(await reports.cleanUp(['one', 'one'])).toEqual({ missing: 0 });
  expect([...processed]).toEqual([]);
  expect(await reports.cleanUp([])).toEqual({ missing: 0 });
  expect(await reports.listProcessed([])).toEqual([]);
  expect(asked).toHaveLength(1);
});

it('takes nobody for done when the refusal says nothing of rows, and names nobody itself', async () => {
  const { reports, processed } = await startLms(['one'], withoutAnything);
  for (const work of [() => reports.listProcessed(['one', 'two']), () => reports.cleanUp(['one', 'two'])]) {
    const error = await work().catch((reason: unknown) => reason);
    if (!(error instanceof ServiceFailure)) throw new Error('no ServiceFailure', { cause: error });
    expect(error.exchange.transient).toBe(false);
    expect(error.message).toContain('in words that do not say how many rows it found');
    expect(error.message).not.toContain('one,');
  }
  expect([...processed]).toEqual(['one']);
});
