import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Learner } from '../../../platform/learner.ts';
import type { DeclaredMethod, ServiceAuth } from '../../../domain/retirement/service-declaration.ts';
import { createDeclaredService } from '../../../platform/services/declared.ts';
import {
  failureOf,
  html,
  learnerWith,
  missingRoute,
  oddValues,
  refusedInPaths,
  startStandIn,
  type StandIn,
} from './stand-in.ts';

let server: StandIn;
beforeAll(async () => {
  server = await startStandIn();
});
afterAll(() => server.close());

const none: ServiceAuth = { kind: 'none' };

function declared(method: Partial<DeclaredMethod>, auth = none, baseUrl = `${server.url}/base`) {
  const erase: DeclaredMethod = {
    verb: 'POST',
    path: '/erase',
    ok: [200, 204],
    nothingToErase: [404, 410],
    ...method,
  };
  const service = createDeclaredService(
    'CRM',
    { kind: 'http', baseUrl, auth, methods: { erase } },
    { timeoutMs: 5000 },
  );
  return async (learner: Partial<Learner> = {}) => service['erase']?.({ learner: learnerWith(learner) });
}

function allGood(): void {
  server.behave(() => ({ status: 204 }));
}

const only = () => {
  expect(server.received).toHaveLength(1);
  const [sent] = server.received;
  if (sent === undefined) throw new Error('nothing was sent');
  return sent;
};

describe('the path of a declared method', () => {
  it('has every placeholder filled in', async () => {
    allGood();
    const path =
      '/u/{user_id}/{original_username}/{original_email}/{original_name}/{retired_username}/{retired_email}?segment={ecommerce_segment_id}';
    await declared({ verb: 'DELETE', path })({ ecommerceSegmentId: 'ecommerce-5' });
    expect(only()).toMatchObject({
      verb: 'DELETE',
      path: '/base/u/42/ada/ada%40example.com/Ada%20Lovelace/retired__user_0f1e/retired__user_0f1e%40retired.invalid?segment=ecommerce-5',
      body: '',
    });
    expect(only().headers['content-type']).toBeUndefined();
  });

  it.each(oddValues.filter((value) => !refusedInPaths.includes(value)))(
    'keeps its structure whatever the value: %j',
    async (originalUsername) => {
      allGood();
      await declared({ path: '/u/{original_username}/erase?who={original_username}&all=no' })({
        originalUsername,
      });
      const [, segment = '', query = ''] =
        /^\/base\/u\/([^/?#]+)\/erase\?who=([^&#]+)&all=no$/.exec(only().path) ?? [];
      expect(decodeURIComponent(segment)).toBe(originalUsername);
      expect(decodeURIComponent(query)).toBe(originalUsername);
      expect(only().headers['x-evil']).toBeUndefined();
    },
  );

  it.each(['.', '..', '', ...refusedInPaths])(
    'is refused where %j would make it another one',
    async (originalUsername) => {
      allGood();
      const failure = await failureOf(declared({ path: '/u/{original_username}' })({ originalUsername }));
      expect(failure.exchange).toMatchObject({ transient: false, route: '/u/{original_username}' });
      expect(server.received).toHaveLength(0);
    },
  );

  it('lets dots stand in the middle of a segment', async () => {
    allGood();
    await declared({ path: '/u/name-{original_username}' })({ originalUsername: '..' });
    expect(only().path).toBe('/base/u/name-..');
  });

  it.each(['@evil.example/x', '//evil.example/x', 'erase'])('stays at the base URL: %s', async (path) => {
    allGood();
    await declared({ path })();
    expect(only().path.startsWith('/base/')).toBe(true);
  });

  it('leads to nobody where ecommerce knows no id', async () => {
    allGood();
    const erase = declared({ path: '/segments/{ecommerce_segment_id}' });
    expect(await erase({ ecommerceSegmentId: null })).toMatchObject({ kind: 'nothing-to-erase' });
    expect(server.received).toHaveLength(0);
  });

  it('cannot hold an id that was never asked for', async () => {
    const { exchange } = await failureOf(declared({ path: '/segments/{ecommerce_segment_id}' })());
    expect(exchange.what).toContain('fetch_ecommerce_segment_id');
    expect(exchange.transient).toBe(false);
  });
});

describe('the body of a declared method', () => {
  it('is the declared JSON, filled in', async () => {
    allGood();
    const body = {
      id: '{user_id}',
      ids: ['{user_id}', 'lms-{user_id}', 7, null, true],
      who: { name: '{original_name}', was: 'was {original_username} <{original_email}>' },
      segment: '{ecommerce_segment_id}',
      text: 'ids: {user_id},{ecommerce_segment_id}. { left } alone',
    };
    await declared({ body })({ ecommerceSegmentId: null });
    expect(only().headers['content-type']).toBe('application/json');
    expect(JSON.parse(only().body)).toEqual({
      id: 42,
      ids: [42, 'lms-42', 7, null, true],
      who: { name: 'Ada Lovelace', was: 'was ada <ada@example.com>' },
      segment: null,
      text: 'ids: 42,. { left } alone',
    });
  });

  it.each(oddValues)('holds %j as it is', async (originalName) => {
    allGood();
    await declared({ body: { whole: '{original_name}', part: 'x{original_name}x' } })({ originalName });
    expect(JSON.parse(only().body)).toEqual({ whole: originalName, part: `x${originalName}x` });
  });

  it.each([
    {
      body: { a: ['{orginal_email}'] },
      complaint: /method "erase": unknown placeholder \{orginal_email\}; there are: \{user_id\}/,
    },
    { path: '/{nobody}', complaint: /unknown placeholder \{nobody\}/ },
    { path: '/{constructor}', complaint: /unknown placeholder \{constructor\}/ },
    { body: { a: [{ '{user_id}': 1 }] }, complaint: /placeholder in the key "\{user_id\}"/ },
  ])('is refused when it is declared wrongly: %j', ({ complaint, ...method }) => {
    expect(() => declared(method)).toThrow(complaint);
  });
});

describe('the authentication of a declared service', () => {
  it.each([
    { auth: { kind: 'bearer', token: 'tok-1' }, name: 'authorization', value: 'Bearer tok-1' },
    {
      auth: { kind: 'basic', username: 'ü', password: 'p:w' },
      name: 'authorization',
      value: 'Basic w7w6cDp3',
    },
    { auth: { kind: 'header', name: 'X-Api-Key', value: 'key-1' }, name: 'x-api-key', value: 'key-1' },
  ] as const)('is sent as $name: $value', async ({ auth, name, value }) => {
    allGood();
    await declared({}, auth)();
    expect(only().headers[name]).toBe(value);
  });

  it.each([
    { kind: 'bearer', token: 'secret\n' },
    { kind: 'header', name: 'X-Api-Key', value: 'secret\r\nX-Evil: 1' },
    { kind: 'header', name: 'X Api', value: 'secret' },
  ] as const)('is refused, without repeating it, where a header cannot carry it: %j', (auth) => {
    expect(() => declared({}, auth)).toThrow(/^service "CRM": its credentials hold/);
    expect(() => declared({}, auth)).not.toThrow(/secret/);
  });

  it.each([
    { scheme: 'Bearer', tokenType: null },
    { scheme: 'JWT', tokenType: 'jwt' },
  ])(
    'fetches OAuth tokens, renews a refused one and asks once more: $scheme',
    async ({ scheme, tokenType }) => {
      let tokens = 0;
      server.behave(({ path, headers }) => {
        if (path === '/token')
          return { status: 200, body: { access_token: `t${++tokens}`, expires_in: 3600 } };
        return { status: headers.authorization === `${scheme} t2` ? 204 : 401 };
      });
      const auth = {
        kind: 'oauth',
        tokenUrl: `${server.url}/token`,
        clientId: 'id',
        clientSecret: 'client-secret',
        scope: 'erase',
        scheme,
      } as const;
      const erase = declared({}, auth);
      expect(await erase()).toEqual({ kind: 'erased', response: '204' });
      expect(await erase()).toMatchObject({ kind: 'erased' });
      expect(tokens).toBe(2);
      const form = new URLSearchParams(server.received[0]?.body);
      expect([form.get('scope'), form.get('token_type')]).toEqual(['erase', tokenType]);
    },
  );
});

describe('the answer to a declared method', () => {
  it('means what the declaration says', async () => {
    const erase = declared({ ok: [202], nothingToErase: [404, 200] });
    server.behave(() => ({ status: 202, body: 'queued' }));
    expect(await erase()).toEqual({ kind: 'erased', response: '202 queued' });
    server.behave(() => ({ status: 404, body: { error: 'no such person' } }));
    expect(await erase()).toMatchObject({ kind: 'nothing-to-erase' });
    server.behave(() => ({ status: 200, body: [] }));
    expect(await erase()).toEqual({ kind: 'nothing-to-erase', response: '200 []' });
  });

  it('is never "nothing to erase" when the route itself is missing', async () => {
    for (const status of [404, 410]) {
      server.behave(() => ({ ...missingRoute, status }));
      const { exchange } = await failureOf(declared({})());
      expect(exchange).toMatchObject({ status, transient: false });
      expect(exchange.what).toContain('no such route');
    }
  });

  it.each([
    { ok: [200], nothingToErase: [] },
    { ok: [204], nothingToErase: [200] },
    { ok: [204], nothingToErase: [] },
  ])('is a proxy speaking when it is HTML with a 200: %j', async (method) => {
    server.behave(() => html);
    const { exchange } = await failureOf(declared(method)());
    expect(exchange).toMatchObject({ status: 200, transient: true, what: 'answered 200 with HTML' });
  });

  it('is a failure when it is a success that the declaration does not list', async () => {
    server.behave(() => ({ status: 206, body: {} }));
    const { exchange } = await failureOf(declared({})());
    expect(exchange).toMatchObject({
      transient: false,
      what: 'answered 206, which the declaration does not list',
    });
  });

  it('is no page when it is empty, whatever its type says', async () => {
    const headers = { 'content-type': 'text/html; charset=utf-8' };
    server.behave(() => ({ status: 200, headers }));
    expect(await declared({})()).toMatchObject({ kind: 'erased' });
    server.behave(() => ({ status: 404, headers }));
    expect(await declared({})()).toMatchObject({ kind: 'nothing-to-erase' });
  });

  it('fails without showing the query, which may hold a key', async () => {
    server.behave(() => ({ status: 400 }));
    const failure = await failureOf(declared({ path: '/erase?key=k-12345&id={user_id}' })());
    expect(failure.message).toBe('CRM: POST /base/erase answered 400');
    expect(server.received[0]?.path).toBe('/base/erase?key=k-12345&id=42');
  });

  it('is logged in a few lines', async () => {
    server.behave(() => ({ status: 200, body: 'long\n\n  '.repeat(1000) }));
    const response = (await declared({})())?.response ?? '';
    expect(response.length).toBeLessThan(520);
    expect(response).not.toContain('\n');
    expect(response.startsWith('200 long long')).toBe(true);
  });

  it('is logged without the token that it repeats', async () => {
    server.behave(({ headers }) => ({ status: 200, body: headers }));
    const outcome = await declared({}, { kind: 'bearer', token: 'tok-12345' })();
    expect(outcome?.response).toContain('Bearer ***');
  });
});
