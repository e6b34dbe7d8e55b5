import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSandboxLms } from '../../sandbox/lms/server.ts';
import { waitFor } from '../support/wait.ts';
import {
  accounts,
  credentials,
  json,
  LmsClient,
  send,
  startFixture,
  textOf,
  type Fixture,
} from './lms-client.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture.end());

const queue = `${accounts}retirement_queue/?cool_off_days=0&states=PENDING`;

describe('the sandbox LMS asks for a token', () => {
  it('issues a JWT with an end to a client that knows its secret', async () => {
    const answer = await fixture.client.token();
    expect(answer.status).toBe(200);
    expect(json(answer)).toMatchObject({
      expires_in: 3600,
      token_type: 'JWT',
      scope: expect.any(String) as string,
    });
    const [, payload = ''] = textOf(json(answer), 'access_token').split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as { exp: number };
    expect(claims.exp).toBeGreaterThan(Date.now() / 1000 + 3000);
  });

  it.each([
    ['an unknown client', 'nobody', credentials.clientSecret],
    ['a wrong secret', credentials.clientId, 'wrong'],
    ['no client at all', '', ''],
  ])('answers 401 invalid_client to %s', async (_case, id, secret) => {
    const answer = await fixture.client.token(id, secret);
    expect([answer.status, json(answer)]).toEqual([401, { error: 'invalid_client' }]);
  });

  it('answers 400 to another grant type', async () => {
    const answer = await fixture.client.token(undefined, undefined, { grant_type: 'password' });
    expect([answer.status, json(answer)]).toEqual([400, { error: 'unsupported_grant_type' }]);
  });

  it('gives a token that the endpoints refuse when no JWT was asked for', async () => {
    const answer = json(await fixture.client.token(undefined, undefined, {}));
    expect(answer).toMatchObject({ token_type: 'Bearer' });
    const authorization = `Bearer ${textOf(answer, 'access_token')}`;
    expect((await fixture.client.call('GET', queue, undefined, { authorization })).status).toBe(401);
  });

  it.each([
    ['nothing', {}, 'Authentication credentials were not provided.'],
    ['garbage', { authorization: 'JWT a.b.c' }, 'Invalid token.'],
    ['an empty token', { authorization: 'JWT ' }, 'Invalid token.'],
  ])('answers 401 with a detail to %s', async (_case, headers, detail) => {
    const answer = await send(fixture.client.port, { method: 'GET', path: queue, headers });
    expect([answer.status, json(answer)]).toEqual([401, { detail }]);
  });

  it('answers 401 to a token whose payload was changed', async () => {
    const [header, , signature] = (await fixture.client.signIn()).split('.');
    const payload = Buffer.from(JSON.stringify({ exp: 9e9, sub: 'retire' })).toString('base64url');
    const authorization = `JWT ${header ?? ''}.${payload}.${signature ?? ''}`;
    expect((await fixture.client.call('GET', queue, undefined, { authorization })).status).toBe(401);
  });

  it('takes a token until it expires, and says so afterwards', async () => {
    const brief = new LmsClient(await fixture.start({ tokenLifetimeSeconds: 2 }));
    await brief.signIn();
    expect((await brief.call('GET', queue)).status).toBe(200);
    const answer = await waitFor(
      async () => {
        const later = await brief.call('GET', queue);
        return later.status === 401 ? later : undefined;
      },
      { what: 'the token to expire' },
    );
    expect(json(answer)).toEqual({ detail: 'Token has expired.' });
    await brief.signIn();
    expect((await brief.call('GET', queue)).status).toBe(200);
  });

  it('takes a token that was issued before a restart', async () => {
    const other = await fixture.start();
    const authorization = `JWT ${await fixture.client.signIn()}`;
    const answer = await send(other.port, { method: 'GET', path: queue, headers: { authorization } });
    expect(answer.status).toBe(200);
  });

  it('answers 403 to a client without the right to retire', async () => {
    const token = textOf(
      json(await fixture.client.token(credentials.plainClientId, credentials.plainClientSecret)),
      'access_token',
    );
    const headers = { authorization: `JWT ${token}` };
    for (const [method, path] of [
      ['GET', queue],
      ['PATCH', `${accounts}update_retirement_status/`],
      ['POST', `${accounts}retire/`],
      ['POST', '/api/edx_proctoring/v1/retire_user/1/'],
      ['POST', `${accounts}cancel_retirement/`],
    ] as const) {
      const answer = await fixture.client.call(method, path, undefined, headers);
      expect([path, answer.status, json(answer)]).toEqual([
        path,
        403,
        { detail: 'You do not have permission to perform this action.' },
      ]);
    }
  });
});

describe('the sandbox LMS', () => {
  it('refuses to listen on any address but the loopback one', async () => {
    const host = '0.0.0.0' as unknown as '127.0.0.1';
    const options = { databaseUrl: fixture.databaseUrl, port: 0, credentials, host };
    await expect(startSandboxLms(options)).rejects.toThrow('127.0.0.1 only');
  });

  it('answers a page with 404 for a route that does not exist, also for the one that was removed', async () => {
    for (const path of [`${accounts}retire_mailings/`, '/api/nothing/', `${accounts}retire`]) {
      const answer = await fixture.client.call('POST', path, { username: 'anybody' });
      expect(answer.status).toBe(404);
      expect(answer.headers['content-type']).toContain('text/html');
      expect(answer.text).toContain('Not Found');
    }
  });

  it('answers 405 for a method that a path does not have', async () => {
    await fixture.client.signIn();
    const answer = await fixture.client.call('GET', `${accounts}retire/`);
    expect([answer.status, json(answer)]).toEqual([405, { detail: 'Method "GET" not allowed.' }]);
  });
});
