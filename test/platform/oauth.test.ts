import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTokenSource, type TokenSource, type TokenSourceOptions } from '../../platform/oauth.ts';
import { failureOf, html, startStandIn, type Answer, type StandIn } from './services/stand-in.ts';

const secret = 'p@ss "w/ord" ü+';
let server: StandIn;
beforeAll(async () => {
  server = await startStandIn();
});
afterAll(() => server.close());

function source(differences: Partial<TokenSourceOptions> = {}): TokenSource {
  return createTokenSource({
    service: 'LMS',
    tokenUrl: `${server.url}/oauth2/access_token`,
    clientId: 'worker',
    clientSecret: secret,
    tokenType: 'jwt',
    timeoutMs: 5000,
    ...differences,
  });
}

/** Hands out t1, t2, … with the given lifetime. */
function serveTokens(lifetime: unknown = 3600): void {
  let count = 0;
  server.behave(() => ({ status: 200, body: { access_token: `t${++count}`, expires_in: lifetime } }));
}

describe('a token source', () => {
  it('asks for client credentials as a form', async () => {
    serveTokens();
    expect(await source({ scope: 'user profile' }).token()).toBe('t1');
    const [asked] = server.received;
    expect(asked).toMatchObject({ verb: 'POST', path: '/oauth2/access_token' });
    expect(asked?.headers['content-type']).toBe('application/x-www-form-urlencoded');
    expect(Object.fromEntries(new URLSearchParams(asked?.body))).toEqual({
      grant_type: 'client_credentials',
      client_id: 'worker',
      client_secret: secret,
      token_type: 'jwt',
      scope: 'user profile',
    });
  });

  it('fetches one token however many ask at the same time', async () => {
    serveTokens();
    const tokens = source();
    expect(new Set(await Promise.all(Array.from({ length: 50 }, () => tokens.token())))).toEqual(
      new Set(['t1']),
    );
    expect(await tokens.token()).toBe('t1');
    expect(server.received).toHaveLength(1);
  });

  it('lets one caller give up without taking the token from the others', async () => {
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    server.behave(async () => {
      await released;
      return { status: 200, body: { access_token: 't1', expires_in: 3600 } };
    });
    const tokens = source();
    const impatient = new AbortController();
    const first = tokens.token(impatient.signal);
    const second = tokens.token();
    const reason = new Error('shutting down');
    impatient.abort(reason);
    await expect(first).rejects.toBe(reason);
    await expect(tokens.token(impatient.signal)).rejects.toBe(reason);
    release();
    expect(await second).toBe('t1');
    expect(server.received).toHaveLength(1);
  });

  it.each([
    { lifetime: 3600, stillGoodAt: 3_539_999, renewedAt: 3_540_000 },
    { lifetime: 100, stillGoodAt: 89_999, renewedAt: 90_000 },
    { lifetime: '100', stillGoodAt: 89_999, renewedAt: 90_000 },
    { lifetime: null, stillGoodAt: 269_999, renewedAt: 270_000 },
  ])('renews a token of $lifetime s before it ends', async ({ lifetime, stillGoodAt, renewedAt }) => {
    serveTokens(lifetime);
    let now = 0;
    const tokens = source({ now: () => now });
    expect(await tokens.token()).toBe('t1');
    now = stillGoodAt;
    expect(await tokens.token()).toBe('t1');
    now = renewedAt;
    expect(await tokens.token()).toBe('t2');
  });

  it('asks once after a burst of refusals of the same token', async () => {
    serveTokens();
    const tokens = source();
    await tokens.token();
    tokens.forget('t1');
    expect(await tokens.token()).toBe('t2');
    tokens.forget('t1');
    tokens.forget('t1');
    expect(await tokens.token()).toBe('t2');
    expect(server.received).toHaveLength(2);
  });

  it('tries again after a failure', async () => {
    server.behave(() => ({ status: 503 }));
    const tokens = source();
    await failureOf(tokens.token());
    serveTokens();
    expect(await tokens.token()).toBe('t1');
  });

  const refusals: readonly { title: string; answer: Answer; transient: boolean; what: RegExp }[] = [
    {
      title: '401',
      answer: { status: 401, body: { error: 'invalid_client' } },
      transient: false,
      what: /answered 401/,
    },
    { title: '400', answer: { status: 400, body: {} }, transient: false, what: /answered 400/ },
    {
      title: '302',
      answer: { status: 302, headers: { location: '/login' } },
      transient: false,
      what: /answered 302/,
    },
    { title: '429', answer: { status: 429 }, transient: true, what: /answered 429/ },
    { title: '500', answer: { status: 500 }, transient: true, what: /answered 500/ },
    { title: 'HTML', answer: html, transient: true, what: /answered 200 with HTML/ },
    { title: 'an empty body', answer: { status: 200 }, transient: true, what: /with an empty body/ },
    {
      title: 'no token',
      answer: { status: 200, body: { token: 'leaked' } },
      transient: false,
      what: /without a usable/,
    },
    {
      title: 'a token that no header carries',
      answer: { status: 200, body: { access_token: 'a\nb' } },
      transient: false,
      what: /without a usable/,
    },
    { title: 'a closed connection', answer: 'drop', transient: true, what: /closed the connection/ },
  ];
  it.each(refusals)('fails on $title', async ({ answer, transient, what }) => {
    server.behave(() => answer);
    const failure = await failureOf(source().token());
    expect(failure.exchange).toMatchObject({
      service: 'LMS',
      verb: 'POST',
      route: '/oauth2/access_token',
      transient,
    });
    expect(failure.message).toMatch(what);
    expect(failure.exchange.body ?? '').not.toContain('leaked');
  });

  it('fails as transient when no answer comes in time', async () => {
    server.behave(() => 'hang');
    const failure = await failureOf(source({ timeoutMs: 50 }).token());
    expect(failure.exchange).toMatchObject({ transient: true, what: 'did not answer within 0.05 s' });
  });

  it('keeps the secret out of failures even when the server repeats it', async () => {
    server.behave(({ body }) => ({ status: 400, body: `${body} ${secret} ${JSON.stringify({ secret })}` }));
    const { exchange } = await failureOf(source().token());
    expect(exchange.body).toContain('client_id=worker');
    expect(exchange.body?.match(/\*\*\*/g)).toHaveLength(3);
    expect(exchange.body).not.toContain('ord');
  });
});
