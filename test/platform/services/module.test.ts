import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ServiceFailure } from '../../../platform/failure.ts';
import { loadModuleService } from '../../../platform/services/module.ts';
import { failureOf, learnerWith, startStandIn, type StandIn } from './stand-in.ts';

let folder: string;
let server: StandIn;
let written = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'registrar-module-'));
  server = await startStandIn();
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

async function moduleFile(text: string): Promise<string> {
  const path = join(folder, `module-${++written}.mjs`);
  await writeFile(path, text);
  return path;
}

/** A module with one method `erase` of that body. */
async function erase(
  body: string,
  { signal, timeoutMs = 5000 }: { signal?: AbortSignal; timeoutMs?: number } = {},
) {
  const path = await moduleFile(`export async function erase({ learner, signal, fetch }) { ${body} }`);
  const service = await loadModuleService('LEGACY', path, { timeoutMs, methods: ['erase'] });
  return service['erase']?.({ learner: learnerWith(), signal });
}

describe('a module service', () => {
  it.each([
    { body: 'return `erased ${learner.userId}`', outcome: { kind: 'erased', response: 'erased 42' } },
    { body: '', outcome: { kind: 'erased', response: 'done' } },
    {
      body: `return { kind: 'erased', response: 'two rows' }`,
      outcome: { kind: 'erased', response: 'two rows' },
    },
    {
      body: `return { kind: 'nothing-to-erase' }`,
      outcome: { kind: 'nothing-to-erase', response: 'nothing to erase' },
    },
    {
      body: `return { kind: 'nothing-to-erase', response: 'no row' }`,
      outcome: { kind: 'nothing-to-erase', response: 'no row' },
    },
  ])('answers as its function does: $body', async ({ body, outcome }) => {
    expect(await erase(body)).toEqual(outcome);
  });

  it('has each exported function as a method', async () => {
    const path = await moduleFile(
      'export const a = async () => "a"; export function b() { return "b"; } export const c = 1;',
    );
    const service = await loadModuleService('LEGACY', path, { timeoutMs: 10_000 });
    expect(Object.keys(service).sort()).toEqual(['a', 'b']);
    expect(await service['b']?.({ learner: learnerWith() })).toMatchObject({ response: 'b' });
  });

  it('calls over HTTP with the fetch that it is given', async () => {
    server.behave(() => ({ status: 200, body: 'gone' }));
    const body = `const answer = await fetch('${server.url}/people/' + learner.userId, { method: 'DELETE' }); return answer.text();`;
    expect(await erase(body)).toEqual({ kind: 'erased', response: 'gone' });
    expect(server.received[0]).toMatchObject({ verb: 'DELETE', path: '/people/42' });
  });

  it.each([
    { thrown: 'new Error("x")', transient: false },
    { thrown: 'Object.assign(new Error("x"), { transient: true })', transient: true, what: /\(Error\)/ },
    { thrown: 'Object.assign(new Error("x"), { status: 404 })', transient: false, status: 404 },
    {
      thrown: 'Object.assign(new Error("x"), { status: 429, retryAfterMs: 5 })',
      transient: true,
      status: 429,
    },
    { thrown: 'Object.assign(new Error("x"), { status: 503 })', transient: true, status: 503 },
    {
      thrown: 'Object.assign(new Error("x"), { status: 503, transient: false })',
      transient: false,
      status: 503,
    },
    { thrown: 'Object.assign(new Error("x"), { code: "ECONNREFUSED" })', transient: true },
    {
      thrown: 'Object.assign(new TypeError("x"), { code: "EINVAL" })',
      transient: false,
      what: /\(TypeError\)/,
    },
    { thrown: '"just a text"', transient: false, what: /an unnamed error/ },
    { thrown: 'undefined', transient: false },
  ])(
    'fails as the error says: $thrown',
    async ({ thrown, transient, status, what = /failed in its module/ }) => {
      const failure = await failureOf(erase(`throw ${thrown}`));
      expect(failure.exchange).toMatchObject({ service: 'LEGACY', route: 'erase', status, transient });
      expect(failure.message).toMatch(what);
    },
  );

  it('keeps the exchange of a failure, and words of its own for the message', async () => {
    const exchange = {
      service: 'X',
      verb: 'GET',
      path: '/ada',
      route: '/ada',
      status: 503,
      body: 'ada',
      transient: true,
    };
    const cause = new ServiceFailure({ ...exchange, what: 'ada', retryAfterMs: 9 });
    const learner = Object.defineProperty(learnerWith(), 'originalName', {
      get() {
        throw cause;
      },
    });
    const path = await moduleFile(
      'export async function erase({ learner }) { return learner.originalName; }',
    );
    const service = await loadModuleService('LEGACY', path, { timeoutMs: 10_000 });
    const failure = await failureOf(Promise.resolve(service['erase']?.({ learner })));
    expect(failure.exchange).toMatchObject({
      path: '/ada',
      status: 503,
      body: 'ada',
      transient: true,
      retryAfterMs: 9,
    });
    expect(failure.message).toBe('LEGACY: CALL erase failed in its module (ServiceFailure)');
  });

  it('keeps what an error says of a person out of the message', async () => {
    const error =
      'Object.assign(new Error("no row for " + learner.originalEmail), { name: learner.originalEmail })';
    const failure = await failureOf(erase(`throw ${error}`));
    expect(failure.message).not.toContain('ada');
    expect(failure.exchange.body).toBe('no row for ada@example.com');
  });

  it.each(['await fetch(URL)', 'await (await fetch(URL)).text()'])(
    'is worth another try when the far side does not answer: %s',
    async (call) => {
      const body = call.replace('URL', `'${server.url}'`);
      server.behave(() => 'drop');
      expect((await failureOf(erase(body))).exchange.transient).toBe(true);
      server.behave(() => 'hang');
      expect((await failureOf(erase(body, { timeoutMs: 50 }))).exchange.transient).toBe(true);
    },
  );

  it.each(['return fetch(URL)', 'return true', 'return { deleted: 1 }', 'return null'])(
    'does not take any answer for an erasure: %s',
    async (body) => {
      server.behave(() => ({ status: 404 }));
      const { exchange } = await failureOf(erase(body.replace('URL', `'${server.url}'`)));
      expect(exchange).toMatchObject({ what: 'returned neither a text nor an outcome', transient: false });
    },
  );

  it('stops when it is aborted, even if the function does not listen', async () => {
    const controller = new AbortController();
    const reason = new Error('worker shuts down');
    server.behave(() => {
      controller.abort(reason);
      return { status: 200 };
    });
    const body = `await globalThis.fetch('${server.url}'); await new Promise(() => {});`;
    await expect(erase(body, { signal: controller.signal })).rejects.toBe(reason);
  });

  it('is loaded again after its file has changed', async () => {
    const path = await moduleFile('export const erase = async () => "before"');
    const load = () => loadModuleService('LEGACY', path, { timeoutMs: 10_000 });
    const before = await load();
    await writeFile(path, 'export const erase = async () => "after"');
    await utimes(path, 1, 1);
    const after = await load();
    expect(await before['erase']?.({ learner: learnerWith() })).toMatchObject({ response: 'before' });
    expect(await after['erase']?.({ learner: learnerWith() })).toMatchObject({ response: 'after' });
  });

  it.each([
    { text: 'export const a = 1', complaint: /exports no function "erase"; its functions are: none$/ },
    { text: 'export const b = () => 1', complaint: /exports no function "erase"; its functions are: b$/ },
    { text: 'export const erase = (', complaint: /^service "LEGACY": cannot load .*: / },
    { text: 'throw new Error("one\\ntwo")', complaint: /cannot load .*: one$/ },
    { text: 'import "./is-not-there.mjs"', complaint: /cannot load .*is-not-there/ },
  ])('is refused in one line when it cannot work: $text', async ({ text, complaint }) => {
    const loading = loadModuleService('LEGACY', await moduleFile(text), {
      timeoutMs: 10_000,
      methods: ['erase'],
    });
    const error = await loading.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Error);
    expect(String(error instanceof Error && error.message)).toMatch(complaint);
    expect(String(error)).not.toContain('\n');
  });

  it('is refused when its file is missing', async () => {
    const loading = loadModuleService('LEGACY', join(folder, 'missing.mjs'), { timeoutMs: 10_000 });
    await expect(loading).rejects.toThrow(/^service "LEGACY": cannot load .*missing\.mjs: ENOENT/);
  });
});
