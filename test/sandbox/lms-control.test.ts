import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  accounts,
  json,
  type LmsClient,
  retireAsTheDriver,
  startFixture,
  type Fixture,
} from './lms-client.ts';

let fixture: Fixture;
let client: LmsClient;
beforeAll(async () => {
  fixture = await startFixture();
  client = fixture.client;
});
beforeEach(async () => {
  await client.control('DELETE', 'requests');
});
afterAll(() => fixture.end());

const notes = '/api/edxnotes/v1/retire_user/';

describe('learners', () => {
  it('can be invented by number: all distinct, with something to erase everywhere, never the same again', async () => {
    const made = [...(await client.learners({ count: 300 })), ...(await client.learners({ count: 300 }))];
    for (const key of ['id', 'retirement_id', 'username', 'email', 'name'] as const) {
      expect(new Set(made.map((learner) => learner[key])).size).toBe(600);
    }
    const [learner] = made;
    if (learner === undefined) throw new Error('no learner');
    expect(learner.id).toBe(learner.user_id);
    await retireAsTheDriver(client, learner);
    const effects = Object.values(await client.effects(learner.username));
    expect(effects.every((effect) => effect.called === effect.effective)).toBe(true);
  });

  it('can be named, with organisations and the time of the request, and are answered in the order given', async () => {
    const made = await client.learners([
      {
        username: 'named.b',
        email: 'b@example.com',
        name: 'B',
        orgs: ['X', 'Y'],
        requested_at: '2020-01-02T03:04:05+02:00',
      },
      { username: 'named.a', email: 'a@example.com', name: '' },
    ]);
    expect(made.map((learner) => learner.username)).toEqual(['named.b', 'named.a']);
    expect(json(await client.status('named.b'))).toMatchObject({ created: '2020-01-02T01:04:05.000000Z' });
    expect((await client.held('named.b')).enrolments.map((enrolment) => enrolment.org)).toEqual(['X', 'Y']);
  });

  it.each([
    ['no body', undefined],
    ['no count', {}],
    ['a count of nothing', { count: 0 }],
    ['an empty list', []],
    ['an unknown key', [{ username: 'x', email: 'x@example.com', name: 'X', role: 'y' }]],
    ['a bad time', [{ username: 'x', email: 'x@example.com', name: 'X', requested_at: 'yesterday' }]],
    ['a missing e-mail', [{ username: 'x', name: 'X' }]],
    [
      'one name twice',
      [
        { username: 'x', email: 'x@y', name: 'X' },
        { username: 'x', email: 'x@y', name: 'X' },
      ],
    ],
  ])('are refused in one line for %s', async (_case, body) => {
    const answer = await client.control('POST', 'learners', body);
    expect([answer.status, json(answer)]).toEqual([
      400,
      { error: expect.stringMatching(/^[^\n]+$/) as string },
    ]);
    expect((await client.control('GET', 'learners?username=x')).status).toBe(404);
  });

  it('keep their names: a second retirement of the same name is a conflict', async () => {
    const learner = await client.learner('named.once');
    await retireAsTheDriver(client, learner);
    const again = await client.control('POST', 'learners', [
      { username: 'named.once', email: 'n@example.com', name: '' },
    ]);
    expect(again.status).toBe(409);
    await client.call('POST', `${accounts}retirement_cleanup/`, { usernames: ['named.once'] });
    await expect(client.learner('named.once')).rejects.toThrow('named.once');
  });
});

describe('the request log', () => {
  it('counts requests by method and path as sent, lists them in order, and knows nothing of control requests', async () => {
    await client.status('log me');
    await client.status('log me');
    await client.call('POST', `${notes}?a=1`, {});
    await client.control('GET', 'effects?username=x');
    const path = `${accounts}log%20me/retirement_status/`;
    expect(json(await client.control('GET', 'requests'))).toEqual({
      [`GET ${path}`]: 2,
      [`POST ${notes}`]: 1,
    });
    const log = json(await client.control('GET', 'requests?log=1'));
    expect(log).toMatchObject([
      { request: `GET ${path}`, query: '' },
      { request: `GET ${path}` },
      { request: `POST ${notes}`, query: 'a=1' },
    ]);
    await client.control('DELETE', 'requests');
    expect(json(await client.control('GET', 'requests'))).toEqual({});
  });
});
