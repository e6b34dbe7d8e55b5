import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAmplitude } from '../../../platform/services/amplitude.ts';
import { createBraze } from '../../../platform/services/braze.ts';
import { createHubspot } from '../../../platform/services/hubspot.ts';
import { createSegment } from '../../../platform/services/segment.ts';
import type { Learner, ServiceOutcome } from '../../../platform/learner.ts';
import {
  failureOf,
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

const options = () => ({ baseUrl: server.url, timeoutMs: 5000 });

async function braze(): Promise<ServiceOutcome | undefined> {
  const service = createBraze({ apiKey: 'braze-key', instance: 'iad-01' }, options());
  return service['delete_user']?.({ learner: learnerWith() });
}

async function amplitude(): Promise<ServiceOutcome | undefined> {
  const service = createAmplitude({ apiKey: 'key', secretKey: 'secret' }, options());
  return service['delete_user']?.({ learner: learnerWith() });
}

async function segment(differences: Partial<Learner> = {}, baseUrl = server.url) {
  const service = createSegment({ authToken: 'seg-token', workspaceSlug: 'acme' }, { ...options(), baseUrl });
  return service['delete_and_suppress_learner']?.({ learner: learnerWith(differences) });
}

async function hubspot(differences: Partial<Learner> = {}) {
  const service = createHubspot({ apiKey: 'hub-key' }, options());
  return service['delete_user']?.({ learner: learnerWith(differences) });
}

function sent(index = 0) {
  const { verb, path, headers, body } = server.received[index] ?? {
    verb: '',
    path: '',
    headers: {},
    body: '',
  };
  const json = body === '' ? undefined : (JSON.parse(body) as unknown);
  return { verb, path, authorization: headers.authorization, type: headers['content-type'], json };
}

describe('Braze', () => {
  it.each([200, 201, 202, 204])('deletes by the LMS user id, told by %i', async (status) => {
    server.behave(() => ({ status, body: status === 204 ? '' : { deleted: 1, message: 'success' } }));
    expect(await braze()).toMatchObject({ kind: 'erased' });
    expect(server.received).toHaveLength(1);
    expect(sent()).toEqual({
      verb: 'POST',
      path: '/users/delete',
      authorization: 'Bearer braze-key',
      type: 'application/json',
      json: { external_ids: [42] },
    });
  });

  it('logs status and answer', async () => {
    server.behave(() => ({ status: 201, body: { deleted: 1, message: 'success' } }));
    expect((await braze())?.response).toBe('201 {"deleted":1,"message":"success"}');
  });

  it('takes a text that is no JSON for somebody else speaking', async () => {
    server.behave(() => ({ status: 200, body: 'upstream fine' }));
    expect((await failureOf(braze())).exchange).toMatchObject({ status: 200, transient: true });
  });
});

describe('Amplitude', () => {
  it('asks for the deletion of the LMS user id', async () => {
    server.behave(() => ({ status: 200, body: { day: '2026-01-01' } }));
    expect(await amplitude()).toMatchObject({ kind: 'erased' });
    expect(sent()).toEqual({
      verb: 'POST',
      path: '/api/2/deletions/users',
      authorization: `Basic ${Buffer.from('key:secret').toString('base64')}`,
      type: 'application/json',
      json: { user_ids: [42], ignore_invalid_id: 'true', requester: 'user-retirement-pipeline' },
    });
  });

  it.each([201, 202, 204])('takes nothing but 200 for success, so not %i', async (status) => {
    server.behave(() => ({ status }));
    expect((await failureOf(amplitude())).exchange).toMatchObject({ status, transient: false });
  });
});

describe('Segment', () => {
  const regulation = { status: 200, body: { regulate_id: 'r-1' } };

  it('suppresses and deletes every id that it was told', async () => {
    server.behave(() => regulation);
    expect(await segment({ ecommerceSegmentId: 'ecommerce-5' })).toMatchObject({ kind: 'erased' });
    expect(sent()).toEqual({
      verb: 'POST',
      path: '/v1beta/workspaces/acme/regulations',
      authorization: 'Bearer seg-token',
      type: 'application/json',
      json: {
        regulation_type: 'Suppress_With_Delete',
        attributes: { name: 'userId', values: ['42', 'ada', 'ecommerce-5'] },
      },
    });
  });

  it('deletes nobody called "None" when ecommerce knows no id', async () => {
    server.behave(() => regulation);
    await segment({ ecommerceSegmentId: null });
    expect(sent().json).toMatchObject({ attributes: { values: ['42', 'ada'] } });
  });

  it('takes a base URL with or without a slash at its end', async () => {
    server.behave(() => regulation);
    await segment({}, `${server.url}/`);
    expect(sent().path).toBe('/v1beta/workspaces/acme/regulations');
  });

  it.each(oddValues)('sends the username %j as it is', async (originalUsername) => {
    server.behave(() => regulation);
    await segment({ originalUsername });
    expect(sent().json).toMatchObject({ attributes: { values: ['42', originalUsername] } });
  });

  it.each([{}, null, [], 'fine', { error: 'too many' }, { regulate_id: null }])(
    'fails for good on a 200 without a regulate_id: %j',
    async (body) => {
      server.behave(() => ({ status: 200, body: JSON.stringify(body) }));
      const { exchange } = await failureOf(segment());
      expect(exchange).toMatchObject({ what: 'answered 200 without a regulate_id', transient: false });
    },
  );

  it.each(['', 'fine', '{"regulate_id": '])('tries again after a 200 with %j', async (body) => {
    server.behave(() => ({ status: 200, body }));
    expect((await failureOf(segment())).exchange).toMatchObject({ status: 200, transient: true });
  });
});

describe('HubSpot', () => {
  it('finds the contact by e-mail address and deletes it', async () => {
    server.behave(({ verb }) => ({ status: 200, body: verb === 'GET' ? { vid: 31337 } : { deleted: true } }));
    expect(await hubspot()).toEqual({ kind: 'erased', response: '200 {"deleted":true}' });
    const authorization = 'Bearer hub-key';
    const email = 'ada%40example.com';
    expect(sent(0)).toMatchObject({
      verb: 'GET',
      path: `/contacts/v1/contact/email/${email}/profile`,
      authorization,
    });
    expect(sent(1)).toMatchObject({ verb: 'DELETE', path: '/contacts/v1/contact/vid/31337', authorization });
    expect(server.received).toHaveLength(2);
  });

  it('has nothing to erase where there is no such contact', async () => {
    server.behave(() => ({ status: 404, body: { message: 'contact does not exist' } }));
    expect(await hubspot()).toMatchObject({ kind: 'nothing-to-erase' });
    expect(server.received).toHaveLength(1);
  });

  it('ends in the same place when the answer to the deletion was lost', async () => {
    let there = true;
    server.behave(({ verb }) => {
      if (verb === 'GET') return there ? { status: 200, body: { vid: 1 } } : { status: 404, body: {} };
      there = false;
      return 'drop';
    });
    expect((await failureOf(hubspot())).exchange.transient).toBe(true);
    expect(await hubspot()).toMatchObject({ kind: 'nothing-to-erase' });
  });

  it('does not take the missing route of a wrong base URL for a missing contact', async () => {
    server.behave(() => missingRoute);
    const { exchange } = await failureOf(hubspot());
    expect(exchange).toMatchObject({ status: 404, transient: false });
    expect(exchange.what).toContain('no such route');
  });

  it.each([{}, { vid: '1/../2' }, { vid: 1.5 }, null, 7])(
    'fails for good on the profile %j',
    async (profile) => {
      server.behave(() => ({ status: 200, body: JSON.stringify(profile) }));
      expect((await failureOf(hubspot())).exchange).toMatchObject({
        what: 'answered 200 without a contact id',
      });
      expect(server.received).toHaveLength(1);
    },
  );

  it.each(oddValues.filter((value) => !refusedInPaths.includes(value)))(
    'asks for %j and for nothing else',
    async (originalEmail) => {
      server.behave(() => ({ status: 404, body: {} }));
      await hubspot({ originalEmail });
      const [, asked = ''] = /^\/contacts\/v1\/contact\/email\/([^/?#]+)\/profile$/.exec(sent().path) ?? [];
      expect(decodeURIComponent(asked)).toBe(originalEmail);
    },
  );

  it.each(refusedInPaths)('is not asked for %j, which could be another path', async (originalEmail) => {
    server.behave(() => ({ status: 200, body: { vid: 1 } }));
    const failure = await failureOf(hubspot({ originalEmail }));
    expect(failure.exchange).toMatchObject({
      transient: false,
      route: '/contacts/v1/contact/email/{original_email}/profile',
    });
    expect(server.received).toHaveLength(0);
  });

  it('asks nothing about a learner without an e-mail address', async () => {
    server.behave(() => ({ status: 200, body: { vid: 1 } }));
    expect(await hubspot({ originalEmail: '' })).toMatchObject({ kind: 'nothing-to-erase' });
    expect(server.received).toHaveLength(0);
  });
});
