import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSegmentIdSource } from '../../../platform/services/ecommerce.ts';
import { createDemographics, createLicenseManager } from '../../../platform/services/open-edx.ts';
import {
  countingTokens,
  failureOf,
  html,
  learnerWith,
  missingRoute,
  oddValues,
  refusedInPaths,
  startStandIn,
} from './stand-in.ts';
import type { StandIn } from './stand-in.ts';

let server: StandIn;
beforeAll(async () => {
  server = await startStandIn();
});
afterAll(() => server.close());

const targets = [
  {
    name: 'the license manager',
    create: createLicenseManager,
    path: '/api/v1/retire_user/',
    body: { lms_user_id: 42, original_username: 'ada' },
  },
  {
    name: 'demographics',
    create: createDemographics,
    path: '/demographics/api/v1/retire_demographics/',
    body: { lms_user_id: 42 },
  },
];

describe.each(targets)('$name', ({ create, path, body }) => {
  const retire = async (tokens = countingTokens()) =>
    create({ baseUrl: server.url, tokens, timeoutMs: 5000 })['retire_learner']?.({ learner: learnerWith() });

  it('is told of the learner with the token of the LMS', async () => {
    server.behave(() => ({ status: 204 }));
    expect(await retire()).toEqual({ kind: 'erased', response: '204' });
    const [sent] = server.received;
    expect(sent).toMatchObject({ verb: 'POST', path });
    expect(sent?.headers).toMatchObject({ authorization: 'JWT token-1', 'content-type': 'application/json' });
    expect(JSON.parse(sent?.body ?? '')).toEqual(body);
  });

  it('takes a 404 for "no such learner"', async () => {
    server.behave(() => ({ status: 404, body: 'no user' }));
    expect(await retire()).toEqual({ kind: 'nothing-to-erase', response: '404 no user' });
    server.behave(() => ({ status: 404 }));
    expect(await retire()).toMatchObject({ kind: 'nothing-to-erase' });
  });

  it.each([
    missingRoute,
    { status: 404, body: '404 page not found\n' },
    { status: 404, body: { message: 'no Route matched with those values' } },
    { status: 404, body: { message: 'Route POST:/x not found', error: 'Not Found', statusCode: 404 } },
  ])('takes the 404 of a missing route for what it is: %j', async (answer) => {
    server.behave(() => answer);
    const { exchange } = await failureOf(retire());
    expect(exchange).toMatchObject({ status: 404, transient: false });
    expect(exchange.what).toContain('no such route');
  });

  it('renews a refused token and asks once more', async () => {
    server.behave(({ headers }) => ({ status: headers.authorization === 'JWT token-1' ? 401 : 204 }));
    const tokens = countingTokens();
    expect(await retire(tokens)).toMatchObject({ kind: 'erased' });
    expect(tokens.forgotten).toEqual(['token-1']);
  });

  it('fails for good when the new token is refused too', async () => {
    server.behave(() => ({ status: 401, body: { detail: 'no' } }));
    expect((await failureOf(retire())).exchange).toMatchObject({ status: 401, transient: false });
    expect(server.received).toHaveLength(2);
  });

  it.each(['', 'fine'])('tries again after a 200 with %j', async (text) => {
    server.behave(() => ({ status: 200, body: text }));
    expect((await failureOf(retire())).exchange).toMatchObject({ status: 200, transient: true });
  });
});

describe('the segment id', () => {
  const idOf = (username: string) =>
    createSegmentIdSource({ baseUrl: server.url, tokens: countingTokens(), timeoutMs: 5000 })({ username });

  it('is what ecommerce told Segment', async () => {
    server.behave(() => ({
      status: 200,
      body: { id: 5, ecommerce_tracking_id: 'ecommerce-5', lms_user_id: 42 },
    }));
    expect(await idOf('ada')).toBe('ecommerce-5');
    expect(server.received[0]).toMatchObject({ verb: 'GET', path: '/api/v2/retirement/tracking_id/ada/' });
    expect(server.received[0]?.headers.authorization).toBe('JWT token-1');
  });

  it('is null for a learner whom ecommerce does not know', async () => {
    server.behave(() => ({ status: 404, body: { message: 'Invalid user.' } }));
    expect(await idOf('ada')).toBeNull();
  });

  it.each(oddValues.filter((value) => !refusedInPaths.includes(value)))(
    'is asked for %j and for nobody else',
    async (username) => {
      server.behave(() => ({ status: 404, body: {} }));
      await idOf(username);
      const [, asked = ''] =
        /^\/api\/v2\/retirement\/tracking_id\/([^/?#]+)\/$/.exec(server.received[0]?.path ?? '') ?? [];
      expect(decodeURIComponent(asked)).toBe(username);
    },
  );

  it.each(['', '.', '..', ...refusedInPaths])(
    'is not asked for %j, which would be another path',
    async (username) => {
      server.behave(() => ({ status: 200, body: {} }));
      const failure = await failureOf(idOf(username));
      expect(failure.exchange.transient).toBe(false);
      expect(server.received).toHaveLength(0);
    },
  );

  it.each([
    { answer: missingRoute, transient: false },
    { answer: { status: 403, body: {} }, transient: false },
    { answer: { status: 200, body: {} }, transient: false },
    { answer: { status: 200, body: { ecommerce_tracking_id: '' } }, transient: false },
    { answer: { status: 502, body: 'bad gateway' }, transient: true },
    { answer: html, transient: true },
    { answer: 'drop' as const, transient: true },
  ])('fails on $answer', async ({ answer, transient }) => {
    server.behave(() => answer);
    const { exchange } = await failureOf(idOf('ada'));
    expect(exchange).toMatchObject({
      service: 'ECOMMERCE',
      route: '/api/v2/retirement/tracking_id/{username}/',
      transient,
    });
  });
});
