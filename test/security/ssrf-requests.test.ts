import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DeclaredMethod, ServiceAuth } from '../../domain/retirement/service-declaration.ts';
import { ServiceFailure } from '../../platform/failure.ts';
import type { Learner } from '../../platform/learner.ts';
import { createDeclaredProbes, createDeclaredService } from '../../platform/services/declared.ts';
import { learnerWith, startStandIn, type Received, type StandIn } from '../platform/services/stand-in.ts';
import { fuzzing } from './fuzz.ts';
import { hostileText } from './hostile-text.ts';

let server: StandIn;
beforeAll(async () => {
  server = await startStandIn();
});
afterAll(() => server.close());

const FIELDS = [
  'original_username',
  'original_email',
  'original_name',
  'retired_username',
  'retired_email',
] as const;
type Field = (typeof FIELDS)[number];

const paths = FIELDS.flatMap((name) => [
  `/people/{${name}}`,
  `/people/{${name}}/`,
  `/people/{${name}}/data/{user_id}?who={${name}}&all=no`,
  `/people/by-{${name}}.json`,
  `/people/{${name}}{${name}}/end`,
  `/people?who={${name}}`,
]);

const auths = (): readonly ServiceAuth[] => [
  { kind: 'none' },
  { kind: 'header', name: 'X-Key', value: 'key-7731' },
  {
    kind: 'oauth',
    tokenUrl: `${server.url}/token`,
    clientId: 'client-7731',
    clientSecret: 'secret-7731',
    scheme: 'Bearer',
  },
];

const learners = fc
  .tuple(...FIELDS.map(() => hostileText))
  .map(
    ([
      originalUsername = '',
      originalEmail = '',
      originalName = '',
      retiredUsername = '',
      retiredEmail = '',
    ]) => learnerWith({ originalUsername, originalEmail, originalName, retiredUsername, retiredEmail }),
  );

const hostileCalls = fc.record({
  template: fc.constantFrom(...paths),
  verb: fc.constantFrom('DELETE', 'POST', 'PUT', 'GET'),
  auth: fc.nat({ max: 2 }),
  learner: learners,
});

describe('a request to a declared service', () => {
  it('is the declared one or none, whatever the learner is called', { timeout: 300_000 }, async () => {
    let sent = 0;
    await fc.assert(
      fc.asyncProperty(hostileCalls, async ({ template, verb, auth: chosen, learner }) => {
        const auth = auths()[chosen] ?? { kind: 'none' };
        const body =
          verb === 'GET' ? {} : { body: { who: '{original_name}', nested: [{ mail: 'x{original_email}' }] } };
        const method: DeclaredMethod = { verb, path: template, ok: [200], nothingToErase: [], ...body };
        allGood();
        const service = createDeclaredService('CRM', declaration(method, auth), { timeoutMs: 10_000 });
        if (await isRefused(async () => service['erase']?.({ learner }))) return;
        sent += 1;
        const requests = [...server.received];
        const call = requests.pop();
        expect(requests.map(({ verb: asked, path: at }) => `${asked} ${at}`)).toEqual(
          auth.kind === 'oauth' ? ['POST /token'] : [],
        );
        expectTheDeclared(call, { verb, template, learner });
        if (verb !== 'GET') {
          expect(JSON.parse(call?.body ?? '')).toEqual({
            who: learner.originalName,
            nested: [{ mail: `x${learner.originalEmail}` }],
          });
        }
      }),
      fuzzing('requests to declared services', 400),
    );
    expect(sent).toBeGreaterThan(0);
  });

  it('to verify an erasure only reads what is declared, or nothing', { timeout: 300_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(hostileCalls, async ({ template, learner }) => {
        const method: DeclaredMethod = {
          verb: 'POST',
          path: '/erase',
          ok: [200],
          nothingToErase: [],
          verify: { verb: 'GET', path: template, gone: [404] },
        };
        allGood();
        const probes = createDeclaredProbes('CRM', declaration(method, { kind: 'none' }), {
          timeoutMs: 10_000,
        });
        if (await isRefused(async () => probes['erase']?.({ learner }))) return;
        expect(server.received).toHaveLength(1);
        expectTheDeclared(server.received[0], { verb: 'GET', template, learner });
      }),
      fuzzing('requests that verify', 200),
    );
  });
});

function declaration(method: DeclaredMethod, auth: ServiceAuth) {
  return { kind: 'http' as const, baseUrl: `${server.url}/base`, auth, methods: { erase: method } };
}

function allGood(): void {
  server.behave(({ path: at }) =>
    at === '/token'
      ? { status: 200, body: { access_token: 'token-1', expires_in: 60 } }
      : { status: 200, body: {} },
  );
}

/** True when nothing was sent for the learner, which must be a failure for good with words that name nobody. */
async function isRefused(call: () => Promise<unknown>): Promise<boolean> {
  try {
    await call();
    return false;
  } catch (error) {
    if (!(error instanceof ServiceFailure)) throw error;
    expect(error.exchange.transient).toBe(false);
    expect(error.exchange.what).toMatch(/^cannot be asked: its path would hold /);
    expect(server.received).toEqual([]);
    return true;
  }
}

const expectedHeaders = [
  'accept',
  'authorization',
  'connection',
  'content-length',
  'content-type',
  'host',
  'user-agent',
  'x-key',
];

function expectTheDeclared(
  call: Received | undefined,
  {
    verb,
    template,
    learner,
  }: { readonly verb: string; readonly template: string; readonly learner: Learner },
): void {
  if (call === undefined) throw new Error('nothing was received');
  expect(call.verb).toBe(verb);
  expect(call.headers.host).toBe(new URL(server.url).host);
  expect(Object.keys(call.headers).filter((name) => !expectedHeaders.includes(name))).toEqual([]);
  expect(call.path).toMatch(patternOf(template));
  // As the most careless server sees it, which decodes before it looks for folders.
  const [at = ''] = call.path.split('?', 1);
  const seen = path.posix.normalize(decodedWholly(at).replaceAll('\\', '/'));
  expect(seen).toMatch(template.startsWith('/people?') ? /^\/base\/people$/ : /^\/base\/people\/[^/]/);
  expect(seen).not.toMatch(/\0/);
  const query = new URLSearchParams(call.path.split('?')[1] ?? '');
  expect([...query.keys()]).toEqual([...new URLSearchParams(template.split('?')[1] ?? '').keys()]);
  const name = FIELDS.find((each) => template.includes(`who={${each}}`));
  if (name !== undefined) expect(query.get('who')).toBe(wellFormed(valueOf(learner, name)));
}

/** The template with anything in place of each placeholder that has no character of a path's structure. */
function patternOf(template: string): RegExp {
  const parts = template.split(/\{[a-z_]+\}/).map((part) => part.replace(/[.?]/g, '\\$&'));
  return new RegExp(`^/base${parts.join('[^/?#&=@\\\\\\s]+')}$`);
}

function decodedWholly(text: string): string {
  const once = text.replace(/%([0-9a-f]{2})/gi, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  );
  return once === text ? text : decodedWholly(once);
}

function wellFormed(value: string): string {
  return Buffer.from(value).toString();
}

function valueOf(learner: Learner, name: Field): string {
  switch (name) {
    case 'original_username':
      return learner.originalUsername;
    case 'original_email':
      return learner.originalEmail;
    case 'original_name':
      return learner.originalName;
    case 'retired_username':
      return learner.retiredUsername;
    case 'retired_email':
      return learner.retiredEmail;
  }
}
